"""Experiments: one line measures, and what comes back has `records()`.

reading_again  writing with a cache and by reading all again, by tokens
sizes          what keys and values take in four models: a formula
waste          a ragged batch in one piece and on pages: held, reserved, wasted
on_pages       the plain loop's tokens on a learner's pages, and a step raced
page_states    a small pool while requests grow, share and end, for the widget
fewer_bits     float32, int8 and int4 caches: quality, bytes, time
windows        a window with and without sinks, and a text beyond the context
prefixes       tokens read and time to first token by trace, and by capacity
answers        whole answers: hits, time by place, and stale ones
similar        a semantic cache: served and wrong by threshold
claims         what is said of caches, and whether it holds here

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.caching.experiments.answered import Answers, answers
from llmlab.caching.experiments.batches import Waste, waste
from llmlab.caching.experiments.fewer import FewerBits, fewer_bits
from llmlab.caching.experiments.formula import Sizes, sizes
from llmlab.caching.experiments.paging import OnPages, on_pages
from llmlab.caching.experiments.prefixed import ByCapacity, Prefixes, prefixes
from llmlab.caching.experiments.reading import ReadingAgain, reading_again
from llmlab.caching.experiments.sentences import claims
from llmlab.caching.experiments.similarity import Similar, similar
from llmlab.caching.experiments.states import PageStates, page_states
from llmlab.caching.experiments.windowed import Windows, windows
from llmlab.core import faces

__all__ = ["Answers", "ByCapacity", "FewerBits", "OnPages", "PageStates", "Prefixes"]
__all__ += ["ReadingAgain", "Similar", "Sizes", "Waste", "Windows", "answers"]
__all__ += ["claims", "fewer_bits", "on_pages", "page_states", "prefixes"]
__all__ += ["reading_again", "similar", "sizes", "waste", "windows"]

__getattr__, __dir__ = faces.of(__name__, __all__)
