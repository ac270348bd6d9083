"""GPTQ: round a column, then let the columns to its right make up for the error.

What counts is not how far the weights move but how far the answers do: |XW - XQ|² over
real inputs X. A column rounded up can be answered by lowering the columns whose inputs
go along with it. The Hessian of that error is the Gram matrix of the inputs, and the
Cholesky factor of its inverse says how much each remaining column should move.

Shapes: O output features, I input features, G groups per row, C columns per group.
Source: GPTQ, Frantar et al., ICLR 2023; after Optimal Brain Surgeon, 1993.
"""

from collections.abc import Callable, Collection, Iterable

import torch
from torch import Tensor

from llmlab.core import progress
from llmlab.core.model import Model
from llmlab.kernels.format import Format, checked
from llmlab.kernels.parameters import QuantizationParameters
from llmlab.kernels.quantized import Quantized
from llmlab.models import calibration, column_loop, surgery
from llmlab.models.calibration import Batch
from llmlab.models.column_loop import objective
from llmlab.quantization import clipping, conversion, formats
from llmlab.quantization.formats import Formats

# (weight (O, I), Hessian (I, I), scale of every weight (O, I), bits) -> integers (O, I)
# from -2**(bits - 1) on; all in float64, the Hessian damped.
Loop = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def quantize(
    model: Model,
    data: Iterable[Batch],
    format: Formats = Format(bits=4, group_size=32),
    *,
    clip: clipping.Clip = clipping.mse,
    act_order: bool = True,
    damping: float = 0.01,
    loop: Loop | None = None,
    skip: Collection[str] = (),
) -> Model:
    """Return a new model, its weights chosen by GPTQ on batches of text.

    data: see `calibration.collect`. Layers are done in the order of the model, so that
    each sees what those before it now give. act_order: columns with the largest inputs
    first. damping: share of the mean that is added to the Gram matrix' diagonal. loop:
    a column loop of your own in the place of `models.column_loop`, see `Loop`. The
    other arguments and errors are those of `rounding.quantize`.
    """
    chosen = formats.layer_formats(model, format, skip)
    work, weights = surgery.share(model), {}
    with progress.task("GPTQ", len(chosen)) as step:
        for name, seen in calibration.by_stage(work, data, chosen):
            layer = work.get_submodule(name)
            with surgery.naming(name):
                weights[name] = solve(
                    surgery.weight_of(layer), seen.gram, chosen[name],
                    clip=clip, act_order=act_order, damping=damping, loop=loop,
                    scale_dtype=formats.SCALE_DTYPE,
                )  # fmt: skip
            surgery.set_weight(layer, weights[name].dequantize())
            step()
    return conversion.convert(model, weights, chosen)


def solve(
    weight: Tensor,
    gram: Tensor,
    format: Format = Format(bits=4),
    *,
    clip: clipping.Clip = clipping.minmax,
    act_order: bool = True,
    damping: float = 0.01,
    loop: Loop | None = None,
    scale_dtype: torch.dtype = torch.float32,
) -> Quantized:
    """Round a weight (O, I) so that its answers move least on inputs of this Gram.

    gram: (I, I), the sum of x xᵀ. loop: as in `quantize`. A row in which plain rounding
    would do better, on the same grid or on the one that reaches to the largest weight,
    keeps that, so GPTQ is never worse on this objective (where one scale serves all, in
    the sum over rows). Errors are those of `formats.quantize_weight`, and ValueError
    for a Gram matrix of another size and for what a loop gives beyond its integers.
    """
    groups = formats.grouped(weight, checked(format).group_size)
    if gram.shape != (weight.shape[1],) * 2 or not torch.isfinite(gram).all():
        raise ValueError(
            f"gram is {tuple(gram.shape)} and the weight {tuple(weight.shape)}; hand "
            "in one finite row and column for each input: calibration.collect(...)."
        )
    # The grid is made beforehand, from the weights as they are, so that columns may
    # come in any order.
    grid = formats.fit(groups, format, clip=clip, scale_dtype=scale_dtype)
    flat = _by_column(grid, groups)
    order = torch.arange(len(gram), device=gram.device)
    if act_order:
        order = gram.diagonal().argsort(descending=True)
    case = groups.flatten(1)[:, order], gram[order][:, order], _ordered(flat, order)
    if loop is None:
        integers = _passed_on(*case, damping)
    else:
        integers = _by_loop(loop, *case, damping)
    integers = integers[:, order.argsort()].view_as(groups)
    solved = Quantized(_better(groups, integers, grid, gram).to(torch.int8), grid)
    if clip is clipping.minmax:
        return solved
    plain = formats.quantize_weight(weight, format, scale_dtype=scale_dtype)
    return _best_rows(groups.flatten(1), solved, plain, gram)


def _passed_on(
    weight: Tensor, gram: Tensor, grid: QuantizationParameters, damping: float
) -> Tensor:
    """Return the integers (O, I) of the loop that every technique here shares."""
    integers = torch.empty_like(weight)

    def rounded(column: int, now: Tensor) -> Tensor:
        own = _ordered(grid, slice(column, column + 1))
        integers[:, column : column + 1] = whole = own.round(now)
        return own.values(whole)

    factor = column_loop.inverse_factor(gram, damping=damping)
    column_loop.pass_on(weight, factor, rounded)
    return integers


def _by_loop(
    loop: Loop,
    weight: Tensor,
    gram: Tensor,
    grid: QuantizationParameters,
    damping: float,
) -> Tensor:
    """Return the integers (O, I) of a loop that was handed in.

    It counts from zero, so a zero point is added to the weights beforehand: what is
    passed on are differences, and they stay the same.
    """
    scales, weight = grid.scales.double(), weight.double()
    if grid.zero_points is not None:
        weight = weight + grid.zero_points * scales
    damped = column_loop.damped(gram, damping=damping)
    integers = torch.as_tensor(loop(weight, damped, scales, grid.bits)).float()
    least, most = -(2 ** (grid.bits - 1)), 2 ** (grid.bits - 1) - 1
    wrong = integers.shape != weight.shape or not integers.isfinite().all()
    if wrong or not torch.equal(integers, integers.round().clamp(least, most)):
        raise ValueError(
            f"loop={loop!r:.60} gave {tuple(integers.shape)} values for a weight of "
            f"{tuple(weight.shape)}; it must return a whole number from {least} to "
            f"{most} for every weight."
        )
    return integers.clamp(grid.lowest, grid.highest)


def _by_column(grid: QuantizationParameters, groups: Tensor) -> QuantizationParameters:
    """Return the same grid with a scale for every single weight, (O, I)."""

    def spread(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.expand_as(groups).flatten(1)

    return QuantizationParameters(
        spread(grid.scales), spread(grid.zero_points), grid.bits
    )


def _ordered(
    grid: QuantizationParameters, columns: Tensor | slice
) -> QuantizationParameters:
    zeros = grid.zero_points
    zeros = None if zeros is None else zeros[:, columns]
    return QuantizationParameters(grid.scales[:, columns], zeros, grid.bits)


def _better(
    groups: Tensor, integers: Tensor, grid: QuantizationParameters, gram: Tensor
) -> Tensor:
    """Keep of each row what moves its answers less: the solution, or rounding."""
    nearest = grid.round(groups)
    exact = groups.flatten(1)
    solved, plain = (
        objective(exact, grid.values(candidate).flatten(1), gram)
        for candidate in (integers, nearest)
    )
    return torch.where((solved <= plain)[:, None, None], integers, nearest)


def _best_rows(
    exact: Tensor, solved: Quantized, plain: Quantized, gram: Tensor
) -> Quantized:
    """Take each row, with its grid, of the one that moves its answers less."""
    losses = [
        objective(exact, candidate.dequantize(), gram) for candidate in (solved, plain)
    ]
    scales, others = solved.grid.scales, plain.grid.scales
    if len(scales) == 1 < len(exact):  # one grid for all rows
        return solved if losses[0].sum() <= losses[1].sum() else plain
    keep = (losses[0] <= losses[1])[:, None, None]
    zeros = solved.grid.zero_points
    if zeros is not None:
        zeros = torch.where(keep, zeros, plain.grid.zero_points)
    grid = QuantizationParameters(torch.where(keep, scales, others), zeros, solved.bits)
    return Quantized(torch.where(keep, solved.integers, plain.integers), grid)
