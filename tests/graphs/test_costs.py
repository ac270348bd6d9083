"""What an operator costs besides arithmetic: lines through times, bytes of chains."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.graphs import costs

PRODUCT, SUM, RELU = ("t", ["a", "b"]), ("u", ["t", "c"]), ("y", ["u"])


def test_the_line_of_the_lab():
    fixed, slope = costs.overhead([1000, 1_000_000], [5e-6, 105e-6])
    assert fixed == pytest.approx(4.8999e-6, rel=1e-4)
    assert slope == pytest.approx(1.001e-10, rel=1e-4)


@given(st.lists(st.tuples(st.integers(1, 99), st.floats(0, 1)), min_size=3))
def test_the_line_is_that_of_least_squares(points):
    sizes, seconds = zip(*points, strict=True)
    if len(set(sizes)) < 2:
        with pytest.raises(ValueError, match="two different sizes"):
            costs.overhead(sizes, seconds)
        return
    slope, fixed = numpy.polyfit(sizes, seconds, 1)
    assert costs.overhead(sizes, seconds) == pytest.approx((fixed, slope), abs=1e-9)


@pytest.mark.parametrize(
    ("kernels", "values"),
    [
        ([[PRODUCT], [SUM], [RELU]], 8),
        ([[PRODUCT, SUM, RELU]], 4),
        ([[PRODUCT, SUM], [RELU]], 6),
        ([[("y", ["a", "a"])]], 2),  # read once
        ([[("t", ["a"]), ("u", ["t"])], [("y", ["t", "u"])]], 6),  # t is used later
        ([[("t", ["a"])], [("y", ["a"])]], 3),  # nobody reads t
        ([[("t", ["a"])], [("u", ["t"])], [("y", ["t", "u"])]], 7),
    ],
)
def test_bytes_are_those_that_go_to_memory(kernels, values):
    assert costs.traffic(kernels, 1000) == 4000 * values
