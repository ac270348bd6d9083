"""The array multiplies as a plain product does, and names the first slip of a part."""

import numpy as np
import pytest
import torch
from hardware.matrices import eight, looped, padded, products
from hypothesis import given

from llmlab.hardware import systolic


@given(products())
def test_the_array_multiplies_exactly(pair):
    rows, weights = pair
    run = systolic.run(rows, weights)
    assert np.array_equal(run.product, rows.astype(int) @ weights.astype(int))
    assert run.cycles == systolic.cycles(*rows.shape) == len(run.inflow)
    assert np.array_equal(run.states[-1].weights, weights)


def test_eight_by_eight_cells_take_87_clocks_for_64_rows():
    rows, weights = eight()
    run = systolic.run(rows, weights)
    assert run.cycles == 87 and run.size == 8 and run.rows == 64
    assert np.array_equal(run.product, rows.astype(int) @ weights.astype(int))
    assert run.busy == pytest.approx(64 / 87)


def test_the_least_numbers_of_int8_overflow_nowhere():
    least = np.full((8, 8), -128, np.int8)
    assert (systolic.run(least, least).product == 8 * 128 * 128).all()


def test_the_example_of_the_exercise():
    weights, empty = np.array([[1, 2], [3, 4]]), np.zeros((2, 2), int)
    first = systolic.cycle(weights, empty, empty, np.array([5, 0]))
    assert [part.tolist() for part in first] == [[[5, 0], [0, 0]]] * 2
    second = systolic.cycle(weights, *first, np.array([0, 6]))
    assert second[0].tolist() == [[0, 5], [6, 0]]
    assert second[1].tolist() == [[0, 10], [23, 0]]


def test_a_row_enters_a_clock_later_in_each_column():
    late = systolic.skew(np.array([[1, 2, 3], [4, 5, 6]]))
    assert late.tolist() == [[1, 0, 0], [4, 2, 0], [0, 5, 3], [0, 0, 6]]


def test_weights_move_down_while_they_load_and_then_stay():
    weights = np.array([[1, 2], [3, 4]])
    run = systolic.run([[7, 8]], weights)
    assert run.states[0].weights.tolist() == [[3, 4], [0, 0]]
    assert all(np.array_equal(state.weights, weights) for state in run.states[1:])
    assert not run.inflow[:2].any() and run.inflow[2:4].tolist() == [[7, 0], [0, 8]]


@given(products())
def test_a_cell_works_where_a_row_of_ones_would_be(pair):
    rows, weights = pair
    run = systolic.run(rows, weights)
    ones = systolic.run(np.ones_like(rows), weights)
    held = np.array([state.activations for state in ones.states], bool)
    assert np.array_equal(run.working, held)
    assert run.working.sum() == rows.shape[0] * weights.size


def test_runs_agree_only_if_every_cell_does():
    rows, weights = eight()
    run = systolic.run(rows, weights)
    assert run.agrees(systolic.run(torch.tensor(rows), weights.tolist()))
    weights[7, 7] += 1
    assert not run.agrees(systolic.run(rows, weights))
    assert not run.agrees(systolic.run(rows[:3], weights))


def in_place(weights, activations, sums, inflow):
    activations[:, 1:] = activations[:, :-1].copy()
    activations[:, 0] = inflow
    sums[1:] = sums[:-1].copy()
    sums[0] = 0
    sums += weights * activations
    return activations, sums


@pytest.mark.parametrize("cycle", [looped, in_place])
@pytest.mark.parametrize("skew", [None, padded, lambda rows: padded(rows).tolist()])
def test_parts_of_other_styles_are_taken(cycle, skew):
    rows, weights = eight()
    run = systolic.run(rows, weights, cycle=cycle, skew=skew)
    assert run.agrees(systolic.run(rows, weights))


def eager(weights, activations, sums, inflow):
    """Read what was just written: a whole row in one clock."""
    return looped(weights, np.repeat(inflow[:, None], len(weights), 1), sums, inflow)


def still(weights, activations, sums, inflow):
    """Lose the sums from above."""
    return looped(weights, activations, 0 * sums, inflow)


def transposed(weights, *state):
    return looped(weights.T, *state)


def kept(weights, activations, sums, inflow):
    """Add the right sums, and move nothing."""
    return activations, looped(weights, activations, sums, inflow)[1]


CYCLES = {
    eager: "cycle has the sum 10 in cell (0, 1) after clock 2, the first wrong one; "
    "the sum above it was 0, and 0 comes in from the left, so it is 0 + 0 × 2 = 0.",
    still: "cycle has the sum 18 in cell (1, 0) after clock 3, the first wrong one; "
    "the sum above it was 5, and 6 comes in from the left, so it is 5 + 6 × 3 = 23.",
    transposed: "cycle has the sum 15 in cell (0, 1) after clock 3, the first wrong ",
    kept: "cycle has the activation 0 in cell (0, 0) after clock 2, the first wrong "
    "one; 5 comes in from the left.",
    lambda *state: None: "cycle gave None; it returns (activations, sums), whole ",
    lambda *state: (state[1], state[2][:1]): "whole numbers, 2 × 2 each.",
    lambda *state: (state[1] + 0.5, state[2]): "it returns (activations, sums)",
}
ROWS, WEIGHTS = [[5, 6], [7, 8]], [[1, 2], [3, 4]]


@pytest.mark.parametrize("cycle", CYCLES)
def test_the_first_wrong_sum_is_named(cycle):
    with pytest.raises(ValueError) as error:
        systolic.run(ROWS, WEIGHTS, cycle=cycle)
    assert CYCLES[cycle] in str(error.value)
    assert "\n" not in str(error.value)


SKEWS = {
    lambda rows: padded(rows)[:, ::-1]: "skew has 0 at clock 0 in column 0, and 5 ",
    lambda rows: np.vstack([padded(rows), 0 * rows[:1]]): "skew gave 4 × 2 for 2 rows "
    "of 2; it returns M + N - 1 clocks of N numbers, 3 × 2.",
    lambda rows: padded(rows) + 0.5: "skew gave no array of whole numbers",
    lambda rows: None: "skew gave no array of whole numbers",
    lambda rows: rows: "skew gave 2 × 2 for 2 rows of 2",
}


@pytest.mark.parametrize("skew", SKEWS)
def test_the_first_slip_of_a_skew_is_named(skew):
    with pytest.raises(ValueError) as error:
        systolic.run(ROWS, WEIGHTS, skew=skew)
    assert SKEWS[skew] in str(error.value)


@pytest.mark.parametrize(
    "rows, weights, says",
    [
        ([[0.5, 1]], WEIGHTS, "activations=[[0.5, 1]] holds no whole numbers"),
        (ROWS, np.eye(2), "weights=array([[1., 0.], [0., 1.]]) holds no whole numbers"),
        ([[True, False]], WEIGHTS, "holds no whole numbers"),
        ([[1], [2, 3]], WEIGHTS, "holds no whole numbers"),
        (ROWS, [[1, 2]], "weights is 1 × 2, and an array has as many rows"),
        ([[1, 2, 3]], WEIGHTS, "activations is 1 × 3, and weights is 2 × 2; take 2"),
        ([1, 2], WEIGHTS, "activations has the shape (2,) and must be a matrix"),
        (np.zeros((0, 2), int), WEIGHTS, "activations has the shape (0, 2)"),
        ([[128, 0]], WEIGHTS, "activations holds 128; the cells multiply int8"),
        (ROWS, [[1, 2], [3, -129]], "weights holds -129; the cells multiply int8"),
        (np.zeros((1, 1025), int), WEIGHTS, "activations has 1025 columns"),
    ],
)
def test_what_is_no_int8_matrix_is_refused(rows, weights, says):
    with pytest.raises(ValueError) as error:
        systolic.run(rows, weights)
    assert says in str(error.value)


@pytest.mark.parametrize("rows, size", [(0, 8), (1, 0), (1.5, 8), (1, 1025)])
def test_clocks_of_no_array_are_refused(rows, size):
    with pytest.raises(ValueError, match=r"must be a whole number from 1 to"):
        systolic.cycles(rows, size)
