"""The right answers of lab 04's exercises on rounding, and ways to get them wrong.

Each function has one knob for each typical mistake; all left alone, it is right.

Shapes: C columns, O output features, I input features, G groups per row, T tokens.
"""

import torch
from torch import Tensor

from llmlab.checks import feedback


def absmax(row, bits, *, largest=None, more=0, size=None, by=torch.round, times=False):
    """Return int8 integers and the scale of a row (C,)."""
    largest = largest or 2 ** (bits - 1) - 1 + more
    size = row.abs().max() if size is None else size
    scale = float(size) / largest if float(size) else 1.0
    steps = row.double() * scale if times else row.double() / scale
    return by(steps).to(torch.int8), scale


def affine(
    row, bits, *, whole=True, sign=1, reach=True, steps=None, even=False,
    shift=True, signed=False, by=torch.round, clamp=True,
):  # fmt: skip
    """Return uint8 levels, the scale and the zero point of a row (C,)."""
    row = row.double()
    low, high = float(row.min()), float(row.max())
    if reach:
        low, high = min(low, 0.0), max(high, 0.0)
    if even:
        high = max(high, -low)
        low = -high
    scale = (high - low) / (steps or 2**bits - 1) or 1.0
    zero = sign * -low / scale
    zero = float(torch.tensor(zero, dtype=torch.float64).round()) if whole else zero
    least = -(2 ** (bits - 1)) if signed else 0
    levels = by(row / scale) + (zero + least if shift else 0)
    if shift and clamp:  # without, what lies beyond wraps
        levels = levels.clamp(least, least + 2**bits - 1)
    # By way of int16, so that a negative one wraps as it does in torch.
    return levels.to(torch.int16).to(torch.uint8), scale, zero + least


def by_group(
    weight, group_size, bits, *, among=(2,), more=0, signed=False, by=torch.round,
    shown=1,
):  # fmt: skip
    """Return int8 integers (O, I) and scales (O, G)."""
    rows = len(weight)
    groups = weight.view(rows, -1, group_size)  # (O, G, C)
    size = groups if signed else groups.abs()
    scales = size.amax(among, keepdim=True) / (2 ** (bits - 1) - 1 + more)
    scales = scales.expand(rows, groups.shape[1], 1)
    integers = by(groups / scales).to(torch.int8).view_as(weight)
    return integers, scales[..., 0].repeat(1, shown)


def by_group_strided(weight, group_size, bits):
    """The mistake of taking every G-th column as a group."""
    columns = weight.shape[1]
    order = torch.arange(columns).view(group_size, -1).T.flatten()
    integers, scales = by_group(weight[:, order], group_size, bits)
    return integers[:, order.argsort()], scales


def by_group_tiled(weight, group_size, bits):
    """The mistake of laying the scales of a row one behind the other, again and again.

    Raises ValueError where that makes no difference.
    """
    scales = by_group(weight, group_size, bits)[1]
    if scales.shape[1] == 1:
        raise ValueError("one group has its scale everywhere")
    return (weight / scales.repeat(1, group_size)).round().to(torch.int8), scales


def matmul(x, x_scales, weight, weight_scales, *, wrap=torch.int32):
    """Return the product (T, O) in float32; `wrap` is what sums are kept in."""
    if len(x_scales) != len(x) or x.shape[1] != weight.shape[1]:
        raise ValueError("these do not fit, so this mistake cannot be made")
    sums = (x.long() @ weight.long().T).to(wrap).double()
    scaled = sums * x_scales.double()[:, None] * weight_scales.double()
    return scaled.float()


def as_int8(x, x_scales, weight, weight_scales):
    """Return a case of `matmul` with its matrices in int8."""
    return x.to(torch.int8), x_scales, weight.to(torch.int8), weight_scales


def through(weight, scale, bits, slope, *, by=torch.round, less=0, more=0):
    """Return rounded weights, and the gradient of their sum weighted by `slope`."""
    lowest, highest = -(2 ** (bits - 1)) + 1 - less, 2 ** (bits - 1) - 1 + more
    steps = weight.double() / scale
    whole = steps if by is None else by(steps)
    inside = (whole >= lowest) & (whole <= highest)
    rounded = whole.clamp(lowest, highest) * scale
    return rounded.float(), slope * inside


def through_scale(bits):
    """Return a scale that leaves some of N(0, 1) beyond the last level."""
    return 1.2 / 2 ** (bits - 1)


def first(scale):
    """Return the first row's scale; ValueError where one serves all."""
    if not isinstance(scale, Tensor):
        raise ValueError("one scale serves all rows, so this mistake cannot be made")
    return scale[0]


def clearly(weight, bits):
    """Return weights of which none lies just beyond the last level.

    There it is a matter of taste whether the gradient passes.
    """
    steps = weight.abs() / through_scale(bits)
    last = 2 ** (bits - 1) - 1
    return torch.where((steps > last - 0.1) & (steps < last + 0.6), 0.1, weight)


def with_gradient(answer: object, leaf: Tensor, slope: Tensor):
    """Return a learner's answer and its gradient, as far as there is one."""
    if not isinstance(answer, Tensor) or answer.shape != leaf.shape:
        hint = "return the rounded weights, as many as came in."
        got = tuple(answer.shape) if isinstance(answer, Tensor) else answer
        feedback.fail("a weight comes back for each", expected=tuple(leaf.shape),
                    got=got, hint=hint)  # fmt: skip
    if not answer.requires_grad:
        return answer, torch.zeros_like(leaf)
    try:
        (gradient,) = torch.autograd.grad(
            (answer * slope).sum(), leaf, allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        hint = "something there has no derivative; divide with `/`, round with round()."
        feedback.fail("each weight has a gradient", expected="a gradient",
                    got=f"{error}", hint=hint)  # fmt: skip
    return answer.detach(), gradient
