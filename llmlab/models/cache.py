"""The KV cache: keys and values of tokens already seen, so that none is computed twice.

Memory is allocated once, for the longest sequence; a step writes its new tokens behind
the old ones and hands back a view of all of them. Rows may hold different numbers of
tokens: what lies behind a row's length is stale and is never attended to, so taking
tokens back means lowering the length.

Shapes: B sequences, K key/value heads, T new tokens, S tokens attended to, H head
width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class KVCache:
    """Preallocated keys and values of every layer, with one verb: `extend`.

    kv_heads: of each layer, or of all of them.
    """

    def __init__(
        self,
        *,
        layers: int,
        batch: int,
        kv_heads: int | Sequence[int],
        length: int,
        head_width: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        if batch < 1 or length < 1:
            raise ValueError(
                f"batch={batch}, length={length}: a cache holds at least one token of "
                "one sequence; choose batch >= 1 and length >= 1."
            )
        heads = [kv_heads] * layers if isinstance(kv_heads, int) else list(kv_heads)
        self.length = length  # tokens that fit in a row
        self.layers = [
            tuple(
                torch.zeros(batch, own, length, head_width, dtype=dtype, device=device)
                for _ in ("keys", "values")
            )
            for own in heads
        ]
        self.lengths = [0] * batch

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return sum(part.nbytes for layer in self.layers for part in layer)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write (B, K, T, H) behind each row's tokens; return all, (B, K, S, H).

        Raises ValueError when a row would outgrow the cache; nothing is written then.
        """
        tokens = keys.shape[2]
        longest = max(self.lengths) + tokens  # S
        if longest > self.length:
            raise ValueError(
                f"{tokens} more tokens make {longest}, and this cache holds "
                f"{self.length}; make it with new_cache(batch, length={longest})."
            )
        own_keys, own_values = self.layers[layer]
        if len(set(self.lengths)) == 1:
            own_keys.narrow(2, longest - tokens, tokens).copy_(keys)
            own_values.narrow(2, longest - tokens, tokens).copy_(values)
        else:
            rows, places = self._places(tokens)
            own_keys[rows, :, places] = keys.transpose(1, 2)  # (B, T, K, H)
            own_values[rows, :, places] = values.transpose(1, 2)
        return own_keys.narrow(2, 0, longest), own_values.narrow(2, 0, longest)

    def _places(self, tokens: int) -> tuple[Tensor, Tensor]:
        device = self.layers[0][0].device
        starts = torch.tensor(self.lengths, device=device)[:, None]  # (B, 1)
        rows = torch.arange(len(self.lengths), device=device)[:, None]
        return rows, starts + torch.arange(tokens, device=device)  # (B, T)


def causal_mask(
    starts: list[int], tokens: int, *, window: int | None, device: torch.device
) -> Tensor | str | None:
    """Say what T new tokens behind `starts` old ones may see, as `layers.attend` wants.

    "causal" for a fresh square, None when nothing is hidden, else (B or 1, 1, T, S):
    a token sees itself and what came before, at most `window` tokens back.
    """
    longest = max(starts) + tokens
    if window is None or longest <= window:
        if longest == tokens:
            return "causal" if tokens > 1 else None
        if tokens == 1 and len(set(starts)) == 1:
            return None
    if len(set(starts)) == 1:
        starts = starts[:1]
    own = torch.tensor(starts, device=device)[:, None] + torch.arange(
        tokens, device=device
    )  # (B, T): the position of each query
    own, seen = own[:, None, :, None], torch.arange(longest, device=device)
    mask = seen <= own
    return mask if window is None else mask & (seen > own - window)
