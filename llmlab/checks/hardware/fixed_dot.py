"""Exercise 5: a dot product in few bits, rounded once and saturated."""

import math
import random
from functools import partial

import numpy

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

WIDE = "the sum is wide: nothing is cut, rounded or saturated before all products " \
       "are added."
HALF = "halves go up: floor(x + 1/2), which is (sum + half) >> fraction with " \
       "half = (1 << fraction) >> 1."
NONE = "with fraction=0 there is nothing to round: half is (1 << fraction) >> 1."
RANGE = "`bits` bits hold -2 ** (bits - 1) to 2 ** (bits - 1) - 1."


def up(total, fraction):
    """Round a sum with 2 · fraction fraction bits half up, to fraction bits."""
    return total + ((1 << fraction) >> 1) >> fraction


def saturated(number, bits):
    """Return the nearest number that two's complement of so many bits holds."""
    return max(-(1 << bits - 1), min((1 << bits - 1) - 1, number))


def wrapped(number, bits):
    """Keep the lowest bits, as two's complement reads them."""
    half = 1 << bits - 1
    return (number + half) % (2 * half) - half


def cut(number, bits):
    """Keep the lowest bits, without a sign."""
    return number % (1 << bits)


def fixed_dot(a, b, fraction, bits, *, scale=up, fit=saturated, each=None, running=None,
              shift=None):
    """Return the dot product as a whole number with fraction bits.

    The knobs each make a typical mistake. scale: how the sum loses fraction bits; fit:
    how the result is brought into so many bits. each: what becomes of a product before
    it is added, and running: of a sum after each step. shift: how many bits go.
    """
    total = 0
    for one, other in zip(a, b, strict=True):
        product = one * other
        total += product if each is None else each(product, fraction, bits)
        total = total if running is None else running(total, fraction, bits)
    return fit(scale(total, fraction if shift is None else shift(fraction)), bits)


def _right(a, b, fraction, bits):
    return fixed_dot(a, b, fraction, bits)


_with = partial(partial, fixed_dot)  # the mistake of some knobs


def _quotient(rounding):
    """Round what a true division gives."""
    return _with(scale=lambda total, fraction: rounding(total / 2**fraction))


def _away(x):
    """Round halves away from zero."""
    return math.floor(abs(x) + 0.5) * (1 if x > 0 else -1)


def _unshifted(total, fraction):
    return total


def _first_shifted(rounding):
    """Take the fraction bits off each product."""
    return _with(each=lambda product, fraction, bits: rounding(product, fraction),
                 scale=_unshifted)


def _times(x, y):
    return x * y


def _in_float32(a, b, fraction, bits):
    """Add up what float32 holds."""
    total = float(numpy.array(a, numpy.float32) @ numpy.array(b, numpy.float32))
    return saturated(math.floor(total / 2**fraction + 0.5), bits)


def _limits(low, high):
    """Saturate to other limits; low, high: made of bits."""
    return _with(fit=lambda number, bits: max(low(bits), min(high(bits), number)))


def _least(bits):
    return -(1 << bits - 1)


def _most(bits):
    return (1 << bits - 1) - 1


def _cases():
    yield case([24, -4], [32, 64], 4, 8)
    yield case([127, 0], [127, 0], 4, 8, about=RANGE)
    yield case([-128, 5], [127, 3], 4, 8, about=RANGE)
    yield case([-100, 90, 17], [80, 71, -9], 5, 12)  # the sum is far below the products
    yield case([3, 5, -7], [3, 1, 3], 1, 8, about=HALF)  # a half below zero
    yield case([5, 2], [1, 4], 1, 8, about=HALF)  # 6.5 goes to 7, also to the even: 6
    yield case([-5, 2], [3, 1], 1, 8, about=HALF)  # -6.5
    yield case([7, 7, 7, 7], [1, 1, 1, 1], 4, 8, about=WIDE)
    yield case([-6, -5, -7], [1, 1, 1], 4, 8, about=WIDE)
    yield case([120, 120, -120], [120, 119, 118], 6, 9, about=WIDE)
    yield case([9, -4, 3], [2, 3, 1], 0, 8, about=NONE)
    yield case([60, 60], [9, -5], 0, 8, about=NONE)
    yield case([30_000, 1], [30_001, 1], 1, 32, about=WIDE)  # float32 is too narrow
    yield case([2000, -1700], [1500, 900], 8, 16)
    dice = random.Random(0)
    for fraction, bits in ((4, 8), (7, 12), (6, 10), (3, 16), (8, 32), (10, 20)):
        yield _drawn(dice, fraction, bits)


def _drawn(dice, fraction, bits):
    most = 1 << min(bits, 16) - 1
    a, b = ([dice.randint(-most, most - 1) for _ in range(9)] for _ in "ab")
    return case(a, [one // 8 for one in b], fraction, bits)


EXERCISE = Exercise(
    name="fixed_dot",
    right=_right,
    gives=(Value("the dot product"),),
    cases=lambda: [*_cases()],
    covers="with halves, sums that fit and sums that do not",
    hints=(
        "Three steps in this order: the whole sum, one rounding, and the limits.",
        "Products have 2 * fraction fraction bits. Add half of 1 << fraction to their "
        "sum, shift it right by fraction, then keep it between -2 ** (bits - 1) and "
        "2 ** (bits - 1) - 1.",
        "total = sum(x * y for x, y in zip(a, b)); rounded = (total + ((1 << fraction) "
        ">> 1)) >> fraction; most = 2 ** (bits - 1); return max(-most, min(most - 1, "
        "rounded)).",
    ),
    hint="the whole sum of products, then floor(sum / 2 ** fraction + 1/2), then the "
         "limits of so many bits.",
    tolerance=0.0,
    mistakes={
        "float32 holds 24 bits of a sum; whole numbers hold all of them.":
            _in_float32,
        "each product is shifted before it is added; shift the sum, once.": (
            _first_shifted(lambda product, fraction: product >> fraction),
            _first_shifted(up),
            _first_shifted(lambda product, fraction: int(product / 2**fraction)),
            _first_shifted(lambda product, fraction: round(product / 2**fraction)),
        ),
        "the factors lose their fraction bits before they are multiplied: shift the "
        "sum.": (
            lambda a, b, fraction, bits: fixed_dot(
                [x >> fraction for x in a], b, fraction, bits, scale=_unshifted),
            lambda a, b, fraction, bits: fixed_dot(
                a, [x >> fraction for x in b], fraction, bits, scale=_unshifted),
        ),
        "2 * fraction bits are too many: the result keeps fraction of them.": (
            _with(shift=lambda fraction: 2 * fraction),
            _with(scale=lambda total, fraction: total >> 2 * fraction),
        ),
        "the sum has twice the fraction bits: shift it right by fraction.":
            _with(scale=_unshifted),
        "a shift to the left adds fraction bits; they go by >>.":
            _with(scale=lambda total, fraction: total << fraction),
        "this wraps; what is too large becomes the largest number.": (
            _with(fit=wrapped), _with(fit=cut),
            _with(fit=lambda number, bits: number & _most(bits)),
        ),
        "nothing limits this: so many bits hold no more than 2 ** (bits - 1) - 1.":
            _with(fit=lambda number, bits: number),
        "halves of negative numbers go up as well: here they are cut towards zero.": (
            _quotient(int), _quotient(lambda x: int(x + 0.5)),
        ),
        "this rounds down: add half before the shift.": (
            _with(scale=lambda total, fraction: total >> fraction),
        ),
        "halves go up, also below zero: floor(x + 1/2) is -6 for -6.5.":
            _quotient(_away),
        "halves go up; Python's round takes the even one.": _quotient(round),
        "this rounds up: floor(x + 1/2).": _quotient(math.ceil),
        "halves go up: floor(x + 1/2), not ceil(x - 1/2).":
            _quotient(lambda x: math.ceil(x - 0.5)),
        "half of what goes is 1 << (fraction - 1); here 1 << fraction is added.":
            _with(scale=lambda total, fraction: total + (1 << fraction) >> fraction),
        NONE: (
            _with(scale=lambda total, fraction:
                  total + (1 << fraction - 1) >> fraction),
            _with(scale=lambda total, fraction:
                  (total >> fraction - 1) + 1 >> 1),
        ),
        "the sum is kept in `bits` here; it is wide, and only the result is limited.": (
            _with(running=lambda total, fraction, bits: saturated(total, bits)),
            _with(running=lambda total, fraction, bits: wrapped(total, bits)),
            lambda a, b, fraction, bits: up(
                saturated(sum(map(_times, a, b)), bits), fraction),
        ),
        "products are kept in `bits` here; they are wide, as their sum is.": (
            _with(each=lambda product, fraction, bits: saturated(product, bits)),
            _with(each=lambda product, fraction, bits: wrapped(product, bits)),
        ),
        "the largest number is 2 ** (bits - 1) - 1: one of the bits is the sign.": (
            _limits(lambda bits: -(1 << bits), lambda bits: (1 << bits) - 1),
            _limits(_least, lambda bits: (1 << bits) - 1),
            _limits(_least, lambda bits: 1 << bits - 1),
            _limits(lambda bits: 0, lambda bits: (1 << bits) - 1),
        ),
        "the smallest number is -2 ** (bits - 1), one more than the largest.": (
            _limits(lambda bits: -_most(bits), _most),
        ),
        "negative numbers are numbers, too: the smallest is -2 ** (bits - 1).":
            _limits(lambda bits: 0, _most),
        "only the largest is limited here; there is a smallest, too.":
            _with(fit=lambda number, bits: min(_most(bits), number)),
        "only the smallest is limited here; there is a largest, too.":
            _with(fit=lambda number, bits: max(_least(bits), number)),
        "limits are in whole numbers as they are held, not in what they stand for.":
            lambda a, b, fraction, bits: max(_least(bits) << fraction, min(
                _most(bits) << fraction, up(sum(map(_times, a, b)), fraction))),
        "this is what the result stands for; return the whole number that is held.":
            lambda a, b, fraction, bits: _right(a, b, fraction, bits) / 2**fraction,
        "the products are added, not the numbers.":
            lambda a, b, fraction, bits: saturated(
                up(sum(a) * sum(b), fraction), bits),
        "the last product is missing.":
            lambda a, b, *rest: _right(a[:-1], b[:-1], *rest),
    },
)
