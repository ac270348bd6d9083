"""Exercise 2: a weight counts by what it meets (Sun et al., 2023)."""

import torch

from llmlab.checks.exercise import Exercise, Value, case
from llmlab.checks.pruning import scores

# A mistake stands in one line or two, as in a table.
# fmt: off


def wanda_mask(weight, input_norms, sparsity):
    """Return a mask (O, I): in each row the share with the least |weight| · norm goes.

    input_norms: (I,), the length of each input over the tokens of a text.
    """
    return scores.lowest_of_rows(weight.abs() * input_norms, _count(weight, sparsity))


def observed(mask, weight, input_norms, sparsity):
    """Return the learner's mask with equal scores of a row dropped in their order."""
    mask = scores.plain(mask, weight.shape)
    if mask.shape != weight.shape:
        return mask
    rows = zip(mask, weight.abs() * input_norms, strict=True)
    return torch.stack([scores.settled(*row) for row in rows])


def _count(weight, sparsity):
    return round(sparsity * weight.shape[1])


def _rows(score, sparsity):
    return scores.lowest_of_rows(score, _count(score, sparsity))


def _cases():
    weight = torch.tensor([[1.0, 2.0], [4.0, -50.0]])
    yield case(weight, torch.tensor([10.0, 1.0]), 0.5)
    dice = torch.Generator().manual_seed(0)
    for rows, columns, sparsity in ((1, 6, 0.45), (3, 5, 0.4), (5, 5, 0.35),
                                    (6, 4, 0.25), (4, 10, 0.68)):
        spread = 3 ** torch.randn(rows, 1, generator=dice)
        weight = spread * torch.randn(rows, columns, generator=dice)
        norms = 3 ** torch.randn(columns, generator=dice)
        yield case(weight, norms, sparsity)
    yield case(torch.randn(2, 3, generator=dice), torch.rand(3, generator=dice), 0.0)


EXERCISE = Exercise(
    name="wanda_mask",
    right=wanda_mask,
    gives=(Value("the mask", tensor="return a tensor; weights are multiplied by it.",
                 dtype=scores.BOOL),),
    cases=lambda: [*_cases()],
    covers="every weight of every row",
    hints=(
        "The score of a weight is its magnitude times the norm of the input it meets.",
        "weight.abs() * input_norms has a norm for each column; sort along dim 1.",
        "worst = score.argsort(1)[:, :count]; torch.ones_like(score, dtype=torch.bool)"
        ".scatter(1, worst, False).",
    ),
    hint="|weight| times the norm of its input; in each row round(sparsity * I) go.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "this keeps the low scores: True means that a weight stays.":
            lambda w, n, s: ~wanda_mask(w, n, s),
        "this is magnitude alone; each column has the norm of its own input.":
            lambda w, n, s: _rows(w.abs(), s),
        "rows are compared with each other here; each row gives up its own share.":
            lambda w, n, s: scores.lowest(w.abs() * n, round(s * w.numel())),
        "the norm multiplies the magnitude; it does not divide it.":
            lambda w, n, s: _rows(w.abs() / n, s),
        "what counts is the magnitude: a large negative weight stays.":
            lambda w, n, s: _rows(w * n, s),
        "the norms come as they are: nothing is squared, no root is taken.": (
            lambda w, n, s: _rows(w.abs() * n.sqrt(), s),
            lambda w, n, s: _rows(w.abs() * n.square(), s),
            lambda w, n, s: _rows(w.square() * n, s),
        ),
        "this drops whole inputs; each row chooses its own.":
            lambda w, n, s: _rows(n.expand_as(w), s),
        "sparsity is the share that goes, not the share that stays.":
            lambda w, n, s: scores.lowest_of_rows(
                w.abs() * n, w.shape[1] - _count(w, s)),
        "`int` cuts off; take `round` of sparsity times the inputs of a row.":
            lambda w, n, s: scores.lowest_of_rows(w.abs() * n, int(s * w.shape[1])),
        "this compares down the columns; a row of weights makes one output.":
            lambda w, n, s: scores.lowest_of_rows(
                (w.abs() * n).T, round(s * len(w))).T,
        "these are weights; the answer is a mask, True where one stays.":
            lambda w, n, s: w * wanda_mask(w, n, s),
    },
)
