"""A quantized weight: small integers, and the grid that they count on.

Shapes: O output features, I input features, G groups per row, C columns per group.
"""

from dataclasses import dataclass

from torch import Tensor

from llmlab.kernels import packing
from llmlab.kernels.parameters import QuantizationParameters


@dataclass(frozen=True, eq=False)
class Quantized:
    """A weight matrix as integers and the grid that they count on."""

    integers: Tensor  # (O, G, C) int8
    grid: QuantizationParameters

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the weight matrix: (O, I)."""
        rows, groups, columns = self.integers.shape
        return rows, groups * columns

    @property
    def bits(self) -> int:
        return self.grid.bits

    @property
    def bytes(self) -> int:
        """What integers, scales and zero points (a byte each) take in a file.

        A scale takes 2 bytes where bf16 says all of them exactly, else 4.
        """
        scale_bytes = 2 if self.grid.short_scales else 4
        scale_bytes += self.grid.zero_points is not None
        count = self.integers.numel()
        return packing.packed_bytes(count, bits=self.bits) + (
            scale_bytes * self.grid.scales.numel()
        )

    def dequantize(self) -> Tensor:
        """Return the weights (O, I) in float32."""
        return self.grid.values(self.integers.float()).flatten(1)
