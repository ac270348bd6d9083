"""A weight beside its grid, as records: what a picture of the levels is drawn from.

The histogram says where the weights are, the step where the levels are. Each group has
a grid of its own; the one whose step is the median stands for all, and the widest step
says how far an outlier stretches the grid of its group.

Shapes: O output features, I input features.
"""

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.kernels.parameters import QuantizationParameters
from llmlab.quantization import floats, formats
from llmlab.quantization.quantities import (
    BITS_PER_WEIGHT,
    ROUNDING_ERROR,
    SHARE_OF_WEIGHTS,
    STEP,
)

BINS = 81  # an odd number: zero lies in the middle of one


def histogram(weight: Tensor, *, subject: str = "") -> list[Record]:
    """Return the share of weights (O, I) between each two ends, about zero.

    Records "share of weights" with details low and high. Raises ValueError as
    `formats.quantize_weight`.
    """
    weight = formats.grouped(weight, "tensor")
    end = float(weight.abs().amax()) or 1.0
    counts = torch.histc(weight, BINS, -end, end)
    ends = torch.linspace(-end, end, BINS + 1).tolist()
    return [
        records.measured(
            SHARE_OF_WEIGHTS, count / weight.numel(), subject=subject,
            details={"low": low, "high": high},
        )
        for count, low, high in zip(counts.tolist(), ends, ends[1:], strict=False)
    ]  # fmt: skip


def of_weight(
    weight: Tensor, format: Format = Format(), *, subject: str = ""
) -> list[Record]:
    """Round a weight (O, I); return quantization step, error and bits per weight.

    Details hold bits and group size; of the step also the first and the last level,
    how many there are, and the widest step of all groups; of the error also the bits
    per weight. Errors as in `formats.quantize_weight`.
    """
    rounded = formats.quantize_weight(weight, format, scale_dtype=formats.SCALE_DTYPE)
    details = {"bits": format.bits, "group size": str(format.group_size)}
    error = floats.error(weight, rounded.dequantize())
    size = 8 * rounded.bytes / weight.numel()
    step, where = _levels(rounded.grid)
    costs = {
        STEP: (step, where),
        ROUNDING_ERROR: (error, {BITS_PER_WEIGHT.name: size}),
        BITS_PER_WEIGHT: (size, {}),
    }
    return [
        records.measured(what, value, subject=subject, details=details | more)
        for what, (value, more) in costs.items()
    ]


def _levels(grid: QuantizationParameters) -> tuple[float, dict[str, float]]:
    """Return the step of the group in the middle, and where its levels are."""
    scales, zeros = grid.scales.flatten(), grid.zero_points
    middle = int(scales.argsort()[len(scales) // 2])
    zero = 0.0 if zeros is None else float(zeros.flatten()[middle])
    step = float(scales[middle])
    return step, {
        "first level": (grid.lowest - zero) * step,
        "last level": (grid.highest - zero) * step,
        "levels": grid.highest - grid.lowest + 1,
        "widest step": float(scales.max()),
    }
