"""The parts of a modern decoder, each as short as its formula.

RMSNorm (Zhang & Sennrich 2019) scales, rotary positions (Su et al. 2021) turn queries
and keys, grouped-query attention (Ainslie et al. 2023) lets N query heads share K
key/value heads, SwiGLU (Shazeer 2020) gates the hidden layer. A layer adds attention
and MLP to a residual stream of width D.

Shapes: B sequences, T new tokens, S tokens attended to, D model width, F hidden width,
N query heads, K key/value heads, H head width.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.models.caches.attention import Mask
from llmlab.models.caches.rows import Counts
from llmlab.models.config import DecoderConfig

# Takes the new tokens' keys and values (B, K, T, H); gives all (B, K, S, H) and a mask.
Extend = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Mask]]


class RMSNorm(nn.Module):
    """Divide by the root mean square, times a learnt weight; at least in fp32."""

    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype in (torch.bfloat16, torch.float16):
            # The sum of squares needs fp32; the kernel keeps it there for half types.
            return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon)
        return x * scale * self.weight


class Rotary(nn.Module):
    """A table of rotary positions: cosine and signed sine of every position's angles.

    Angles are computed in fp32 whatever the model's type (bf16 positions would merge
    neighbours beyond 256), once, and grow with the longest position asked for. The
    first half of a row of sines is negative, as `rotate` needs it.
    """

    def __init__(self, shape: DecoderConfig):
        super().__init__()
        self.frequencies = shape.rotary_frequencies  # (H/2,), no buffer: never cast
        self.scaling = shape.rotary_scaling
        self.table = (torch.empty(0), torch.empty(0))  # two of (positions, H)

    def forward(self, start: int | Tensor, tokens: int, reach: int, like: Tensor):
        """Return cosines and sines (B or 1, 1, T, H) of T tokens behind `start`.

        start: one number, or one for each row, (B,). reach: beyond the last position of
        all. like: of the type and on the device that they shall have.
        """
        if self._lacks(reach, like):
            self.reserve(2 * reach, like)
        cosines, sines = self.table
        if isinstance(start, Tensor):
            steps = torch.arange(tokens, device=like.device)
            positions = start[:, None] + steps  # (B, T)
            return cosines[positions][:, None], sines[positions][:, None]
        here = slice(start, start + tokens)
        return cosines[None, None, here], sines[None, None, here]

    def reserve(self, length: int, like: Tensor) -> None:
        """Compute the table for positions below `length`, unless it is there."""
        if not self._lacks(length, like):
            return
        positions = torch.arange(max(256, length), device=like.device)
        angles = positions[:, None].float() * self.frequencies.to(like.device)
        cosines, sines = angles.cos() * self.scaling, angles.sin() * self.scaling
        cosines = torch.cat((cosines, cosines), -1)  # (positions, H)
        sines = torch.cat((-sines, sines), -1)
        self.table = cosines.to(like.dtype), sines.to(like.dtype)

    def _lacks(self, length: int, like: Tensor) -> bool:
        table = self.table
        return table[0].shape[0] < length or not _alike(table[0], like)


def _alike(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.device == b.device


def rotate(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (x[i], x[i + H/2]) of (B, heads, T, H) by its position's angle."""
    cosines, sines = rotary
    partners = x.roll(x.shape[-1] // 2, -1)
    return torch.addcmul(x * cosines, partners, sines)


class Attention(nn.Module):
    """Causal grouped-query attention with rotary positions."""

    query_norm: RMSNorm | None
    key_norm: Any  # both are there, or neither

    def __init__(self, shape: DecoderConfig):
        super().__init__()
        width, head = shape.width, shape.head_width
        bias = shape.attention_bias
        self.query = nn.Linear(width, shape.heads * head, bias=bias)
        self.key = nn.Linear(width, shape.kv_heads * head, bias=bias)
        self.value = nn.Linear(width, shape.kv_heads * head, bias=bias)
        self.output = nn.Linear(shape.heads * head, width, bias=shape.output_bias)
        self.query_norm = self.key_norm = None
        if shape.query_key_norm:
            self.query_norm = RMSNorm(head, shape.epsilon)
            self.key_norm = RMSNorm(head, shape.epsilon)
        self.head_width = head

    def forward(self, x: Tensor, rotary, extend: Extend) -> Tensor:
        """Map (B, T, D) to (B, T, D); `extend` gives what the new tokens look at."""
        queries = self._heads(self.query(x))  # (B, N, T, H)
        keys = self._heads(self.key(x))  # (B, K, T, H)
        values = self._heads(self.value(x))
        if self.query_norm is not None:
            queries, keys = self.query_norm(queries), self.key_norm(keys)
        queries, keys = rotate(queries, rotary), rotate(keys, rotary)
        keys, values, mask = extend(keys, values)  # (B, K, S, H)
        mixed = attend(queries, keys, values, mask)  # (B, N, T, H)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_width)).transpose(1, 2)


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017) with shared key/value heads.

    mask: "causal" for a square of new tokens, None when all S tokens are visible, or a
    boolean tensor (B or 1, 1, T, S), true where a query may look.
    """
    if queries.shape[2] == 1 and mask is None:
        # One new token: the queries that share a head stand in as a row of tokens, so
        # that keys and values are read once and never copied.
        grouped = queries.view(*keys.shape[:2], -1, keys.shape[-1])  # (B, K, N/K, H)
        return F.scaled_dot_product_attention(grouped, keys, values).view_as(queries)
    return F.scaled_dot_product_attention(
        queries,
        keys,
        values,
        attn_mask=None if isinstance(mask, str) else mask,
        is_causal=isinstance(mask, str),
        enable_gqa=queries.shape[1] != keys.shape[1],
    )


def last_tokens(x: Tensor, counts: Counts) -> Tensor:
    """Return what stands at each row's last real token: (B, T, D) to (B, 1, D)."""
    if isinstance(counts, int):
        return x[:, counts - 1 : counts]
    rows = torch.arange(len(x), device=x.device)
    return x[rows, torch.as_tensor(counts, device=x.device) - 1][:, None]


class SwiGLU(nn.Module):
    """SwiGLU: one half of the hidden layer gates the other."""

    def __init__(self, shape: DecoderConfig):
        super().__init__()
        self.gate = nn.Linear(shape.width, shape.hidden, bias=shape.mlp_bias)
        self.up = nn.Linear(shape.width, shape.hidden, bias=shape.mlp_bias)
        self.down = nn.Linear(shape.hidden, shape.width, bias=shape.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class DecoderLayer(nn.Module):
    """Attention, then MLP, each normed on its way in and added to the stream."""

    def __init__(self, shape: DecoderConfig, *, window: int | None = None):
        super().__init__()
        self.window = window  # how far back attention may look; None: to the start
        self.attention_norm = RMSNorm(shape.width, shape.epsilon)
        self.attention = Attention(shape)
        self.mlp_norm = RMSNorm(shape.width, shape.epsilon)
        self.mlp = SwiGLU(shape)

    def forward(self, x: Tensor, rotary, extend: Extend) -> Tensor:
        x = x + self.attention(self.attention_norm(x), rotary, extend)
        return x + self.mlp(self.mlp_norm(x))
