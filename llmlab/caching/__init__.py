"""Lab 7. Caching: what need not be computed twice?

pages        a pool of pages that rows take, share and give back
ownership    which of them are free, and how many owners the others have
paged        the cache on pages, for rows of any length
parts        its three steps, which a learner can hand in

A cache speaks the contract of `core.model`, so that the decoder reads with any of them.
"""

from llmlab.caching.paged import PagedCache
from llmlab.caching.pages import PagePool
from llmlab.caching.parts import extend_pages, page_slots, resize_table
from llmlab.core import faces

__all__ = [
    "PagePool",
    "PagedCache",
    "extend_pages",
    "ownership",
    "page_slots",
    "paged",
    "pages",
    "parts",
    "resize_table",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
