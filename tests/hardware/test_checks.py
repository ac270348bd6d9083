"""The checks of lab 11 let right answers pass, and name what is wrong in wrong ones.

What they let pass serves the rest of the lab: together the parts multiply exactly.
"""

import itertools

import numpy
import pytest
from checks import factory
from hardware.right_answers import RIGHT
from hardware.wrong_answers import CHANGING, WRONG

from llmlab.checks import hardware as check
from llmlab.hardware import tiling

globals().update(factory.tests(check, RIGHT, factory.by_name(check, WRONG)))

PAIRS = [
    pytest.param(cycle, skew, id=f"{cycle.__name__}-{skew.__name__}")
    for cycle, skew in itertools.product(RIGHT["cycle"], RIGHT["skew"])
]


@pytest.mark.parametrize(("exercise", "parameter", "answer"), CHANGING)
def test_an_argument_that_is_changed_is_named(exercise, parameter, answer):
    names = check.EXERCISES[exercise].parameters
    text = factory.message(getattr(check, exercise), factory._named(names, answer))
    factory.three_lines(text)
    assert f"{exercise} leaves {parameter} as it was" in text
    assert "`x.copy()`" in text or "make a new list" in text


def multiplied(cycle, skew, rows, weights):
    """Return the product (M, N) that leaves the last row of the array."""
    size = len(weights)
    activations = sums = numpy.zeros((size, size), dtype=numpy.int64)
    product = numpy.zeros((len(rows), size), dtype=numpy.int64)
    idle = numpy.zeros((size, size), dtype=numpy.int64)
    clocks = numpy.concatenate([numpy.asarray(skew(rows)), idle]).astype(numpy.int64)
    for clock, inflow in enumerate(clocks):
        state = cycle(weights, activations, sums, inflow)
        activations, sums = (numpy.asarray(one).astype(numpy.int64) for one in state)
        for column in range(size):
            row = clock - (size - 1) - column
            if 0 <= row < len(rows):
                product[row, column] = sums[-1, column]
    return product


@pytest.mark.parametrize(("cycle", "skew"), PAIRS)
def test_cycle_and_skew_together_multiply_exactly(cycle, skew):
    dice = numpy.random.default_rng(0)
    for rows, size in ((1, 1), (5, 2), (2, 4), (6, 3), (3, 8)):
        a = dice.integers(-128, 128, (rows, size), dtype=numpy.int8)
        b = dice.integers(-128, 128, (size, size), dtype=numpy.int8)
        right = a.astype(numpy.int64) @ b.astype(numpy.int64)
        assert numpy.array_equal(multiplied(cycle, skew, a, b), right)
        a[:], b[:] = -128, -128
        assert (multiplied(cycle, skew, a, b) == size * 128**2).all()


@pytest.mark.parametrize("answer", RIGHT["tiled_matmul"], ids=lambda one: one.__name__)
def test_an_accepted_product_moves_what_the_formula_says(answer):
    dice = numpy.random.default_rng(0)
    for m, n, k, tile in ((8, 8, 8, 4), (9, 5, 7, 3), (6, 4, 2, 1), (3, 3, 3, 5)):
        memory = tiling.Scratch(3 * tile * tile)
        a, b = dice.normal(size=(m, k)), dice.normal(size=(k, n))
        product = numpy.asarray(answer(a, b, tile, memory))
        assert numpy.allclose(product, a @ b, rtol=1e-5, atol=1e-5)
        moved = memory.loaded, memory.stored
        assert moved == tiling.elements(m, n, k, tile) and memory.held == 0
