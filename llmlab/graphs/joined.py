"""Layers of a decoder whose products are joined: query, key and value; gate and up.

They offer what others ask of a plain layer, such as `query.out_features`, and `apart()`
gives that layer back.

Shapes: B sequences, T new tokens, S tokens attended to, D model width, N query heads, K
key/value heads, H head width.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.core import arguments
from llmlab.models.layers import Attention, Extend, SwiGLU, attend, rotate

Three = tuple[Tensor, Tensor, Tensor]
QKV = Callable[[Tensor, Tensor, Tensor, Tensor], Three]
ATTENTION = ("query", "key", "value", "output")


class FusedSwiGLU(nn.Module):
    """SwiGLU whose gate and hidden layer come from one product."""

    def __init__(self, mlp: SwiGLU):
        super().__init__()
        self.joined = _join([mlp.gate, mlp.up])
        self.down = mlp.down

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.joined(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)

    @property
    def gate(self) -> nn.Linear:
        """The rows that gate, sharing their storage."""
        return _rows(self.joined, 0, self.joined.out_features // 2)

    @property
    def up(self) -> nn.Linear:
        """The rows that are gated, sharing their storage."""
        half = self.joined.out_features // 2
        return _rows(self.joined, half, half)

    def apart(self) -> SwiGLU:
        """Return the plain layer."""
        return _filled(SwiGLU, self, ("gate", "up", "down"))


class FusedAttention(nn.Module):
    """Attention whose queries, keys and values come from one product."""

    def __init__(self, attention: Attention):
        super().__init__()
        parts = [attention.query, attention.key, attention.value]
        self.joined = _join(parts)
        self.output = attention.output
        self.query_norm, self.key_norm = attention.query_norm, attention.key_norm
        self.head_width = attention.head_width
        self.heads = [part.out_features // self.head_width for part in parts]

    def forward(self, x: Tensor, rotary, extend: Extend) -> Tensor:
        """Map (B, T, D) to (B, T, D); `extend` gives what the new tokens look at."""
        every = self.joined(x).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
        if self.query_norm is None:  # one rotation turns queries and keys
            both, values = every.split([sum(self.heads[:2]), self.heads[2]], 1)
            queries, keys = rotate(both, rotary).split(self.heads[:2], 1)
        else:
            queries, keys, values = every.split(self.heads, 1)  # (B, N or K, T, H)
            queries = rotate(self.query_norm(queries), rotary)
            keys = rotate(self.key_norm(keys), rotary)
        keys, values, mask = extend(keys, values)  # (B, K, S, H)
        mixed = attend(queries, keys, values, mask)  # (B, N, T, H)
        return self.output(mixed.transpose(1, 2).flatten(2))

    @property
    def query(self) -> nn.Linear:
        """The rows that give queries, sharing their storage."""
        return self._part(0)

    @property
    def key(self) -> nn.Linear:
        """The rows that give keys, sharing their storage."""
        return self._part(1)

    @property
    def value(self) -> nn.Linear:
        """The rows that give values, sharing their storage."""
        return self._part(2)

    def _part(self, index: int) -> nn.Linear:
        width = self.head_width
        start, size = sum(self.heads[:index]) * width, self.heads[index] * width
        return _rows(self.joined, start, size)

    def apart(self) -> Attention:
        """Return the plain layer."""
        return _plain_attention(self)


class CalledAttention(Attention):
    """Attention whose queries, keys and values a function computes, in every step."""

    qkv: QKV

    def forward(self, x: Tensor, rotary, extend: Extend) -> Tensor:
        """Map (B, T, D) to (B, T, D); `extend` gives what the new tokens look at."""
        parts = (self.query, self.key, self.value)
        flat = x.flatten(0, 1)  # (B T, D)
        answer = self.qkv(flat, *(part.weight for part in parts))
        made = _checked(answer, len(flat), [part.out_features for part in parts])
        queries, keys, values = (
            self._heads((y if p.bias is None else y + p.bias).unflatten(0, x.shape[:2]))
            for y, p in zip(made, parts, strict=True)
        )
        if self.query_norm is not None:
            queries, keys = self.query_norm(queries), self.key_norm(keys)
        queries, keys = rotate(queries, rotary), rotate(keys, rotary)
        keys, values, mask = extend(keys, values)
        mixed = attend(queries, keys, values, mask)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def apart(self) -> Attention:
        """Return the plain layer."""
        return _plain_attention(self)


def attention(plain: Attention, qkv: QKV | None) -> nn.Module:
    """Return a layer that joins its products before it runs, or by a function."""
    if qkv is None:
        return FusedAttention(plain)
    called = _filled(CalledAttention, plain, ATTENTION)
    called.query_norm, called.key_norm = plain.query_norm, plain.key_norm
    called.head_width, called.qkv = plain.head_width, qkv
    return called


def _plain_attention(fused: Any) -> Attention:
    plain = _filled(Attention, fused, ATTENTION)
    plain.query_norm, plain.key_norm = fused.query_norm, fused.key_norm
    plain.head_width = fused.head_width
    return plain


def _filled(kind: Any, source: Any, names: tuple[str, ...]) -> Any:
    """Return a layer of this class with another's parts, whatever its sizes."""
    made = kind.__new__(kind)
    nn.Module.__init__(made)
    for name in names:
        setattr(made, name, getattr(source, name))
    return made


def _join(parts: list[nn.Linear]) -> nn.Linear:
    """Return one linear layer with the rows of several."""
    first = parts[0].weight
    biases = [part.bias for part in parts]
    has_bias = any(bias is not None for bias in biases)
    with torch.device("meta"):
        joined = nn.Linear(
            first.shape[1], sum(part.out_features for part in parts), bias=has_bias
        )
    with torch.no_grad():
        weights: list[Tensor] = [part.weight for part in parts]
        rows = torch.cat(weights)
        joined.weight = nn.Parameter(rows, requires_grad=first.requires_grad)
        if has_bias:  # a part without one adds nothing
            full: list[Tensor] = [
                part.weight.new_zeros(part.out_features) if bias is None else bias
                for part, bias in zip(parts, biases, strict=True)
            ]
            joined.bias = nn.Parameter(
                torch.cat(full), requires_grad=first.requires_grad
            )
    return joined.train(parts[0].training)


def _rows(joined: nn.Linear, start: int, size: int) -> nn.Linear:
    """Return some rows of a linear layer as a layer that shares their storage."""
    with torch.device("meta"):
        part = nn.Linear(joined.in_features, size, bias=joined.bias is not None)
    for name, tensor in joined.named_parameters():
        rows = tensor.detach()[start : start + size]
        setattr(part, name, nn.Parameter(rows, requires_grad=tensor.requires_grad))
    return part.train(joined.training)


def _checked(answer: Any, tokens: int, heights: list[int]) -> Three:
    """Return what a function gave; ValueError where it is not q, k and v."""
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        raise ValueError(
            f"qkv gave {arguments.shown(answer)}; return (q, k, v), tensors of "
            f"{', '.join(map(str, heights))} columns."
        )
    for word, y, height in zip("qkv", answer, heights, strict=True):
        size = tuple(y.shape) if isinstance(y, Tensor) else arguments.shown(y)
        if size != (tokens, height):
            raise ValueError(
                f"qkv gave {word} of {size}; it must be a tensor of {tokens} tokens "
                f"and {height} columns, {(tokens, height)}."
            )
    q, k, v = answer
    return q, k, v
