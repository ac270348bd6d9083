"""Small functions of tensors, and the nodes that they are traced to."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

Sizes = tuple[tuple[int, ...], ...]


def nodes(function: Callable, *inputs: Tensor) -> list[Any]:
    """Return the nodes of the FX graph that a function of tensors is traced to."""
    with torch.no_grad():
        return [*make_fx(function)(*inputs).graph.nodes]


def drawn(function: Callable, *sizes: tuple[int, ...]) -> list[Any]:
    """Return the nodes for inputs of these sizes, afresh, traced only once."""
    return [*copy.deepcopy(_graph(function, sizes)).nodes]


@functools.cache
def _graph(function: Callable, sizes: Sizes) -> Any:
    return nodes(function, *map(torch.ones, sizes))[0].graph


def gated(x: Tensor, w: Tensor, y: Tensor) -> Tensor:
    """Gate a product."""
    return F.silu(x @ w) * y


def overloads(x: Tensor) -> Tensor:
    """Add and raise to a power in all the ways that have one name."""
    return torch.ops.aten.add.Scalar(x, 1) + x + x**2 + x**x


def norm(x: Tensor, scale: Tensor) -> Tensor:
    """Divide by the root of the mean square."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * scale


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Mix values by the softmax of scores."""
    return ((q @ k.mT) * 0.5).softmax(-1) @ v


def heads(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    """Cut one product into three, and move, add and copy the parts."""
    q, k, v = F.linear(x, w).split([4, 2, 2], -1)
    return q.unflatten(-1, (2, 2)).transpose(0, 1), k + k, v.contiguous().double()


def digits(x: Tensor) -> Tensor:
    """Call operators whose names end in digits."""
    return x.exp2().log2().log1p() + x.expm1().log1p()


def in_place(x: Tensor) -> Tensor:
    """Add to a copy, and to the sum."""
    return x.clone().add_(1).mul_(x).add_(x) + x


HELD = torch.tensor([2.0, 3.0, 4.0])


def held(x: Tensor) -> Tensor:
    """Use a tensor that is no input, and one that has none."""
    return x * HELD + torch.arange(3) - HELD


def looks(x: Tensor) -> tuple[Tensor, ...]:
    """Look at the same numbers in many ways."""
    rows = x.view(-1, 4).t()
    return rows[1:3], rows.permute(1, 0).unbind(0)[0], x[None].expand(3, -1, -1)


def picked(x: Tensor) -> tuple[Tensor, ...]:
    """Copy a slice into order, join, and pick one of two results."""
    return x[:, 1:3].t().reshape(-1), torch.cat((x, x)), x.max(-1)[0]


def layer(x: Tensor, scale: Tensor, w: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Norm, attend to oneself, add; norm again, gate, add: a decoder's layer."""
    q, k, v = F.linear(norm(x, scale), w).chunk(3, -1)
    x = x + attend(q, k, v)
    gate, value = F.linear(norm(x, scale), up).chunk(2, -1)
    return x + F.linear(F.silu(gate) * value, down)
