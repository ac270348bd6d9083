"""A window: the first tokens and the last ones stay, whatever the text becomes.

Memory and time of a step stay what they are, however long the text grows. A token sees
`window` tokens: itself, those right before it, and the first ones of the text, the
sinks, to which many models give the attention that they have no better use for. The
tokens in between are forgotten, and those behind the gap move up. What moves is turned
back: a key at position p stands at p - d once d tokens have gone, so positions stay
within what the model was trained on, and the text may outgrow its context.

Keys are kept unturned and turned where they are read, so that no turn adds to another.

Shapes: B rows, K key/value heads, T new tokens, S tokens attended to, H head width.
Source: Xiao et al., ICLR 2024 (attention sinks).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.caching.pages import plain_cache
from llmlab.core import arguments
from llmlab.core.model import LanguageModel
from llmlab.models.caches import rows
from llmlab.models.caches.attention import Mask, causal_mask
from llmlab.models.caches.rows import Counts, RaggedCache
from llmlab.models.layers import rotate

Layer = tuple[Tensor, Tensor]  # unturned keys, values: (B, K, longest, H)


class WindowCache(RaggedCache):
    """The sinks and the last tokens of each row, at most `window` - 1 between calls.

    lengths: tokens held, not tokens read. Answers do not depend on how a text is cut
    into calls. A row that has forgotten tokens can only go on or start anew.
    """

    limit: None

    def __init__(
        self, model: LanguageModel, batch: int, *, window: int, sinks: int = 4
    ):
        """Start with empty rows; a token sees `window` tokens, `sinks` of them first.

        Raises ValueError for a model that keeps another kind of cache, and for one
        whose own layers look back only so far.
        """
        plain: Any = plain_cache(model)
        rows.check_size(batch, 1)
        if own := [one for one in plain.windows if one is not None]:
            raise ValueError(
                f"model {model.name!r} looks back {min(own)} tokens by itself; choose "
                "one whose layers see everything, such as models.load('coder')."
            )
        self.sinks = arguments.whole("sinks", sinks, way="0 keeps the last ones alone")
        way = "a token sees itself, the one before it and the sinks"
        self.window = arguments.whole("window", window, least=self.sinks + 2, way=way)
        super().__init__(batch, None, device=plain.lengths.device)
        self.layers: list[Layer] = [
            (
                keys.new_zeros(batch, keys.shape[1], 0, keys.shape[3]),
                keys.new_zeros(batch, keys.shape[1], 0, keys.shape[3]),
            )
            for keys, _ in plain.layers
        ]
        self._rotary: Any = getattr(model, "rotary")  # noqa: B009 (a decoder has it)
        self._read: dict[int, Layer] = {}  # of the call that runs: old and new tokens
        self._dropped = [0] * batch

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return sum(part.nbytes for layer in self.layers for part in layer)

    def extend(
        self, layer: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Mask]:
        """Return what each row holds and its new tokens (B, K, T, H); keep both.

        Queries beyond the window see the sinks as if these had moved up with them:
        each has copies of its own, behind the S tokens. ValueError for keys of another
        model.
        """
        held, tokens = self.layers[layer][0], keys.shape[2]
        if keys.shape[1::2] != held.shape[1::2] or keys.dtype != held.dtype:
            raise ValueError(
                f"keys have {keys.shape[1]} heads of {keys.shape[3]} in {keys.dtype}, "
                f"and this cache holds {held.shape[1]} of {held.shape[3]} in "
                f"{held.dtype}; make it for this model: WindowCache(model, batch, "
                "window=...)."
            )
        new = self._starts()[:, None] + self._arange(tokens)  # (B or 1, T)
        turns = self._turns(new, self.longest + tokens, keys)
        raw, values = self._behind(layer, turned_back(keys, turns), values)
        self._read[layer] = raw, values
        reach, device = raw.shape[2], raw.device
        keys = rotate(raw, self._turns(self._arange(reach)[None], reach, raw))
        beyond = reach - self.window
        if beyond <= 0:
            return keys, values, causal_mask(self.start, tokens, reach, None, device)
        sinks = self.sinks
        positions = self._sunk(tokens, beyond).flatten(1)  # (B, beyond sinks)
        copies = raw[:, :, :sinks].repeat(1, 1, beyond, 1)
        copies = rotate(copies, self._turns(positions, reach, raw))
        again = values[:, :, :sinks].repeat(1, 1, beyond, 1)
        mask = self._mask(tokens, reach, beyond)
        return torch.cat((keys, copies), 2), torch.cat((values, again), 2), mask

    def advance(self, counts: Counts, *, most: int | None = None) -> None:
        """Count more tokens as held; forget what no later token can see."""
        held = self.lengths.tolist()
        more = self._listed(counts, "counts")
        if len(self._read) < len(self.layers):
            raise ValueError(
                f"counts={counts!r} of tokens that no layer has written; the model "
                "counts them itself: model(tokens, cache)."
            )
        ends = [old + new for old, new in zip(held, more, strict=True)]
        gone = [max(0, end - self.window + 1) for end in ends]
        left = [end - lost for end, lost in zip(ends, gone, strict=True)]
        lengths = torch.tensor(left, device=self.lengths.device)
        layers = self._without(gone, left, lengths)
        dropped = [a + b for a, b in zip(self._dropped, gone, strict=True)]
        self._store(layers, lengths, left, dropped)

    def _store(
        self, layers: list[Layer], lengths: Tensor, held: list[int], dropped: list[int]
    ) -> None:
        """Change all that is held together: Ctrl-C finds all of it, or none."""
        most, none = max(held), not any(dropped)
        even = most if min(held) == most else None
        read: dict[int, Layer] = {}
        self.layers, self._read, self._dropped, self.can_rewind = (
            layers, read, dropped, none,
        )  # fmt: skip
        self.lengths, self.longest, self.even = lengths, most, even

    def _without(
        self, gone: list[int], left: list[int], lengths: Tensor
    ) -> list[Layer]:
        """Return what was read without the tokens that have gone."""
        read = [self._read[layer] for layer in range(len(self.layers))]
        sinks = self.sinks
        if len({*gone}) == len({*left}) == 1:  # equal rows: no gather
            start, end = sinks + gone[0], left[0] + gone[0]
            if not gone[0]:
                return [(keys[:, :, :end], values[:, :, :end]) for keys, values in read]
            return [
                (_spliced(keys, sinks, start, end), _spliced(values, sinks, start, end))
                for keys, values in read
            ]
        places = self._arange(max(left)).expand(len(left), -1)
        lost = torch.tensor(gone, device=places.device)[:, None]
        index = places + lost * (places >= sinks)  # (B, longest)
        return self._gathered(read, index, lengths)

    def _behind(self, layer: int, keys: Tensor, values: Tensor) -> Layer:
        """Return old tokens and new ones, without a gap in rows of unequal length."""
        pairs = zip(self.layers[layer], (keys, values), strict=True)
        keys, values = (torch.cat(pair, 2) for pair in pairs)
        if self.even is not None:
            return keys, values
        new = keys.shape[2] - self.longest
        places = self._arange(keys.shape[2]).expand(len(keys), -1)
        starts = self.lengths[:, None]
        index = places + (self.longest - starts) * (places >= starts)
        ends, last = self.lengths + new, keys.shape[2] - 1
        index = index.clamp(max=last)
        return _gathered(keys, index, ends), _gathered(values, index, ends)

    def _starts(self) -> Tensor:
        even = self.even
        return self.lengths if even is None else self.lengths[:1]

    def _arange(self, count: int) -> Tensor:
        return torch.arange(count, device=self.lengths.device)

    def _turns(self, positions: Tensor, reach: int, like: Tensor) -> tuple:
        """Return cosines and sines (B or 1, 1, T, H) of positions (B or 1, T)."""
        cosines, sines = self._rotary(positions.flatten(), 1, reach, like)
        shape = (*positions.shape, like.shape[3])
        return cosines.view(shape)[:, None], sines.view(shape)[:, None]

    def _sunk(self, tokens: int, beyond: int) -> Tensor:
        """Return where the last queries see the sinks, (B or 1, beyond, sinks)."""
        queries = self._arange(beyond) + tokens - beyond
        positions = self._starts()[:, None] + queries  # (B, beyond)
        moved = (positions - self.window + 1).clamp(min=0)
        return moved[:, :, None] + self._arange(self.sinks)

    def _mask(self, tokens: int, reach: int, beyond: int) -> Tensor:
        """Say what queries see of S tokens and of the copies of the sinks behind."""
        queries = self._arange(tokens)[:, None]  # (T, 1)
        positions = (self._starts()[:, None] + self._arange(tokens))[:, :, None]
        places, sinks = self._arange(reach), self.sinks
        near = places > positions - (self.window - sinks)
        plain = (places < sinks) & (queries < tokens - beyond)
        near = torch.where(places < sinks, plain, near) & (places <= positions)
        owner = self._arange(beyond).repeat_interleave(sinks) + tokens - beyond
        sunk = self._arange(sinks).repeat(beyond)
        copies = (owner == queries) & (sunk <= positions)
        return torch.cat((near, copies), 2)[:, None]  # (B or 1, 1, T, S + copies)

    def _form(self) -> tuple:
        keys = [keys for keys, _ in self.layers]
        heads, first = tuple(one.shape[1] for one in keys), keys[0]
        form = "keys and values", "in a window", self.window, self.sinks
        return *form, heads, first.shape[3], first.dtype

    def _forget(self, wanted: list[int], held: list[int]) -> None:
        pairs = zip(self._dropped, wanted, strict=True)
        dropped = [lost * (left > 0) for lost, left in pairs]
        lengths = torch.tensor(wanted, device=self.lengths.device)
        index = self._arange(max(wanted)).expand(len(wanted), -1)
        layers = self._gathered(self.layers, index, lengths)
        self._store(layers, lengths, wanted, dropped)

    def _take(self, old: "WindowCache", index: Tensor) -> None:
        dropped = [old._dropped[row] for row in index.tolist()]
        layers = [(keys[index], values[index]) for keys, values in old.layers]
        self._restart(layers, dropped)

    def _put(self, one: "WindowCache", other: "WindowCache") -> None:
        pairs = zip(one.layers, other.layers, strict=True)
        layers = [
            (_stacked(keys, more_keys), _stacked(values, more_values))
            for (keys, values), (more_keys, more_values) in pairs
        ]
        self._restart(layers, [*one._dropped, *other._dropped])

    def _restart(self, layers: Sequence[Layer], dropped: list[int]) -> None:
        """Hold the first places of other rows, as many as `lengths` says."""
        index = self._arange(self.longest).expand(len(self.lengths), -1)
        layers = self._gathered(layers, index, self.lengths)
        self._store(layers, self.lengths, self.lengths.tolist(), dropped)

    def _gathered(
        self, layers: Sequence[Layer], index: Tensor, lengths: Tensor
    ) -> list[Layer]:
        return [
            (_gathered(keys, index, lengths), _gathered(values, index, lengths))
            for keys, values in layers
        ]


def turned_back(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Undo `layers.rotate`, and the scale that its table may have."""
    cosines, sines = turns
    partners = x.roll(x.shape[-1] // 2, -1)
    return (x * cosines - partners * sines) / (cosines.square() + sines.square())


def _gathered(part: Tensor, index: Tensor, lengths: Tensor) -> Tensor:
    """Return the places `index` (B, S) of (B, K, ., H), zero behind the lengths."""
    batch, heads, _, width = part.shape
    wide = index[:, None, :, None].expand(batch, heads, -1, width)
    places = torch.arange(index.shape[1], device=index.device)
    stale = places >= lengths[:, None]  # (B, S)
    return part.gather(2, wide).masked_fill(stale[:, None, :, None], 0)


def _spliced(part: Tensor, sinks: int, start: int, end: int) -> Tensor:
    """Return the sinks and the places from `start` to `end`, in memory of their own."""
    return torch.cat((part[:, :, :sinks], part[:, :, start:end]), 2)


def _stacked(one: Tensor, other: Tensor) -> Tensor:
    """Return the rows of both, filled up with zeros."""
    most = max(one.shape[2], other.shape[2])
    return torch.cat(
        [
            torch.nn.functional.pad(part, (0, 0, 0, most - part.shape[2]))
            for part in (one, other)
        ]
    )
