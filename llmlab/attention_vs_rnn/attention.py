"""Causal self-attention: each token asks all before it, and all ask at once.

A token's query is compared with the keys of the tokens up to itself; the softmax of
these scores says how much of each value it takes. No token waits for another, so a
prompt is read in a few large products; but there are T x T scores, and every key and
value must be kept for the tokens to come.

Source: Vaswani et al. 2017.

Shapes: B sequences, T new tokens, S tokens attended to, D model width, N heads, H head
width.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llmlab.core.arguments import is_whole, shown
from llmlab.models import layers
from llmlab.models.caches.attention import KVCache, causal_mask

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


def weights(queries: Tensor, keys: Tensor) -> Tensor:
    """Return how much each query takes of each value: (..., T, S), rows add up to 1.

    queries (..., T, H), keys (..., S, H); the last query stands where the last key is,
    and one that stands before every key takes nothing.
    """
    dtype = queries.dtype
    if dtype == torch.float16:  # which ends at 65,504; sums of products go on
        queries, keys = queries.float(), keys.float()
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.mT  # (..., T, S)
    tokens, seen = scores.shape[-2:]
    square = torch.ones(tokens, seen, dtype=torch.bool, device=scores.device)
    hidden = square.triu(seen - tokens + 1)
    taken = scores.masked_fill(hidden, -math.inf).softmax(-1).to(dtype)
    return taken if tokens <= seen else taken.masked_fill(hidden, 0)


def whole_matrix(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend with all scores in memory at once, as the formula says."""
    return weights(queries, keys) @ values  # (..., T, H)


def fused(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend by PyTorch's own operator, which keeps a few tiles of scores at a time."""
    tokens, seen = queries.shape[-2], keys.shape[-2]
    mask = causal_mask(seen - tokens, tokens, seen, None, queries.device)
    return layers.attend(queries, keys, values, mask)


@dataclass(frozen=True)
class Past:
    """The keys and values of `length` tokens, in a cache that has room for more.

    Going on gives a new Past and leaves this one valid; going on again from this one
    overwrites what the first continuation added.
    """

    cache: KVCache
    length: int = 0

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return self.cache.bytes

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, "Past"]:
        """Add (B, N, T, H); return all keys and values (B, N, S, H), and what is held.

        Raises ValueError when the cache is full.
        """
        # Counted as held only by what goes on from it: a step that is timed again and
        # again from the same state takes nothing back.
        if self.cache.longest > self.length:
            self.cache.rewind(self.length)
        if self.cache.longest < self.length:
            self.cache.advance(self.length - self.cache.longest)
        every_key, every_value, _ = self.cache.extend(0, keys, values)
        return every_key, every_value, Past(self.cache, self.length + keys.shape[2])


class SelfAttention(nn.Module):
    """Several heads from one matrix; `attend` is how they do it."""

    def __init__(self, width: int, heads: int, attend: Attend = fused):
        super().__init__()
        if not is_whole(heads) or heads < 1 or width % heads:
            raise ValueError(
                f"heads={shown(heads)} does not divide width={width}; choose a "
                "divisor, such as heads=1."
            )
        self.inputs = nn.Linear(width, 3 * width, bias=False)  # queries, keys, values
        self.output = nn.Linear(width, width, bias=False)
        self.heads, self.attend = heads, attend

    def forward(
        self, x: Tensor, state: Past | None = None
    ) -> tuple[Tensor, Past | None]:
        """Map (B, T, D) to (B, T, D); with a state, T more tokens behind it."""
        parts = self.inputs(x).chunk(3, -1)
        queries, keys, values = (self._split(part) for part in parts)  # (B, N, T, H)
        if state is not None:
            keys, values, state = state.extend(keys, values)  # (B, N, S, H)
        mixed = self.attend(queries, keys, values)  # (B, N, T, H)
        return self.output(mixed.transpose(1, 2).flatten(2)), state

    def new_state(self, batch: int, length: int) -> Past:
        """Return room for `length` tokens of `batch` sequences."""
        weight = self.inputs.weight
        cache = KVCache(
            layers=1,
            batch=batch,
            kv_heads=self.heads,
            length=length,
            head_width=weight.shape[1] // self.heads,
            dtype=weight.dtype,
            device=weight.device,
        )
        return Past(cache)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
