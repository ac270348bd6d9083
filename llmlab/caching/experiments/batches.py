"""What a ragged batch reserves for its caches, in one piece and on pages: counted.

Nothing is timed: the caches are made, rows take their places, and bytes are counted.

Shapes: B rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import models
from llmlab.caching.pages import PagePool
from llmlab.caching.quantities import HELD, RESERVED, WASTED
from llmlab.core import records
from llmlab.core.records import Record

LENGTH = 1024
LENGTHS = (30, 47, 62, 90, 118, 153, 201, 256, 300, 340, 402, 455, 520, 610, 733, 900)
PAGE_SIZES = (128, 16)
WHOLE = f"one piece of {LENGTH:,}"

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Waste:
    """Bytes in use and bytes reserved for a batch, by how they are reserved."""

    facts: tuple[Record, ...]

    def wasted(self, page_size: int | None) -> Record:
        """Return the share that is not in use; None: in one piece.

        ValueError for a page size that was not tried.
        """
        name = WHOLE if page_size is None else _named(page_size)
        shares = {f.subject: f for f in self.facts if f.name == WASTED.name}
        if name not in shares:
            raise ValueError(f"{name!r} was not tried; choose of {', '.join(shares)}.")
        return shares[name]

    def records(self) -> list[Record]:
        """Return bytes in use and reserved, and the share that is wasted."""
        return list(self.facts)


def waste(
    model: Model = None, *, lengths: Sequence[int] = LENGTHS,
    page_sizes: Sequence[int] = PAGE_SIZES,
) -> Waste:  # fmt: skip
    """Reserve places for rows of these lengths in one piece, and on pages.

    model: whose keys and values; by default those of `coder`.
    """
    model = models.load("coder") if model is None else model
    whole = model.new_cache(len(lengths), LENGTH).bytes
    token = whole / len(lengths) / LENGTH
    reserved = {WHOLE: whole}
    for size in page_sizes:
        reserved[_named(size)] = _on_pages(model, lengths, size)
    held, facts = token * sum(lengths), []
    for name, bytes_ in reserved.items():
        facts += [
            records.measured(HELD, held, subject=name),
            records.measured(RESERVED, bytes_, subject=name),
            records.measured(WASTED, 1 - held / bytes_, subject=name),
        ]
    return Waste(tuple(facts))


def _on_pages(model: Model, lengths: Sequence[int], page_size: int) -> int:
    """Let every row take its pages from one pool; return the bytes of these pages."""
    pages = sum(-(-length // page_size) for length in lengths)
    pool = PagePool(model, pages=pages, page_size=page_size)
    caches = [pool.new_cache(1) for _ in lengths]
    for cache, length in zip(caches, lengths, strict=True):
        cache.reserve(length)
    return sum(cache.bytes for cache in caches)


def _named(page_size: int) -> str:
    return f"pages of {page_size}"
