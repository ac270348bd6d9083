"""Exercise 1 of 04b: the squared error of a layer's answers."""

import torch

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off


def answer_error(weight, rounded, hessian):
    """Return the sum over rows of change · Hessian · change."""
    change = weight - rounded
    return ((change @ hessian) * change).sum()


def _cases():
    hessian = torch.tensor([[5.0, 2.0], [2.0, 3.0]])
    yield case(torch.tensor([[0.7, -0.2], [1.1, 0.4]]),
               torch.tensor([[1.0, 0.0], [1.0, 0.5]]), hessian)
    dice = torch.Generator().manual_seed(0)
    for outputs, inputs, tokens in ((1, 3, 9), (4, 3, 7), (3, 5, 2), (6, 4, 11)):
        weight = torch.randn(outputs, inputs, generator=dice)
        x = torch.randn(tokens, inputs, generator=dice) + 0.4
        yield case(weight, (2 * weight).round() / 2, x.T @ x)


EXERCISE = Exercise(
    name="answer_error",
    right=answer_error,
    gives=(Value("the squared error of the answers"),),
    cases=lambda: [*_cases()],
    covers="with inputs that go together",
    hints=(
        "What a row's change costs is change · hessian · change, summed over rows.",
        "change @ hessian is a row for each output; multiply it with change again.",
        "((change @ hessian) * change).sum(), where change = weight - rounded.",
    ),
    hint="multiply the change with the Hessian, then with the change, and add all up.",
    tolerance=1e-4,
    mistakes={
        "this is the error of the weights: the Hessian says what each one costs.":
            lambda w, r, h: (w - r).square().sum(),
        "inputs go together: the whole Hessian counts, not its diagonal alone.":
            lambda w, r, h: ((w - r).square() * h.diagonal()).sum(),
        "the change comes twice: (change @ hessian) times change.":
            lambda w, r, h: ((w - r) @ h).sum(),
        "this squares change @ hessian; multiply it with the change instead.":
            lambda w, r, h: ((w - r) @ h).square().sum(),
        "these are errors of rows; the answer is their sum.":
            lambda w, r, h: (((w - r) @ h) * (w - r)).sum(1),
        "this is a mean; the answer is the sum.": (
            lambda w, r, h: (((w - r) @ h) * (w - r)).mean(),
            lambda w, r, h: answer_error(w, r, h) / len(w),
        ),
        "rows do not meet each other: only each row with itself counts.":
            lambda w, r, h: ((w - r) @ h @ (w - r).T).sum(),
        "this is a length; the answer is its square.":
            lambda w, r, h: answer_error(w, r, h).sqrt(),
        "what counts is the change, weight - rounded.": (
            lambda w, r, h: answer_error(w, 0 * w, h),
            lambda w, r, h: answer_error(r, 0 * r, h),
        ),
    },
)
