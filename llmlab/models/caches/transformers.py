"""Caches for transformers' own classes: keys and values right-aligned, or just tokens.

Those classes know one length for all rows. So each row of a ragged batch ends at the
last column, and the columns before its first token are hidden by a mask; a row that
takes tokens back moves to the right. Where a model's memory cannot be moved, only its
tokens are kept and the text is read again.

Shapes: B sequences, T new tokens, K key/value heads, H head width, C columns.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from llmlab.models.caches import rows
from llmlab.models.caches.rows import Counts, RaggedCache


class AlignedCache(RaggedCache):
    """A DynamicCache whose rows all end at the last column, that of the longest."""

    def __init__(
        self,
        batch: int,
        length: int,
        *,
        made_for: str = "",
        device: torch.device | str = "cpu",
    ):
        """Start with empty rows; `made_for` names the sizes of the model."""
        rows.check_size(batch, length)
        super().__init__(batch, length, device=device)
        self.made_for = made_for
        self._past = DynamicCache()

    @property
    def bytes(self) -> int:
        """Memory held, in bytes; it grows with the tokens."""
        return sum(p.keys.nbytes + p.values.nbytes for p in self._filled())

    def open(self, counts: Counts) -> DynamicCache:
        """Return what the model extends by `counts` real tokens in each row."""
        _check_room(self, counts)
        for layer in self._filled():  # an interrupted call may have left more than that
            layer.keys = layer.keys[:, :, : self.longest]
            layer.values = layer.values[:, :, : self.longest]
        return self._past

    def close(self, counts: Counts, new: int) -> None:
        """Take in the T = `new` columns of a call, of which `counts` are real."""
        columns = self.longest
        self.advance(counts)
        if not isinstance(counts, int):
            self._align([columns + real for real in counts], columns + new)

    def _align(self, ends: list[int], columns: int) -> None:
        """Move each row, which ends before column `ends[row]`, to the last column."""
        kept = self.longest
        if not kept:
            self._past = DynamicCache()
        elif min(ends) < columns:
            for layer in self._filled():
                device = layer.keys.device
                starts = torch.tensor(ends, device=device)[:, None] - kept  # (B, 1)
                places = starts + torch.arange(kept, device=device)  # (B, C)
                lengths = self.lengths.to(device)[:, None]
                empty = torch.arange(kept, device=device) < kept - lengths
                row_indices = torch.arange(len(ends), device=device)[:, None]
                empty, places = empty[:, None, :, None], places.clamp(min=0)
                # Indices on both sides of a slice come out in front: (B, C, K, H).
                keys = layer.keys[row_indices, :, places].transpose(1, 2)
                values = layer.values[row_indices, :, places].transpose(1, 2)
                layer.keys = keys.masked_fill(empty, 0)
                layer.values = values.masked_fill(empty, 0)

    def _filled(self) -> list:
        layers = self._past.layers
        return [layer for layer in layers if getattr(layer, "keys", None) is not None]

    def _form(self) -> tuple:
        return ("right-aligned keys and values",)

    def _forget(self, wanted: list[int], held: list[int]) -> None:
        columns = self.longest
        ends = [columns - old + new for new, old in zip(wanted, held, strict=True)]
        self._hold(torch.tensor(wanted, device=self.lengths.device))
        self._align(ends, columns)

    def _take(self, old: "AlignedCache", index: Tensor) -> None:
        # Not the last columns there are: an interrupted call may have left more.
        kept = slice(old.longest - self.longest, old.longest)
        self._past = _past(
            [(layer.keys[index, :, kept], layer.values[index, :, kept])
             for layer in old._filled() if self.longest]
        )  # fmt: skip

    def _put(self, one: "AlignedCache", other: "AlignedCache") -> None:
        kept, pairs = self.longest, []
        filled, others = one._filled() or other._filled(), other._filled()
        if one.longest and other.longest and _sizes(filled) != _sizes(others):
            raise ValueError(
                f"other holds {_sizes(others)} and this cache {_sizes(filled)}, each "
                "layer's heads and their width; join caches that one model made."
            )
        for place in range(len(filled) if kept else 0):
            like = filled[place]
            sides = [
                _columns(cache, place, kept, like, name)
                for name in ("keys", "values")
                for cache in (one, other)
            ]
            pairs.append((torch.cat(sides[:2]), torch.cat(sides[2:])))
        self._past = _past(pairs)


class TokenCache(RaggedCache):
    """The tokens alone: the model reads them again at each call."""

    limit: int

    def __init__(
        self,
        batch: int,
        length: int,
        *,
        made_for: str = "",
        device: torch.device | str = "cpu",
    ):
        """Start with empty rows; `made_for` names the sizes of the model."""
        rows.check_size(batch, length)
        super().__init__(batch, length, device=device)
        self.made_for = made_for
        self._tokens = torch.zeros(batch, length, dtype=torch.int64, device=device)
        self.clean = 0  # every row has tokens of the vocabulary before this place

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return self._tokens.nbytes

    def open(self, tokens: Tensor, counts: Counts) -> tuple[Tensor, Tensor]:
        """Write (B, T); return all texts (B, C) and the places (B, T) of the new."""
        width = max(1, _check_room(self, counts))
        if width > self.clean:
            self._tokens[:, self.clean : width] = 0
            self.clean = width
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        places = self.lengths[:, None] + steps  # (B, T)
        if isinstance(counts, int):
            self._tokens.scatter_(1, places, tokens)
            return self._tokens[:, :width], places
        for row, (old, real) in enumerate(
            zip(self.lengths.tolist(), counts, strict=True)
        ):
            self._tokens[row, old : old + real] = tokens[row, :real]
        return self._tokens[:, :width], places.clamp(max=width - 1)

    def _form(self) -> tuple:
        return ("tokens",)

    def _forget(self, wanted: list[int], held: list[int]) -> None:
        for row, new in enumerate(wanted):
            self._tokens[row, new:] = 0

    def _take(self, old: "TokenCache", index: Tensor) -> None:
        self._put_rows([old._tokens[index]])

    def _put(self, one: "TokenCache", other: "TokenCache") -> None:
        self._put_rows(
            (one._tokens[:, : one.longest], other._tokens[:, : other.longest])
        )

    def _put_rows(self, parts: Sequence[Tensor]) -> None:
        """Copy what the rows hold into memory of its own, zero behind them."""
        self.clean, row = self.longest, 0
        self._tokens = parts[0].new_zeros(len(self.lengths), self.limit)
        for part in parts:
            held = part[:, : self.longest]
            self._tokens[row : row + len(held), : held.shape[1]] = held
            row += len(held)


def _check_room(cache: RaggedCache, counts: Counts) -> int:
    """Return what the longest row reaches; ValueError where it outgrows the cache."""
    return cache.room(cache.reach(counts) - cache.longest)


def _past(pairs: Sequence[tuple[Tensor, Tensor]]) -> DynamicCache:
    """Return a cache of these keys and values, a pair for each layer."""
    past = DynamicCache()
    for place, (keys, values) in enumerate(pairs):
        past.update(keys, values, place)
    return past


def _sizes(layers: Sequence) -> list[tuple[int, int]]:
    """Return each layer's heads and their width, (K, H)."""
    return [(layer.keys.shape[1], layer.keys.shape[3]) for layer in layers]


def _columns(cache: AlignedCache, place: int, kept: int, like, name: str) -> Tensor:
    """Return a layer's keys or values of this cache, empty columns before them."""
    filled = cache._filled()
    model = getattr(like, name)
    if not filled:
        batch, (_, heads, _, width) = len(cache.lengths), model.shape
        return model.new_zeros(batch, heads, kept, width)
    part = getattr(filled[place], name)[:, :, : cache.longest]
    return torch.nn.functional.pad(part, (0, 0, kept - part.shape[2], 0))
