"""Requests in the rows of one cache of the model's own, for models of any kind.

A slot holds a request of any length, so it counts as one page. A call runs all slots,
those that have nothing to compute as padding: simple, and dear where few of them write.

Shapes: B slots, T new tokens, V vocabulary.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from llmlab import models
from llmlab.batching import padding
from llmlab.core import arguments
from llmlab.core.model import LanguageModel


class Slots:
    """Requests in the rows of one cache, for a causal model of any kind."""

    def __init__(self, model: LanguageModel, slots: int, *, length: int | None = None):
        """length: tokens that a slot holds, the model's context if left out."""
        way = "choose how many requests may run side by side"
        self.pages = arguments.whole("slots", slots, least=1, way=way)
        self.page_size = model.context if length is None else length
        self.model = model
        self.cache = model.new_cache(slots, self.page_size)
        self._slots: dict[int, int] = {}

    def __contains__(self, name: int) -> bool:
        return name in self._slots

    def names(self) -> list[int]:
        """Return who is open."""
        return list(self._slots)

    def length(self, name: int) -> int:
        """Return how many tokens of a request are computed."""
        return _held(self.cache)[self._slots[name]]

    def cached(self, tokens: Sequence[int]) -> tuple[int, int]:
        """Return zeros: a slot shares nothing."""
        return 0, 0

    def open(self, name: int, tokens: Sequence[int]) -> int:
        """Begin a request in a free slot; nothing of it is there already."""
        slot = min(set(range(self.pages)).difference(self._slots.values()))
        self._clear(slot)
        self._slots[name] = slot
        return 0

    def keep(self, name: int, tokens: Sequence[int]) -> None:
        """Do nothing: a slot shares nothing."""

    def close(self, name: int) -> None:
        """Give a request's slot back."""
        self._clear(self._slots[name])
        del self._slots[name]

    def borrowed(self, names: Sequence[int]) -> dict[int, int]:
        """Return nothing: a slot shares nothing."""
        return {}

    def calls(self, counts: Mapping[int, int]) -> list[list[int]]:
        """Let all requests compute their chunks together: all slots run anyhow."""
        return [list(counts)] if counts else []

    def run(self, names: Sequence[int], tokens: Sequence[list[int]]) -> Tensor:
        """Compute new tokens of these requests; return the logits (B, V) behind."""
        slots = [self._slots[name] for name in names]
        rows: list[list[int]] = [[] for _ in range(self.pages)]
        for slot, row in zip(slots, tokens, strict=True):
            rows[slot] = row
        logits = None
        for piece in self._pieces(rows):
            padded, counts = padding.filled(piece, self.cache.lengths.device)
            answers = self.model(padded, self.cache, counts=counts, last=True)[:, 0]
            has = torch.tensor([bool(row) for row in piece], device=answers.device)
            logits = answers if logits is None else answers.where(has[:, None], logits)
        assert logits is not None
        return logits[torch.tensor(slots, device=logits.device)]

    def mend(self) -> None:
        """Do nothing: a call that failed has counted no token."""

    def _pieces(self, rows: list[list[int]]) -> list[list[list[int]]]:
        """Cut chunks so that padding stays within the cache, where it is written."""
        width = whole = max(map(len, rows))
        if isinstance(self.cache, models.KVCache):
            held = _held(self.cache)
            ends = [old + len(row) for old, row in zip(held, rows, strict=True)]
            width = max(1, min(whole, self.cache.limit - max(ends)))
        starts = range(0, whole, width)
        return [[row[start : start + width] for row in rows] for start in starts]

    def _clear(self, slot: int) -> None:
        lengths = _held(self.cache)
        if lengths[slot]:
            lengths[slot] = 0
            self.cache.rewind(lengths)


def _held(cache) -> list[int]:
    return cache.lengths.tolist()
