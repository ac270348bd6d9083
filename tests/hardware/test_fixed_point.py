"""Fixed point counts as fractions do, rounds halves up, and stays within its bits."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.hardware import fixed_point

FORMATS = st.integers(2, 32).flatmap(
    lambda bits: st.tuples(st.just(bits), st.integers(0, bits - 1))
)


def rounded(exact):
    return math.floor(exact + Fraction(1, 2))


def within(whole, bits):
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, whole))


def wrapped(whole, bits):
    kept = whole & (2**bits - 1)
    return kept - 2**bits if kept >> (bits - 1) else kept


@given(st.floats(allow_nan=False, allow_infinity=False), FORMATS)
def test_encoding_rounds_to_the_nearest_and_halves_up(x, format):
    bits, fraction = format
    right = within(rounded(Fraction(x) * 2**fraction), bits)
    assert fixed_point.encode(x, bits=bits, fraction=fraction) == right


def test_the_float_just_below_a_half_is_rounded_down():
    assert fixed_point.encode(math.nextafter(0.5, 0), bits=8, fraction=0) == 0
    halves = fixed_point.encode([-2.5, -1.5, 0.5, 1.5], bits=8, fraction=0)
    assert halves.tolist() == [-2, -1, 1, 2]


@given(FORMATS, st.data())
def test_decoding_gives_the_very_number_and_encoding_gives_it_back(format, data):
    bits, fraction = format
    end = 2 ** (bits - 1)
    whole = data.draw(st.lists(st.integers(-end, end - 1)))
    numbers = fixed_point.decode(np.array(whole, int), bits=bits, fraction=fraction)
    assert [Fraction(n) for n in numbers] == [Fraction(n, 2**fraction) for n in whole]
    again = fixed_point.encode(numbers, bits=bits, fraction=fraction)
    assert again.tolist() == whole


PAIRS = st.lists(st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2), max_size=20)


@given(PAIRS, FORMATS, st.booleans())
def test_a_wide_sum_is_rounded_once_and_ends_in_its_bits(pairs, format, saturate):
    bits, fraction = format
    a, b = (np.array([pair[place] for pair in pairs], int) for place in (0, 1))
    exact = Fraction(sum(x * y for x, y in pairs), 2**fraction)
    end = within if saturate else wrapped
    got = fixed_point.dot(a, b, fraction=fraction, bits=bits, saturate=saturate)
    assert got == end(rounded(exact), bits)


@given(PAIRS, FORMATS, st.integers(2, 53), st.booleans())
def test_an_accumulator_keeps_each_partial_sum_in_its_bits(
    pairs, format, width, saturate
):
    bits, fraction = format
    end = within if saturate else wrapped
    total = 0
    for x, y in pairs:
        total = end(total + x * y, width)
    right = end(rounded(Fraction(total, 2**fraction)), bits)
    a, b = (np.array([pair[place] for pair in pairs], int) for place in (0, 1))
    got = fixed_point.dot(
        a, b, fraction=fraction, bits=bits, accumulator_bits=width, saturate=saturate
    )
    assert got == right


def test_the_examples_of_the_exercise():
    assert fixed_point.dot([24, -4], [32, 64], fraction=4, bits=8) == 32
    assert fixed_point.decode(32, bits=8, fraction=4) == 2.0
    assert fixed_point.dot([127, 0], [127, 0], fraction=4, bits=8) == 127
    wraps = fixed_point.dot([127, 0], [127, 0], fraction=4, bits=8, saturate=False)
    assert wraps == -16
    assert fixed_point.dot([-128] * 2, [127] * 2, fraction=4, bits=8) == -128


def test_many_sums_are_those_of_one_after_the_other():
    drawn = np.random.default_rng(0)
    a, b = (drawn.integers(-(2**15), 2**15, shape) for shape in ((5, 7), (3, 7)))
    for width in (None, 20):
        options = {"fraction": 8, "bits": 16, "accumulator_bits": width}
        both = fixed_point.dot(a[:, None], b[None], **options)
        assert both.tolist() == [
            [fixed_point.dot(row, column, **options) for column in b] for row in a
        ]


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda f: f.encode(1.0, bits=8, fraction=8), "fraction=8 must be less than"),
        (lambda f: f.decode(1, bits=8, fraction=9), "at most 7 fraction bits"),
        (lambda f: f.dot([1], [1], fraction=8, bits=8), "fraction=8 must be less"),
        (lambda f: f.encode(math.nan, bits=8, fraction=4), "x=nan must hold finite"),
        (lambda f: f.encode([1, math.inf], bits=8, fraction=4), "must hold finite"),
        (lambda f: f.encode("one", bits=8, fraction=4), "x='one' must hold finite"),
        (lambda f: f.encode(1.0, bits=54, fraction=4), "bits=54 must be a whole"),
        (lambda f: f.encode(1.0, bits=8, fraction=-1), "fraction=-1 must be a whole"),
        (lambda f: f.decode(128, bits=8, fraction=4), "x=128 does not fit bits=8"),
        (lambda f: f.decode(0.5, bits=8, fraction=4), "x=0.5 must hold whole numbers"),
        (lambda f: f.dot([0.5], [1], fraction=4), "a=[0.5] must hold whole numbers"),
        (lambda f: f.dot([1, 2], [1], fraction=4), "hand in as many numbers in b"),
        (lambda f: f.dot(1, 2, fraction=4), "a has the shape () and b ()"),
        (
            lambda f: f.dot([1], [1], fraction=4, accumulator_bits=1),
            "accumulator_bits=1 must be a whole number from 2 to 53",
        ),
    ],
)
def test_what_is_no_format_and_no_number_is_refused(call, says):
    with pytest.raises(ValueError) as error:
        call(fixed_point)
    assert says in str(error.value)
