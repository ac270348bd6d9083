"""The shape and the number format of a quantized weight, without its numbers.

This is what TensorFlow calls a TensorSpec; JSON can say all of it.

Shapes: O output features, I input features, G groups per row, C columns per group.
"""

from dataclasses import dataclass

from torch import Tensor

from llmlab.kernels.format import BITS, Format
from llmlab.kernels.parameters import QuantizationParameters
from llmlab.kernels.quantized import Quantized


@dataclass(frozen=True)
class WeightSpec:
    """Shape and format of a weight, and whether its layer rounds activations too."""

    rows: int  # O
    columns: int  # I
    group_columns: int  # C
    bits: int
    symmetric: bool = True
    per_tensor: bool = False
    short_scales: bool = True  # bf16 says them exactly
    activations: bool = False  # int8, one scale per token

    @classmethod
    def from_weight(
        cls, weight: Quantized, *, activations: bool = False
    ) -> "WeightSpec":
        """Read the form of a quantized weight."""
        (rows, columns), grid = weight.shape, weight.grid
        return cls(
            rows=rows,
            columns=columns,
            group_columns=weight.integers.shape[2],
            bits=weight.bits,
            symmetric=grid.zero_points is None,
            per_tensor=grid.scales.numel() == 1 < rows,
            short_scales=grid.short_scales,
            activations=activations,
        )

    @property
    def groups(self) -> int:
        """Scales in a row (G)."""
        return self.columns // self.group_columns

    @property
    def scales(self) -> tuple[int, int, int]:
        """The shape of the scales."""
        return (1, 1, 1) if self.per_tensor else (self.rows, self.groups, 1)

    @property
    def one_scale_a_row(self) -> bool:
        """Whether a product of integers can wait for its scale."""
        return self.symmetric and self.groups == 1

    @property
    def format(self) -> Format:
        """The format of this layer; its word is what a table calls it."""
        size = "channel" if self.groups == 1 else self.group_columns
        return Format(
            bits=self.bits,
            group_size="tensor" if self.per_tensor else size,
            symmetric=self.symmetric,
            activations=self.activations,
        )

    def check(self) -> None:
        """Raise ValueError where these are the numbers of no weight."""
        flags = (self.symmetric, self.per_tensor, self.short_scales, self.activations)
        if not all(type(flag) is bool for flag in flags):
            raise ValueError(f"flags {flags} are not all true or false.")
        sizes = (self.rows, self.columns, self.group_columns)
        whole = all(type(size) is int and size > 0 for size in sizes)
        if self.bits not in BITS or not whole:
            raise ValueError(f"bits={self.bits}, sizes {sizes} are none.")
        if self.columns % self.group_columns:
            raise ValueError(
                f"group_columns={self.group_columns} does not divide the "
                f"{self.columns} columns; get the file again."
            )

    def weight(
        self, integers: Tensor, scales: Tensor, zero_points: Tensor | None
    ) -> Quantized:
        """Put numbers of any shape, in this order, into this form."""
        if zero_points is not None:
            zero_points = zero_points.float().reshape(self.scales)
        grid = QuantizationParameters(
            scales.float().reshape(self.scales), zero_points, self.bits
        )
        shape = (self.rows, self.groups, self.group_columns)
        return Quantized(integers.reshape(shape), grid)
