"""Rows of a weight on grids of a few bits, made by functions that round one row.

A row function is called with a row and a number of bits and gives integers, a scale
and, where its grid has one, a zero point: (integers - zero point) times the scale is a
weight again.

Shapes: O output features, I input features, C weights that share a scale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.models import surgery
from llmlab.models.surgery import LinearLayer
from llmlab.quantization import floats, formats, levels
from llmlab.quantization.quantities import ERROR_RATIO, ROUNDING_ERROR, STEP

BITS = (8, 6, 4, 3, 2)
MOST = 2048  # rows that are rounded: a function of the learner's takes one at a time

RowFunction = Callable[[Tensor, int], tuple]


@dataclass(frozen=True)
class RowGrids:
    """A weight's histogram, and for every function and number of bits grid and error.

    drawn: the number of bits whose levels a picture shows.
    """

    facts: tuple[Record, ...]
    name: str
    drawn: int

    def records(self) -> list[Record]:
        """Return histogram, quantization steps and rounding errors."""
        return list(self.facts)

    def error(self, function: str, bits: int) -> Record:
        """Return the rounding error of a function at so many bits.

        Raises ValueError for a choice that was not rounded to.
        """
        for fact in self.facts:
            if fact.name == ROUNDING_ERROR.name and fact.subject == function:
                if fact.details["bits"] == bits:
                    return fact
        raise ValueError(
            f"{function!r} at {bits} bits was not measured; choose among "
            f"{', '.join(dict.fromkeys(fact.subject for fact in self.facts[1:]))} and "
            "the bits that were handed in."
        )

    def ratio(self, one: tuple[str, int], other: tuple[str, int]) -> Record:
        """Return how many times as large the error of `one` is as that of `other`.

        Both are (function, bits), such as ("absmax", 4).
        """
        value = self.error(*one).value / self.error(*other).value
        names = [f"{function}, {bits} bits" for function, bits in (one, other)]
        return records.measured(ERROR_RATIO, value, subject=" over ".join(names))


def row_grids(
    layer: LinearLayer,
    functions: Mapping[str, RowFunction],
    *,
    bits: Sequence[int] = BITS,
    group_size: int | None = None,
    drawn: int = 4,
    name: str = "",
) -> RowGrids:
    """Round a layer's weight (O, I) by functions of one row; measure what that costs.

    functions: name -> function of a row and bits, such as {"absmax": absmax}.
    group_size: neighbours that count as a row, by default a whole row. drawn: bits of
    the grid that is drawn. name: of the layer. At most the first 2,048 rows count.
    Raises ValueError for no functions, a group size that does not
    divide a row, and what a function gives that is not integers and a scale.
    """
    if not isinstance(functions, Mapping) or not functions:
        raise ValueError(
            f"functions={functions!r:.60} must map at least one name to a function of "
            "row and bits, such as {'absmax': absmax}."
        )
    weight = surgery.weight_of(layer)
    size = "channel" if group_size is None else group_size
    rows = formats.grouped(weight, size).flatten(0, 1)[:MOST]  # (rows, C)
    facts = levels.histogram(weight, subject=name)
    for word, function in functions.items():
        for count in bits:
            rounded, step = _rounded(word, function, rows, count)
            error = floats.error(rows, rounded)
            details: dict[str, Any] = {"bits": count, "group size": str(size)}
            facts.append(
                records.measured(ROUNDING_ERROR, error, subject=word, details=details)
            )
            facts.append(
                replace(step, subject=word, details=dict(step.details) | details)
            )
    return RowGrids(tuple(facts), name, drawn)


def _rounded(
    word: str, function: RowFunction, rows: Tensor, bits: int
) -> tuple[Tensor, Record]:
    """Return the rounded rows, and the step of the row in the middle."""
    rounded, steps = torch.empty_like(rows), []
    for place, row in enumerate(rows):
        integers, scale, zero = _given(word, function(row, bits), row)
        rounded[place] = (integers.float() - zero) * scale
        steps.append((scale, zero))
    scale, zero = sorted(steps)[len(steps) // 2]
    lowest = 0 if zero else 1 - 2 ** (bits - 1)
    count = 2**bits if zero else 2**bits - 1
    first = (lowest - zero) * scale
    details = {"first level": first, "last level": first + (count - 1) * scale}
    details |= {"levels": count, "widest step": max(steps)[0]}
    return rounded, records.measured(STEP, scale, details=details)


def _given(word: str, answer: Any, row: Tensor) -> tuple[Tensor, float, float]:
    """Return integers, scale and zero point; ValueError for something else."""
    try:
        integers, scale, *zero = answer
        point = float(zero[0]) if zero else 0.0
        integers, scale = torch.as_tensor(integers), float(scale)
    except (TypeError, ValueError):
        integers, scale, point = torch.empty(0), 0.0, 0.0
    if integers.shape != row.shape or not scale > 0:
        raise ValueError(
            f"functions[{word!r}] gave {answer!r:.60}; for a row of {len(row)} it must "
            f"give {len(row)} integers and a scale above 0, and may give a zero point."
        )
    return integers, scale, point
