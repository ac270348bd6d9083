"""Exercise 2 of 04b: GPTQ's column loop on a given Hessian."""

import torch

from llmlab.checks.exercise import Exercise, Value, case
from llmlab.checks.quantization import columns, rounded
from llmlab.checks.quantization.columns import loop

# A mistake stands in one line or two, as in a table.
# fmt: off


def gptq_columns(weight, hessian, scale, bits):
    """Return the integers, column after column."""
    return loop(weight, hessian, scale, bits)


def _cases():
    yield case(
        torch.tensor([[0.14, 0.23, -0.31], [-0.06, 0.38, 0.17]]),
        torch.tensor([[5.0, 4.0, 1.0], [4.0, 6.0, 2.0], [1.0, 2.0, 3.0]]),
        torch.tensor([[0.1, 0.1, 0.2], [0.05, 0.05, 0.1]]), 3)
    dice = torch.Generator().manual_seed(0)
    for outputs, inputs, bits, spread in (
        (1, 4, 4, 4.0), (3, 5, 3, 2.3), (4, 6, 2, 1.2), (5, 8, 3, 1.5), (3, 12, 4, 1.2)
    ):
        yield case(*columns.draw(dice, outputs, inputs, bits, spread=spread))
    halves = torch.tensor([[0.5, 1.5, -0.5, 2.5], [-1.5, 4.5, 3.0, -3.5]])
    scale = torch.tensor([[0.25], [0.5]]).expand(2, 4)
    yield case(halves * scale, 4 * torch.eye(4), scale, 4, about=rounded.HALVES)


EXERCISE = Exercise(
    name="gptq_columns",
    right=gptq_columns,
    gives=(Value("the integers"),),
    cases=lambda: [*_cases()],
    covers="some of their weights beyond the last level",
    hints=(
        "Round a column, see how far it is off, and let the later columns pay for it.",
        "error / U[j, j], times U[j, j + 1:], is what later columns lose.",
        "U = cholesky(inverse, upper=True); weight[:, j + 1:] -= outer(error, …).",
    ),
    hint="round, clamp, divide the error by U[j, j], pass it on by the row of U.",
    tolerance=0.0,
    mistakes={
        "this is plain rounding: nothing is passed on. Round what the columns before "
        "left, by U with upper=True.": (
            lambda *a: loop(*a, passes="none"), lambda *a: loop(*a, passes="lower"),
            lambda *a: loop(*a, original=True)),
        "the error is divided by the diagonal, U[j, j], before it is passed on.":
            lambda *a: loop(*a, divide=False),
        "rows of the inverse are right for the first column only: take its Cholesky "
        "factor.": lambda *a: loop(*a, passes="inverse"),
        "this is the factor of the Hessian; take that of its inverse.": (
            lambda *a: loop(*a, passes="root"), lambda *a: loop(*a, passes="hessian")),
        "the error is added to the later columns; subtract it.":
            lambda *a: loop(*a, sign=1.0),
        "there is no integer beyond the last: clamp.": lambda *a: loop(*a, clamp=False),
        "the lowest integer is -(2 ** (bits - 1)).":
            lambda w, h, s, bits: loop(w, h, s, bits, least=1 - 2 ** (bits - 1)),
        "the highest integer is 2 ** (bits - 1) - 1.":
            lambda w, h, s, bits: loop(w, h, s, bits, most=2 ** (bits - 1)),
        "integers go from -(2 ** (bits - 1)), not from 0.":
            lambda w, h, s, bits: loop(w, h, s, bits, least=0, most=2**bits - 1),
        "the error is what is left after clamping, not before.":
            lambda *a: loop(*a, unclamped=True),
        "every column has its own scales, scale[:, j].":
            lambda *a: loop(*a, first_scale=True),
        "these are weights again; return the integers, without the scale.":
            lambda *a: loop(*a, levels=True),
        rounded.HALVES: (
            lambda *a: loop(*a, fit=rounded.half_up),
            lambda *a: loop(*a, fit=rounded.half_away)),
        "cut off, not rounded.": (
            lambda *a: loop(*a, fit=torch.trunc), lambda *a: loop(*a, fit=torch.floor)),
    },
)
