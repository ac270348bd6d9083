"""What an engine keeps its requests' caches in: pages for decoders, slots for others.

Both say how many pages there are, open and close requests, and run one call of the
model for several of them.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from llmlab import models
from llmlab.batching.pages import Pages
from llmlab.batching.slots import Slots
from llmlab.caching import PagePool, PrefixTree
from llmlab.core.model import LanguageModel

PAGE_SIZE = 16  # tokens
USUAL = 1024  # tokens that a request holds at most, most of the time


class Memory(Protocol):
    """What an engine runs on."""

    pages: int
    page_size: int

    def __contains__(self, name: int) -> bool: ...
    def names(self) -> list[int]: ...
    def length(self, name: int) -> int: ...
    def cached(self, tokens: Sequence[int]) -> tuple[int, int]: ...
    def open(self, name: int, tokens: Sequence[int]) -> int: ...
    def keep(self, name: int, tokens: Sequence[int]) -> None: ...
    def close(self, name: int) -> None: ...
    def borrowed(self, names: Sequence[int]) -> Mapping[int, int]: ...
    def calls(self, counts: Mapping[int, int]) -> list[list[int]]: ...
    def run(self, names: Sequence[int], tokens: Sequence[list[int]]) -> Tensor: ...
    def mend(self) -> None: ...


def new_memory(
    model: LanguageModel, requests: int, *, prefixes: bool = False
) -> Memory:
    """Return memory for so many requests of the model's context, of 1,024 at most.

    prefixes: whether a common beginning is computed once, where pages allow it.
    """
    if not isinstance(model.new_cache(1, 1), models.KVCache):  # as decoders keep
        return Slots(model, requests)
    tokens = max(model.context, requests * min(model.context, USUAL))
    pool = PagePool(model, pages=-(-tokens // PAGE_SIZE), page_size=PAGE_SIZE)
    return Pages(model, pool, prefixes=PrefixTree(pool) if prefixes else None)
