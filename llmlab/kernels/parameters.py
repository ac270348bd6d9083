"""A grid: which numbers a weight may take, evenly spaced, and their integers.

A symmetric grid has its levels about zero, so that a scale says it all. An affine grid
also has a zero point, and so spends no level on a side where no weights are. Zero is a
level of both: what was pruned, padded or masked stays exactly zero.

Shapes: O output features, G groups per row, C columns per group.
Source: Jacob et al., CVPR 2018.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.kernels.format import Format

LARGEST = torch.finfo(torch.float32).max


@dataclass(frozen=True, eq=False)
class QuantizationParameters:
    """Levels (integer - zero point) * scale; without zero points about zero."""

    scales: Tensor  # (O, G, 1) float32; (O, 1, 1) and (1, 1, 1) serve more weights
    zero_points: Tensor | None  # as scales: whole numbers in float32
    bits: int

    @property
    def lowest(self) -> int:
        """The smallest integer; a symmetric grid leaves the one below it out."""
        return -(2 ** (self.bits - 1)) + (self.zero_points is None)

    @property
    def highest(self) -> int:
        return 2 ** (self.bits - 1) - 1

    @property
    def short_scales(self) -> bool:
        """Whether bf16 says every scale exactly, so that a file holds 2 bytes of it."""
        return torch.equal(self.scales.bfloat16().float(), self.scales)

    def round(self, groups: Tensor) -> Tensor:
        """Return the integers, as floats, of the levels next to weights (O, G, C)."""
        steps = groups / self.scales
        if self.zero_points is not None:
            steps = steps + self.zero_points
        return steps.round().clamp(self.lowest, self.highest)

    def values(self, integers: Tensor) -> Tensor:
        """Return the weights that integers (O, G, C) stand for."""
        if self.zero_points is not None:
            integers = integers - self.zero_points
        # The level beyond the largest weight of float32 may be more than it can say.
        return (integers * self.scales).clamp(-LARGEST, LARGEST)


def spanning(
    low: Tensor,
    high: Tensor,
    format: Format,
    *,
    scale_dtype: torch.dtype = torch.float32,
) -> QuantizationParameters:
    """Make the grid of a format whose levels reach from low to high, low <= 0 <= high.

    scale_dtype: bfloat16 halves the bytes of the scales; they are rounded up, so that
    nothing is clipped. Raises ValueError for another one than float32 and bfloat16.
    """
    bits, symmetric = format.bits, format.symmetric
    steps = 2 ** (bits - 1) - 1 if symmetric else 2**bits - 1
    # Divided first: from -3e38 to 3e38 is wider than float32 can say.
    if symmetric:
        step = torch.maximum(high, -low) / steps
    else:
        step = high / steps - low / steps
    # A group of zeros has no width: any scale will do, its integers are zero.
    has_width = torch.maximum(high, -low) > 0
    scales = round_up(torch.where(has_width, step, 1.0), scale_dtype)
    if symmetric:
        return QuantizationParameters(scales, None, bits)
    return QuantizationParameters(
        scales, (-low / scales).round() - 2 ** (bits - 1), bits
    )


def round_up(scales: Tensor, dtype: torch.dtype) -> Tensor:
    """Round positive scales up to what `dtype` can say; ValueError for other types."""
    scales = scales.clamp(min=torch.finfo(torch.float32).tiny)
    if dtype == torch.float32:
        return scales
    if dtype != torch.bfloat16:
        raise ValueError(f"scale_dtype={dtype} is not float32 or bfloat16; choose one.")
    # bfloat16 is the upper half of a float32: count up to the next such half.
    upper = ((scales.view(torch.int32) + 0xFFFF) & ~0xFFFF).view(torch.float32)
    return upper.clamp(max=torch.finfo(torch.bfloat16).max)  # else infinity comes next
