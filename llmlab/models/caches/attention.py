"""The KV cache: keys and values of tokens already seen, so that none is computed twice.

Memory is allocated once, for the longest sequence; a step writes its new tokens behind
the old ones and hands back a view of all of them. Rows may hold different numbers of
tokens: what lies behind a row's length is never attended to, but a mask multiplies it
by zero, so it must be a number: stale places are set to zero when they become stale.

Shapes: B sequences, K key/value heads, T new tokens, S tokens attended to, H head
width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from llmlab.models.caches import rows
from llmlab.models.caches.rows import RaggedCache

STEP = 64  # places by which the view of unequal rows grows

Mask = Tensor | str | None  # (B or 1, 1, T, S) true where seen; "causal"; all is seen


class KVCache(RaggedCache):
    """Preallocated keys and values of every layer: what our attention writes to.

    kv_heads: of each layer, or of all of them. windows: how far back each layer's
    attention may look, None for layers that see everything.
    """

    limit: int

    def __init__(
        self,
        *,
        layers: int,
        batch: int,
        kv_heads: int | Sequence[int],
        length: int,
        head_width: int,
        windows: Sequence[int | None] | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        rows.check_size(batch, length)
        super().__init__(batch, length, device=device)
        heads = [kv_heads] * layers if isinstance(kv_heads, int) else list(kv_heads)
        self.windows = tuple(windows or [None] * layers)
        self.layers = [
            tuple(
                torch.zeros(
                    batch, tensor, length, head_width, dtype=dtype, device=device
                )
                for _ in ("keys", "values")
            )
            for tensor in heads
        ]
        self.clean = 0  # with what `longest` rows hold: numbers before this place
        self._masks: dict[int | None, Mask] = {}  # by window, of the call that runs
        self._masked: tuple | None = None  # that call: lengths, T and S

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return sum(part.nbytes for part in self._parts())

    def extend(
        self, layer: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Mask]:
        """Write (B, K, T, H) behind each row's tokens; return all (B, K, S, H).

        The mask says what each new token may see of them. Raises ValueError when a row
        would outgrow the cache, and for keys of another model; nothing is written then.
        """
        tokens = keys.shape[2]
        reach = self.room(tokens)
        own_keys, own_values = self.layers[layer]
        if not layer and keys.shape[1::2] != own_keys.shape[1::2]:
            raise ValueError(
                f"keys have {keys.shape[1]} heads of {keys.shape[3]} and this cache "
                f"holds {own_keys.shape[1]} of {own_keys.shape[3]}; make it with this "
                "model's new_cache(batch, length)."
            )
        if not layer and keys.dtype != own_keys.dtype:
            raise ValueError(
                f"keys are {keys.dtype} and this cache is {own_keys.dtype}; make it "
                "with this model's new_cache(batch, length)."
            )
        if self.even is not None:
            own_keys.narrow(2, self.even, tokens).copy_(keys)
            own_values.narrow(2, self.even, tokens).copy_(values)
            seen = reach
        else:
            seen = self._view(reach)
            places = _places(self.lengths, tokens)  # (B, T)
            row_indices = torch.arange(len(places), device=places.device)[:, None]
            own_keys[row_indices, :, places] = keys.transpose(1, 2)  # (B, T, K, H)
            own_values[row_indices, :, places] = values.transpose(1, 2)
        mask = self._mask(self.windows[layer], tokens, seen)
        return own_keys.narrow(2, 0, seen), own_values.narrow(2, 0, seen), mask

    def memory(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return where keys and values of a layer lie: runs of places, a run a row.

        Both (B, K, limit, H), the memory itself; see `core.model.AddressedCache`.
        """
        keys, values = self.layers[layer]
        return keys, values

    def places(self, row: int) -> list[int]:
        """Return which runs hold this row's tokens: the one of its number."""
        return [row]

    def reserve(self, tokens: int) -> None:
        """Make room for T more tokens in all rows, clean ones; ValueError: none left.

        Whoever writes to `memory` calls this before and `advance` at the very end.
        """
        self._view(self.room(tokens))

    def _view(self, reach: int) -> int:
        """Return how many places a call sees that reaches so far; all are clean."""
        seen = min(-(-reach // STEP) * STEP, self.limit)
        if not torch.compiler.is_compiling():  # there, nothing else has written
            self.clean = max(self.clean, self.longest)
            if seen > self.clean:
                for part in self._parts():
                    part.narrow(2, self.clean, seen - self.clean).zero_()
                self.clean = seen
        return seen

    def _mask(self, window: int | None, tokens: int, seen: int) -> Mask:
        """Return the mask of this call, made once for all layers of a window."""
        if self.even is not None and (tokens == 1 or not self.even) and window is None:
            return "causal" if tokens > 1 else None
        start = self.start
        if torch.compiler.is_compiling():
            return causal_mask(start, tokens, seen, window, self.lengths.device)
        last = self._masked
        if last is None or last[0] is not start or last[1:] != (tokens, seen):
            self._masks, self._masked = {}, (start, tokens, seen)
        if window not in self._masks:
            device = self.lengths.device
            self._masks[window] = causal_mask(start, tokens, seen, window, device)
        return self._masks[window]

    def _parts(self) -> list[Tensor]:
        return [part for layer in self.layers for part in layer]

    def _form(self) -> tuple:
        part = self.layers[0][0]
        heads = tuple(keys.shape[1] for keys, _ in self.layers)
        return "keys and values", heads, part.shape[3], self.windows, part.dtype

    @torch.inference_mode()
    def _forget(self, wanted: list[int], held: list[int]) -> None:
        end = max([*held, self.clean])
        if len(set(wanted)) == 1:
            for part in self._parts():
                part[:, :, wanted[0] : end].zero_()
            return
        for row, (new, old) in enumerate(zip(wanted, held, strict=True)):
            if new < old:
                for part in self._parts():
                    part[row, :, new:end].zero_()

    def _take(self, old: "KVCache", index: Tensor) -> None:
        self._fill(
            [[part[:, :, : self.longest][index] for part in layer]
             for layer in old.layers]
        )  # fmt: skip

    def _put(self, one: "KVCache", other: "KVCache") -> None:
        self._fill(
            [
                [_stacked(*pair, self.longest) for pair in zip(*layers, strict=True)]
                for layers in zip(one.layers, other.layers, strict=True)
            ]
        )

    def _fill(self, layers: Sequence[Sequence[Tensor]]) -> None:
        """Copy what the rows hold of (B, K, S or more, H) into memory of its own."""
        batch, kept = len(self.lengths), self.longest
        held = torch.arange(kept, device=self.lengths.device) < self.lengths[:, None]
        self.layers = []
        for parts in layers:
            made = []
            for part in parts:
                heads, width = part.shape[1], part.shape[3]
                new = part.new_zeros(batch, heads, self.limit, width)
                stale = ~held[:, None, :, None]  # (B, 1, S, 1)
                new[:, :, :kept] = part[:, :, :kept].masked_fill(stale, 0)
                made.append(new)
            self.layers.append(tuple(made))
        self.clean, self._masked = kept, None


def causal_mask(
    start: int | Tensor,
    tokens: int,
    seen: int,
    window: int | None,
    device: torch.device,
) -> Mask:
    """Say what T new tokens behind `start` old ones may see of S, as `attend` wants.

    start: one number, or one for each row, (B,). "causal" for a fresh square, None when
    nothing is hidden, else (B or 1, 1, T, S): a token sees itself and what came before,
    at most `window` tokens back.
    """
    if isinstance(start, int):
        if window is None or start + tokens <= window:
            if not start:
                return "causal" if tokens > 1 else None
            if tokens == 1:
                return None
        positions = torch.arange(start, start + tokens, device=device)[None]  # (1, T)
    else:
        positions = _places(start, tokens)  # (B, T), of each query
    positions = positions[:, None, :, None]
    places = torch.arange(seen, device=device)
    mask = places <= positions
    return mask if window is None else mask & (places > positions - window)


def uncached(mask: Mask, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Mask]:
    """Stand in for `extend` where nothing came before and nothing is kept."""
    return keys, values, mask


def _places(start: Tensor, tokens: int) -> Tensor:
    """Return where T new tokens stand in each row, (B, T)."""
    return start[:, None] + torch.arange(tokens, device=start.device)


def _stacked(one: Tensor, other: Tensor, kept: int) -> Tensor:
    """Return the rows of both, their first `kept` places."""
    parts = []
    for part in (one, other):
        part = part[:, :, :kept]
        missing = kept - part.shape[2]
        parts.append(torch.nn.functional.pad(part, (0, 0, 0, missing)))
    return torch.cat(parts)
