"""Lab 7. Caching: what need not be computed twice?

pages        a pool of pages that rows take, share and give back
ownership    which of them are free, and how many owners the others have
paged        the cache on pages, for rows of any length
slots        where the tokens of a call lie on them
parts        its three steps, which a learner can hand in
window       a cache of the first tokens and the last ones, for texts without end
quantized    a cache in 8 or 4 bits
memory       what caches take, and what a ragged batch wastes

prefix       a tree of the prefixes that pages hold; radix: the nested dict it is
reuse        generation that takes over the longest prefix

results      whole answers, computed once; keys: all that an answer depends on
stores       where they are kept: memory, Redis, disk (outages: one that fails)
semantic     answers to questions that are nearly the same, and false hits
traces       requests as they come, drawn from a seed

quantities   name and unit of the facts of this lab
experiments  what the lab measures, one call each

A cache speaks the contract of `core.model`, so that the decoder reads with any of them.
"""

from llmlab.caching.memory import cache_bytes, waste
from llmlab.caching.paged import PagedCache
from llmlab.caching.pages import PagePool
from llmlab.caching.parts import extend_pages, page_slots, resize_table
from llmlab.caching.prefix import PrefixTree
from llmlab.caching.quantized import QuantizedCache
from llmlab.caching.radix import longest_prefix
from llmlab.caching.results import ResultCache
from llmlab.caching.semantic import SemanticCache, embed_with
from llmlab.caching.window import WindowCache
from llmlab.core import faces

__all__ = [
    "PagePool",
    "PagedCache",
    "PrefixTree",
    "QuantizedCache",
    "ResultCache",
    "SemanticCache",
    "WindowCache",
    "cache_bytes",
    "disk",
    "embed_with",
    "experiments",
    "extend_pages",
    "keys",
    "longest_prefix",
    "memory",
    "outages",
    "ownership",
    "page_slots",
    "paged",
    "pages",
    "parts",
    "prefix",
    "quantities",
    "quantized",
    "radix",
    "resize_table",
    "results",
    "reuse",
    "semantic",
    "slots",
    "stores",
    "traces",
    "waste",
    "window",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
