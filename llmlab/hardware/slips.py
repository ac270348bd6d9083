"""What a learner's `cycle` or `skew` does wrong first, in one sentence.

Shapes: M rows of activations, N rows and columns of cells.
"""

from typing import Any

import numpy as np

from llmlab.core.arguments import shown
from llmlab.hardware.operands import Whole, by, whole_array


def checked_skew(answer: Any, right: Whole, rows: Whole) -> Whole:
    """Return what a `skew` gave as an array; ValueError for the first wrong number."""
    late = whole_array(answer, floats=True)
    if late is None or late.shape != right.shape:
        got = "no array of whole numbers" if late is None else by(late)
        raise ValueError(
            f"skew gave {got} for {len(rows)} rows of {rows.shape[1]}; it returns "
            f"M + N - 1 clocks of N numbers, {by(right)}."
        )
    if len(wrong := np.argwhere(late != right)):
        clock, column = wrong[0]
        raise ValueError(
            f"skew has {late[clock, column]} at clock {clock} in column {column}, and "
            f"{right[clock, column]} belongs there; row t enters column i at clock "
            "t + i, and zeros fill the rest."
        )
    return late


def checked_cycle(
    answer: Any, right: tuple[Whole, Whole], above: Whole, weights: Whole, clock: int
) -> tuple[Whole, Whole]:
    """Return what a `cycle` gave as arrays; ValueError for the first wrong sum.

    above: the sums before this clock.
    """
    activations, sums = _pair(answer, len(weights))
    if len(wrong := np.argwhere(sums != right[1])):
        i, j = wrong[0]
        old = above[i - 1, j] if i else 0
        raise ValueError(
            f"cycle has the sum {sums[i, j]} in cell ({i}, {j}) after clock {clock}, "
            f"the first wrong one; the sum above it was {old}, and {right[0][i, j]} "
            f"comes in from the left, so it is {old} + {right[0][i, j]} × "
            f"{weights[i, j]} = {right[1][i, j]}."
        )
    if len(wrong := np.argwhere(activations != right[0])):
        i, j = wrong[0]
        raise ValueError(
            f"cycle has the activation {activations[i, j]} in cell ({i}, {j}) after "
            f"clock {clock}, the first wrong one; {right[0][i, j]} comes in from the "
            "left."
        )
    return activations, sums


def _pair(answer: Any, size: int) -> tuple[Whole, Whole]:
    """Return what a `cycle` gave as arrays; ValueError for what is no state."""
    parts = list(answer) if isinstance(answer, tuple | list) else []
    made = [whole_array(part, floats=True) for part in parts]
    arrays = [array for array in made if array is not None]
    if len(parts) == 2 and [array.shape for array in arrays] == [(size, size)] * 2:
        return arrays[0], arrays[1]
    raise ValueError(
        f"cycle gave {shown(answer)}; it returns (activations, sums), whole numbers, "
        f"{size} × {size} each."
    )
