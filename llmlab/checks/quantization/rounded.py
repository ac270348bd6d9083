"""The right answers of lab 04's exercises on rounding, and ways to get them wrong.

Each function has one knob for each typical mistake; all left alone, it is right.

Shapes: C columns, O output features, I input features, G groups per row, T tokens.
"""

from collections.abc import Callable

import numpy
import torch
from torch import Tensor

from llmlab.checks import shown
from llmlab.checks.exercise import MisfitError

PRECISIONS = ("float64", "float32", "mixed")  # mixed: a scale of Python's
INT8 = "round first, then `.to(torch.int8)`."
UINT8 = "levels from 0 up fit into `torch.uint8`; convert at the very end."
ZERO_GROUP = "a group of zeros has no largest weight: its scale is 1, integers are 0."
ZEROS = "a row of zeros has no largest weight; its scale is 1 and its integers are 0."
HALVES = "from an exact middle go to the even integer, as round() does."
EXACT = "multiply and add up the integers first, exactly; the scales come last."


def ways(function: Callable, knobs: Callable[[Tensor, int], dict]) -> tuple:
    """Return a mistake in each of `PRECISIONS`: rounded values may differ by it.

    knobs: what is done otherwise, for a row and its bits.
    """

    def made(precision):
        return lambda row, bits: function(
            row, bits, precision=precision, **knobs(row, bits)
        )

    return tuple(made(precision) for precision in PRECISIONS)


def _steps(row: Tensor, scale: float, precision: str):
    """Return a row in steps of a scale, and the scale, in a precision."""
    if precision == "float32":
        scale = float(torch.tensor(scale, dtype=torch.float32))
    row = row.double() if precision == "float64" else row
    return row / scale, scale


def absmax(
    row, bits, *, largest=None, more=0, size=None, by=torch.round, times=False,
    precision="float64",
):  # fmt: skip
    """Return int8 integers and the scale of a row (C,)."""
    largest = largest or 2 ** (bits - 1) - 1 + more
    size = row.abs().max() if size is None else size
    steps, scale = _steps(row, float(size) / largest or 1.0, precision)
    return by(steps * scale**2 if times else steps).to(torch.int8), scale


def affine(
    row, bits, *, whole=True, sign=1, reach=True, steps=None, even=False,
    shift=True, signed=False, by=torch.round, clamp=True, top=None,
    precision="float64",
):  # fmt: skip
    """Return uint8 levels, the scale and the zero point of a row (C,)."""
    low, high = float(row.min()), float(row.max())
    if reach:
        low, high = min(low, 0.0), max(high, 0.0)
    if even:
        high = max(high, -low)
        low = -high
    levels, scale = _steps(row, (high - low) / (steps or 2**bits - 1) or 1.0, precision)
    zero = sign * -low / scale
    zero = float(numpy.float32(zero)) if precision == "float32" else zero
    exact = torch.tensor(zero, dtype=torch.float64)
    zero = int((by if by in TIES else torch.round)(exact)) if whole else zero
    least = -(2 ** (bits - 1)) if signed else 0
    levels = by(levels) + (zero + least if shift else 0)
    if shift and clamp:  # without, what lies beyond wraps
        levels = levels.clamp(least, least + (top or 2**bits - 1))
    # By way of int16, so that a negative one wraps as it does in torch.
    return levels.to(torch.int16).to(torch.uint8), scale, zero + least


def half_up(values: Tensor) -> Tensor:
    """Round halves up, as people do, and not to the even neighbour."""
    return (values + 0.5).floor()


def half_away(values: Tensor) -> Tensor:
    """Round halves away from zero."""
    return values.sign() * half_up(values.abs())


TIES = (half_up, half_away)  # as people round, and not to the even neighbour


def by_group(
    weight, group_size, bits, *, among=(2,), more=0, signed=False, by=torch.round,
    shown=1, zeros=1.0,
):  # fmt: skip
    """Return int8 integers (O, I) and scales (O, G); zeros: the scale of nothing."""
    rows = len(weight)
    groups = weight.view(rows, -1, group_size)  # (O, G, C)
    size = groups if signed else groups.abs()
    scales = size.amax(among, keepdim=True) / (2 ** (bits - 1) - 1 + more)
    scales = scales.expand(rows, groups.shape[1], 1)
    scales = torch.where(scales == 0, zeros, scales)
    integers = by(groups / scales).nan_to_num().to(torch.int8).view_as(weight)
    return integers, scales[..., 0].repeat(1, shown)


def by_group_strided(weight, group_size, bits):
    """The mistake of taking every G-th column as a group."""
    columns = weight.shape[1]
    order = torch.arange(columns).view(group_size, -1).T.flatten()
    integers, scales = by_group(weight[:, order], group_size, bits)
    return integers[:, order.argsort()], scales


def by_group_tiled(weight, group_size, bits):
    """The mistake of laying the scales of a row one behind the other, again."""
    scales = by_group(weight, group_size, bits)[1]
    return (weight / scales.repeat(1, group_size)).round().to(torch.int8), scales


def matmul(x, x_scales, weight, weight_scales, *, wrap=torch.int32):
    """Return the product (T, O) in float32; `wrap` is what sums are kept in."""
    sums = (x.long() @ weight.long().T).to(wrap).double()
    scaled = sums * x_scales.double()[:, None] * weight_scales.double()
    return scaled.float()


def crossed(x, x_scales, weight, weight_scales):
    """The mistake of scaling rows by weights and columns by tokens."""
    return x.int() @ weight.int().T * x_scales * weight_scales[:, None]


def as_int8(x, x_scales, weight, weight_scales):
    """Return a case of `matmul` with its matrices in int8."""
    return x.to(torch.int8), x_scales, weight.to(torch.int8), weight_scales


def through(
    weight, scale, bits, *,
    by=torch.round, less=0, more=0, clamp=True, back=True, passes="inside", cut=0,
):  # fmt: skip
    """Round and let the gradient pass: "inside" the levels, "all" of it, or "none"."""
    lowest, highest = -(2 ** (bits - 1)) + 1 - less, 2 ** (bits - 1) - 1 + more
    steps = weight / scale
    whole = by(steps)
    if passes != "none":
        whole = steps + (whole - steps).detach()
    if clamp:
        whole = whole.clamp(lowest, highest)
    rounded = whole * scale if back else whole
    return weight + (rounded - weight).detach() if passes == "all" else rounded


def through_scale(bits):
    """Return a scale that leaves some of N(0, 1) beyond the last level."""
    return 1.2 / 2 ** (bits - 1)


def first(scale):
    """Return the first row's scale, or the one of all rows."""
    return scale[0] if isinstance(scale, Tensor) else scale


def clearly(weight, bits):
    """Return weights of which none lies just beyond the last level.

    There it is a matter of taste whether the gradient passes.
    """
    steps = weight.abs() / through_scale(bits)
    last = 2 ** (bits - 1) - 1
    return torch.where((steps > last - 0.1) & (steps < last + 0.6), 0.1, weight)


def with_gradient(answer: object, leaf: Tensor, scale: object, bits: int):
    """Return a learner's answer and the gradient of its weighted sum."""
    if not isinstance(answer, Tensor) or answer.shape != leaf.shape:
        raise MisfitError(
            "straight_through gives a weight for each",
            expected=f"a tensor of shape {tuple(leaf.shape)}",
            got=shown.value(answer),
            hint="return the rounded weights, as many as came in.",
        )
    if not answer.requires_grad:
        return answer, torch.zeros_like(leaf)
    generator = torch.Generator().manual_seed(leaf.numel() + bits)
    slope = torch.rand(leaf.shape, generator=generator) + 0.5
    try:
        (gradient,) = torch.autograd.grad(
            (answer * slope).sum(), leaf, allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        raise MisfitError(
            "straight_through gives each weight a gradient",
            expected="a gradient",
            got=shown.message(error),
            hint="divide with `/` and round with round(); others have no derivative.",
        ) from error
    return answer.detach(), gradient
