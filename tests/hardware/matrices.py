"""Matrices of int8, and a learner's cycle and skew in plain loops."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

INT8 = st.one_of(st.integers(-128, 127), st.sampled_from([-128, 127]))


@st.composite
def products(draw, most=4):
    size, rows = draw(st.integers(1, most)), draw(st.integers(1, 6))
    shapes = ((rows, size), (size, size))
    return [draw(arrays(np.int8, shape, elements=INT8)) for shape in shapes]


def eight():
    drawn = np.random.default_rng(0)
    return [drawn.integers(-128, 128, (n, 8)).astype(np.int8) for n in (64, 8)]


def looped(weights, activations, sums, inflow):
    size = len(weights)
    moved = [[0] * size for _ in range(size)]
    added = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            moved[i][j] = activations[i][j - 1] if j else inflow[i]
            added[i][j] = (sums[i - 1][j] if i else 0) + weights[i][j] * moved[i][j]
    return moved, added


def padded(rows):
    count, size = rows.shape
    late = np.zeros((count + size - 1, size))  # floats, of which all are whole
    for place, row in enumerate(rows):
        late[place + np.arange(size), np.arange(size)] = row
    return late
