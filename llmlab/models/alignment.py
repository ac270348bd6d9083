"""Caches for transformers' own classes: keys and values right-aligned, or just tokens.

Those classes know one length for all rows. So each row of a ragged batch ends at the
last column, and the columns before its first token are hidden by a mask; a row that
takes tokens back moves to the right. Where a model's memory cannot be moved, only its
tokens are kept and the text is read again.

Shapes: B sequences, T new tokens, K key/value heads, H head width, C columns.
"""

import torch
from torch import Tensor
from transformers import DynamicCache


class AlignedCache:
    """A DynamicCache whose rows all end at the last column."""

    def __init__(self, batch: int, length: int):
        _check_size(batch, length)
        self.length = length
        self.lengths = [0] * batch
        self._held = [0] * batch  # what stands in the columns: a length may be lowered
        self._past = DynamicCache()

    @property
    def bytes(self) -> int:
        """Memory held, in bytes; it grows with the tokens."""
        return sum(p.keys.nbytes + p.values.nbytes for p in self._filled())

    def open(self, counts: list[int]) -> DynamicCache:
        """Return what the model extends by `counts` real tokens in each row."""
        _check_room(self, counts)
        old, columns = self._held, max(self._held)
        for layer in self._filled():  # an interrupted call may have left more than that
            layer.keys = layer.keys[:, :, :columns]
            layer.values = layer.values[:, :, :columns]
        if self.lengths != old:
            taken = [
                held - length for held, length in zip(old, self.lengths, strict=True)
            ]
            if min(taken) < 0:
                raise ValueError(
                    f"lengths={self.lengths} beside {old} held: a length can only be "
                    "lowered, to take tokens back; the model alone adds tokens."
                )
            self._align(self.lengths, [columns - back for back in taken], columns)
        return self._past

    def close(self, counts: list[int], new: int) -> None:
        """Take in the T = `new` columns of a call, of which `counts` are real."""
        columns = max(self._held)
        lengths = [old + real for old, real in zip(self._held, counts, strict=True)]
        self._align(lengths, [columns + real for real in counts], columns + new)

    def _align(self, lengths: list[int], ends: list[int], columns: int) -> None:
        """Move each row, which ends before column `ends[row]`, to the last column."""
        kept = max(lengths)
        self.lengths, self._held = list(lengths), list(lengths)
        if not kept:
            self._past = DynamicCache()
        elif min(ends) < columns:
            for layer in self._filled():
                device = layer.keys.device
                starts = torch.tensor(ends, device=device)[:, None] - kept  # (B, 1)
                places = (starts + torch.arange(kept, device=device)).clamp(min=0)
                rows = torch.arange(len(ends), device=device)[:, None]
                # Indices on both sides of a slice come out in front: (B, C, K, H).
                layer.keys = layer.keys[rows, :, places].transpose(1, 2)
                layer.values = layer.values[rows, :, places].transpose(1, 2)

    def _filled(self) -> list:
        layers = self._past.layers
        return [layer for layer in layers if getattr(layer, "keys", None) is not None]


class TokenCache:
    """The tokens alone: the model reads them again at each call."""

    def __init__(self, batch: int, length: int):
        _check_size(batch, length)
        self.length = length
        self.lengths = [0] * batch
        self._tokens = torch.zeros(batch, length, dtype=torch.int64)

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return self._tokens.nbytes

    def open(self, tokens: Tensor, counts: list[int]) -> tuple[Tensor, Tensor]:
        """Write (B, T); return all texts (B, C) and the places (B, T) of the new."""
        _check_room(self, counts)
        self._tokens = self._tokens.to(tokens.device)
        for row, (old, real) in enumerate(zip(self.lengths, counts, strict=True)):
            self._tokens[row, old : old + real] = tokens[row, :real]
        width = (
            max(old + real for old, real in zip(self.lengths, counts, strict=True)) or 1
        )
        held = torch.tensor(self.lengths, device=tokens.device)[:, None]  # (B, 1)
        places = held + torch.arange(tokens.shape[1], device=tokens.device)
        return self._tokens[:, :width], places.clamp(max=width - 1)

    def close(self, counts: list[int]) -> None:
        """Count the tokens of a call as held."""
        self.lengths = [
            old + real for old, real in zip(self.lengths, counts, strict=True)
        ]


def _check_size(batch: int, length: int) -> None:
    if batch < 1 or length < 1:
        raise ValueError(
            f"batch={batch}, length={length}: a cache holds at least one token of one "
            "sequence; choose batch >= 1 and length >= 1."
        )


def _check_room(cache: AlignedCache | TokenCache, counts: list[int]) -> None:
    longest = max(old + real for old, real in zip(cache.lengths, counts, strict=True))
    if longest > cache.length:
        raise ValueError(
            f"the new tokens make {longest}, and this cache holds {cache.length}; make "
            f"it with new_cache(batch, length={longest})."
        )
