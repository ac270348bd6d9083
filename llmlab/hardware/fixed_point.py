"""Fixed point: a number as a whole one, of which the last bits stand behind the point.

With f fraction bits the whole number n stands for n / 2**f. Adding and multiplying are
then done by integer units, which are small and cheap; a product has twice the fraction
bits, so that one shift brings it back. What it costs: the range is fixed, and what goes
beyond either stays at the end of it (saturates) or comes out at the other (wraps).
Halves are rounded up here, towards plus infinity: floor(x + 1/2), one adder in silicon.

Shapes: K numbers of a sum, R sums at once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmlab.core import arguments
from llmlab.core.arguments import shown
from llmlab.hardware.operands import whole_array

MOST_BITS = 53  # whole numbers of so many a float64 says exactly


def encode(x: Any, *, bits: int, fraction: int) -> NDArray[np.int64]:
    """Return the nearest whole numbers of so many bits; what goes beyond saturates.

    x: numbers of any shape. Raises ValueError for what is not finite, and for fraction
    bits that are not fewer than all bits.
    """
    least, most = ends(bits, fraction)
    try:
        numbers = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        numbers = np.array(np.nan)
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"x={shown(x)} must hold finite numbers; fixed point knows no infinity "
            "and no NaN, so take them out first."
        )
    scaled = numbers * 2.0**fraction
    below = np.floor(scaled)
    # Not floor(x + 1/2): for the float just below a half that sum is rounded to 1.
    nearest = below + (scaled - below >= 0.5)
    return np.clip(nearest, least, most).astype(np.int64)


def decode(x: Any, *, bits: int, fraction: int) -> NDArray[np.float64]:
    """Return what whole numbers of so many bits stand for.

    Raises ValueError for what is no whole number, or needs more bits.
    """
    least, most = ends(bits, fraction)
    whole = _wholes("x", x)
    if whole.size and not least <= int(whole.min()) <= int(whole.max()) <= most:
        raise ValueError(
            f"x={shown(x)} does not fit bits={bits}, which hold {least} to {most}; "
            "encode it with as many bits, or decode it with more."
        )
    return whole.astype(np.float64) / 2.0**fraction


def dot(
    a: Any, b: Any, *, fraction: int, bits: int = 32,
    accumulator_bits: int | None = None, saturate: bool = True,
) -> Any:  # fmt: skip
    """Multiply and add fixed-point numbers: one rounding, and the result in `bits`.

    a: (K,), or (R, K) for R sums at once; b: (K,). Both whole, with `fraction` fraction
    bits. accumulator_bits: keep each partial sum, which has twice the fraction bits, in
    so many; None: it is as wide as it must be. saturate: what goes beyond stays at the
    end, else it wraps around. Returns an int, or (R,) int64. Raises ValueError for
    other numbers and shapes, and for fraction bits that are not fewer than the bits.
    """
    ends(bits, fraction)
    rows, column = _wholes("a", a), _wholes("b", b)
    if column.ndim != 1 or rows.ndim not in (1, 2) or rows.shape[-1] != len(column):
        raise ValueError(
            f"a has the shape {rows.shape} and b {column.shape}; hand in as many "
            "numbers in b as in a row of a."
        )
    # Python's integers, so that a wide sum has no end.
    products = rows.astype(object) * column.astype(object)
    if accumulator_bits is None:
        sums = products.sum(axis=-1)
    else:
        width = arguments.whole(
            "accumulator_bits", accumulator_bits, least=2, most=MOST_BITS,
            way="or None for a sum that is as wide as it must be",
        )  # fmt: skip
        sums = np.zeros(rows.shape[:-1], dtype=object)
        for place in range(len(column)):
            sums = narrowed(sums + products[..., place], width, saturate=saturate)
    half = 1 << fraction >> 1
    result = narrowed((sums + half) >> fraction, bits, saturate=saturate)
    return result.astype(np.int64) if rows.ndim == 2 else int(result)


def narrowed(whole: Any, bits: int, *, saturate: bool) -> Any:
    """Keep whole numbers in so many bits, in two's complement."""
    end = 1 << (bits - 1)
    if saturate:
        return np.minimum(np.maximum(whole, -end), end - 1)
    return (whole + end) % (2 * end) - end


def ends(bits: int, fraction: int) -> tuple[int, int]:
    """Return the least and the largest whole number; ValueError for other bits."""
    arguments.whole("bits", bits, least=2, most=MOST_BITS, way="such as 16")
    arguments.whole("fraction", fraction, least=0, way="such as 8")
    if fraction >= bits:
        raise ValueError(
            f"fraction={fraction} must be less than bits={bits}, of which one is the "
            f"sign; take at most {bits - 1} fraction bits."
        )
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def _wholes(name: str, value: Any) -> NDArray[np.int64]:
    array = whole_array(value)
    if array is None:
        raise ValueError(
            f"{name}={shown(value)} must hold whole numbers; encode them first, with "
            "fixed_point.encode."
        )
    return array
