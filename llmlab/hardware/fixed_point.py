"""Fixed point: a number as a whole one, of which the last bits stand behind the point.

With f fraction bits the whole number n stands for n / 2**f. Adding and multiplying are
then done by integer units, which are small and cheap; a product has twice the fraction
bits, so that one shift brings it back. What it costs: the range is fixed, and what goes
beyond either stays at the end of it (saturates) or comes out at the other (wraps).
Halves are rounded up here, towards plus infinity: floor(x + 1/2), one adder in silicon.

Shapes: K numbers of a sum.
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

    a, b: whole numbers with `fraction` fraction bits, (…, K) each; what stands before K
    is broadcast. accumulator_bits: keep each partial sum, which has twice the fraction
    bits, in so many; None: it is as wide as it must be. saturate: what goes beyond
    stays at the end, else it wraps around. Returns an int, or int64 (…). Raises
    ValueError for other numbers and shapes, and for fraction bits that are not fewer
    than the bits.
    """
    ends(bits, fraction)
    products = _products(_wholes("a", a), _wholes("b", b))  # (…, K)
    if accumulator_bits is None:
        sums = products.sum(axis=-1)
    else:
        sums = _accumulated(products, accumulator_bits, saturate)
    half = 1 << fraction >> 1
    result = narrowed((sums + half) >> fraction, bits, saturate=saturate)
    return result.astype(np.int64) if products.ndim > 1 else int(result)


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


def _products(a: NDArray[np.int64], b: NDArray[np.int64]) -> Any:
    """Return what is to be added; Python's integers where 64 bits may not hold it."""
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"a has the shape {a.shape} and b {b.shape}; hand in as many numbers in b "
            "as in a row of a."
        )
    most = [int(max(-x.min(), x.max(), 1)) if x.size else 1 for x in (a, b)]
    if most[0] * most[1] * (a.shape[-1] + 1) < 2**62:
        return a * b
    return a.astype(object) * b.astype(object)


def _accumulated(products: Any, bits: int, saturate: bool) -> Any:
    """Add one product after the other into a register of so many bits."""
    way = "or None for a sum that is as wide as it must be"
    bits = arguments.whole("accumulator_bits", bits, least=2, most=MOST_BITS, way=way)
    sums = np.zeros(products.shape[:-1], dtype=products.dtype)
    for place in range(products.shape[-1]):
        sums = narrowed(sums + products[..., place], bits, saturate=saturate)
    return sums


def _wholes(name: str, value: Any) -> NDArray[np.int64]:
    array = whole_array(value)
    if array is None:
        raise ValueError(
            f"{name}={shown(value)} must hold whole numbers; encode them first, with "
            "fixed_point.encode."
        )
    return array
