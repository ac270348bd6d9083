"""What goes into an array: int8 matrices that fit together, and its numbers.

Shapes: M rows of activations, N rows and columns of cells.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmlab.core import arguments
from llmlab.core.arguments import shown

Whole = NDArray[np.int64]
LEAST, MOST = -128, 127  # of int8
LARGEST = 1024  # cells in a row


def pair(activations: Any, weights: Any) -> tuple[Whole, Whole]:
    """Return both matrices as int64; ValueError for all but int8 that fit together."""
    kept = int8("weights", weights)
    if kept.shape[0] != kept.shape[1]:
        raise ValueError(
            f"weights is {by(kept)}, and an array has as many rows of cells as "
            "columns; cut a square block out of it, such as weights[:8, :8]."
        )
    rows = int8("activations", activations)
    if rows.shape[1] != len(kept):
        raise ValueError(
            f"activations is {by(rows)}, and weights is {by(kept)}; take "
            f"{len(kept)} columns of the activations, one for each row of cells."
        )
    return rows, kept


def size(size: int) -> int:
    """Return the cells in a row; ValueError for what is no such number."""
    way = "a learner's array has 4, 8 or 16"
    return arguments.whole("size", size, least=1, most=LARGEST, way=way)


def rows(rows: int) -> int:
    """Return how many rows; ValueError for what is no such number."""
    return arguments.whole("rows", rows, least=1, most=10**9, way="such as 64")


def int8(name: str, value: Any) -> Whole:
    """Return a matrix of int8 as int64; ValueError for all else."""
    array = whole_array(value)
    if array is None:
        raise ValueError(
            f"{name}={shown(value)} holds no whole numbers; the cells multiply int8, "
            "so round them first, as a quantized layer does."
        )
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f"{name} has the shape {array.shape} and must be a matrix with rows and "
            "columns; hand in one such as [[1, 2], [3, 4]]."
        )
    if array.shape[1] > LARGEST:
        raise ValueError(
            f"{name} has {array.shape[1]} columns, more than the {LARGEST} cells that "
            "a row of an array may have here; cut a block out of it."
        )
    low, high = int(array.min()), int(array.max())
    if low < LEAST or high > MOST:
        raise ValueError(
            f"{name} holds {low if low < LEAST else high}; the cells multiply int8, "
            f"from {LEAST} to {MOST}: round with a larger scale."
        )
    return array


def whole_array(value: Any, *, floats: bool = False) -> Whole | None:
    """Return whole numbers as an array of int64, None for what holds others.

    floats: take them, too, where all are whole.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # ragged, or a tensor with a gradient
        return None
    if floats and array.dtype.kind == "f" and np.array_equal(array, np.trunc(array)):
        return array.astype(np.int64)
    return array.astype(np.int64) if array.dtype.kind in "iu" else None


def by(array: np.ndarray) -> str:
    """Write a shape: "64 × 8"."""
    return " × ".join(map(str, array.shape)) or "a single number"
