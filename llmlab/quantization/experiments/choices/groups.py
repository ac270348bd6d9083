"""The integers that methods choose for one group of weights, by bits: for a widget.

Each method has levels of its own: GPTQ those of rounding, AWQ, whose columns are
multiplied before rounding, other ones for each column. So every weight comes with the
first and the last level that it could have taken.

Shapes: O output features, I input features, C columns that share a scale.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.kernels.quantized import Quantized
from llmlab.quantization import awq, clipping, formats, gptq
from llmlab.quantization.experiments.choices.layers import ROUNDING, Layer
from llmlab.quantization.quantities import ANSWER_ERROR, ROUNDED_WEIGHT

BITS = (2, 3)


@dataclass(frozen=True)
class Integers:
    """One group of a layer's weights by method and bits, and the layer's errors."""

    facts: tuple[Record, ...]
    layer: str

    def records(self) -> list[Record]:
        """Return every rounded weight, and the error of the answers by method."""
        return list(self.facts)


def integers(
    layer: Layer, *, bits: Sequence[int] = BITS, group_size: int = 32, row: int = 0
) -> Integers:
    """Round a layer by every method and bits; keep the first group of one row.

    layer: what `choices.layer` returned. row: of the weight (O, I). The error is that
    of the whole layer on text not seen. Raises ValueError for a row that is not there,
    no bits, and as Format does.
    """
    if not 0 <= row < len(layer.weight) or not len(bits):
        raise ValueError(
            f"row={row} and bits={tuple(bits)} must be a row of the {len(layer.weight)}"
            " of this layer, and one number of bits at least."
        )
    facts: list[Record] = []
    for count in bits:
        format = Format(bits=count, group_size=group_size)
        for method, rounded, factors in _ways(layer, format):
            answer = rounded.dequantize() * factors
            details = {"bits": count, "group size": str(group_size)}
            facts += _weights(
                layer, rounded, factors, row, {"method": method} | details
            )
            facts.append(
                records.measured(
                    ANSWER_ERROR, layer.share(answer), subject=method,
                    details={"text": "unseen"} | details,
                )
            )  # fmt: skip
    return Integers(tuple(facts), layer.name)


def _ways(layer: Layer, format: Format) -> Iterator[tuple[str, Quantized, Tensor]]:
    """Yield every method with what it rounds to, and what its inputs are times (I,)."""
    short, same = formats.SCALE_DTYPE, torch.ones(layer.weight.shape[1])
    yield (
        ROUNDING,
        formats.quantize_weight(
            layer.weight, format, clip=clipping.mse, scale_dtype=short
        ),
        same,
    )
    yield (
        "GPTQ",
        gptq.solve(
            layer.weight, layer.seen.gram, format, clip=clipping.mse, scale_dtype=short
        ),
        same,
    )
    scaled, factors = awq.solve(
        layer.weight.float(), layer.seen, format, scale_dtype=short
    )
    yield "AWQ", scaled, same if factors is None else factors


def _weights(
    layer: Layer, rounded: Quantized, factors: Tensor, row: int, details: dict
) -> list[Record]:
    """Return the weights of a row's first group, with the ends of their levels."""
    grid, chosen = rounded.grid, rounded.integers[row, 0].float()  # (C,)
    scale, zero = grid.scales[row, 0, 0], 0.0
    if grid.zero_points is not None:
        zero = float(grid.zero_points[row, 0, 0])
    facts = []
    for column, integer in enumerate(chosen.tolist()):
        step = float(scale * factors[column])
        more = {
            "column": column,
            "weight": float(layer.weight[row, column]),
            "integer": int(integer),
            "first level": (grid.lowest - zero) * step,
            "last level": (grid.highest - zero) * step,
            "levels": grid.highest - grid.lowest + 1,
        }
        facts.append(
            records.measured(
                ROUNDED_WEIGHT, (integer - zero) * step, subject=layer.name,
                details=details | more,
            )
        )  # fmt: skip
    return facts
