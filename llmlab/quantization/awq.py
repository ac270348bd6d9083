"""AWQ: weights that meet large inputs are worth finer steps.

Divide an input by s and multiply its column of weights by s: the answer is the same,
but rounding errors of that column now count s times less. Larger inputs get a larger s,
the mean magnitude to a power that is searched for each layer. The price is one product
of the activations with 1 / s in front of the layer.

Shapes: O output features, I input features.
Source: AWQ, Lin et al., MLSys 2024.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import torch
from torch import Tensor

from llmlab.core import progress
from llmlab.core.model import Model
from llmlab.kernels.format import Format
from llmlab.kernels.quantized import Quantized
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch, Inputs
from llmlab.models.column_loop import objective
from llmlab.quantization import clipping, conversion, formats
from llmlab.quantization.formats import Formats

# (weight (O, I), Hessian (I, I), mean size of every input (I,), a function that rounds
# a weight, powers) -> what the columns are multiplied with (I,); all in float64.
Choice = Callable[
    [Tensor, Tensor, Tensor, Callable[[Tensor], Tensor], Sequence[float]], Tensor
]

POWERS = tuple(step / 20 for step in range(20))  # of the mean magnitude; 0: none


def quantize(
    model: Model,
    data: Iterable[Batch],
    format: Formats = Format(bits=4, group_size=32),
    *,
    clip: bool = True,
    choose: Choice | None = None,
    skip: Collection[str] = (),
) -> Model:
    """Return a new model, its weights scaled by AWQ for what batches of text show.

    data: see `calibration.collect`. clip: also search the range of each group's levels,
    errors weighted by the inputs. choose: your choice of factors, see `Choice`. The
    other arguments and errors are those of `rounding.quantize`.
    """
    chosen = formats.layer_formats(model, format, skip)
    seen = calibration.collect(model, data, chosen)
    weights, scales = {}, {}
    for name, layer_format in progress.track(list(chosen.items()), "AWQ"):
        layer = model.get_submodule(name)
        with surgery.naming(name):
            weights[name], scales[name] = solve(
                surgery.weight_of(layer), seen[name], layer_format, clip=clip,
                choose=choose,
                scale_dtype=formats.SCALE_DTYPE,
            )  # fmt: skip
    return conversion.convert(model, weights, chosen, input_scales=scales)


def solve(
    weight: Tensor,
    inputs: Inputs,
    format: Format = Format(bits=4),
    *,
    clip: bool = True,
    choose: Choice | None = None,
    scale_dtype: torch.dtype = torch.float32,
) -> tuple[Quantized, Tensor | None]:
    """Round a weight (O, I); return it with what its inputs are multiplied by, (I,).

    Plain rounding is among what is tried, so AWQ is never worse on the error of the
    answers, `gptq.objective`; where it wins, None stands for the factors.
    """
    exact = formats.grouped(weight, "tensor").flatten(1)

    def attempt(factors: Tensor, clip: clipping.Clip) -> tuple:
        rounded = formats.quantize_weight(
            exact / factors, format, clip=clip, scale_dtype=scale_dtype
        )
        answer = rounded.dequantize() * factors
        return float(objective(exact, answer, inputs.gram).sum()), rounded, factors

    if choose is None:
        factors = candidates(inputs.mean)
    else:
        factors = [torch.ones(exact.shape[1], device=exact.device)]
        factors.append(_chosen(choose, exact, inputs, format, scale_dtype))
    tried = [attempt(each, clipping.minmax) for each in factors]
    best = min(tried, key=lambda one: one[0])
    if clip:
        factors = best[2]
        clip = clipping.weighted_mse(inputs.mean_square * factors.square())
        best = min(best, attempt(factors, clip), key=lambda one: one[0])
    _, rounded, factors = best
    return rounded, None if (factors == 1).all() else factors


def candidates(mean: Tensor) -> list[Tensor]:
    """Return the factors 1 / s of the inputs that are tried, (I,) each.

    They are numbers of bf16, so that weights and activations are scaled by the same.
    """
    return [inverse(positive(mean) ** power) for power in POWERS]


def positive(mean: Tensor) -> Tensor:
    """Return the mean size of the inputs, those that were never there almost zero."""
    return mean.clamp(min=1e-4 * float(mean.amax().clamp(min=1e-30)))


def inverse(scales: Tensor) -> Tensor:
    """Return 1 / s about 1, rounded to bf16 and kept in float32."""
    # Roots first: products of small numbers would be zero.
    scales = scales / (scales.amax().sqrt() * scales.amin().sqrt())
    return (1 / scales).bfloat16().float()


def _chosen(
    choose: Choice,
    weight: Tensor,
    inputs: Inputs,
    format: Format,
    scale_dtype: torch.dtype,
) -> Tensor:
    """Return the factors 1 / s of a choice that was handed in, (I,)."""

    def rounded(scaled: Tensor) -> Tensor:
        new = formats.quantize_weight(scaled, format, scale_dtype=scale_dtype)
        return new.dequantize().double()

    size = positive(inputs.mean).double()
    scales = choose(weight.double(), inputs.gram.double(), size, rounded, POWERS)
    scales = torch.as_tensor(scales).float()
    if scales.shape != size.shape or not ((scales > 0) & scales.isfinite()).all():
        raise ValueError(
            f"choose={choose!r:.60} gave {tuple(scales.shape)} values for "
            f"{len(size)} inputs; it must return a factor above 0 for every one."
        )
    return inverse(scales)
