"""Exercise 1: the weights of smallest magnitude go."""

import math

import torch

from llmlab.checks.exercise import Exercise, Value, case
from llmlab.checks.pruning import scores

# A mistake stands in one line or two, as in a table.
# fmt: off

TIES = "of equal magnitudes only as many go as the count asks for: sort, and count."


def magnitude_mask(weight, sparsity):
    """Return a mask (O, I), False at the smallest magnitudes of the whole matrix."""
    return scores.lowest(weight.abs(), round(sparsity * weight.numel()))


def observed(mask, weight, sparsity):
    """Return the learner's mask with equal magnitudes dropped in their order."""
    mask = scores.plain(mask, weight.shape)
    if mask.shape != weight.shape:
        return mask
    return scores.settled(mask.flatten(), weight.abs().flatten()).view(weight.shape)


def _by_row(weight, sparsity):
    return scores.lowest_of_rows(weight.abs(), round(sparsity * weight.shape[1]))


def _threshold(weight, sparsity, *, strict=True, quantile=False):
    """Keep what lies above the magnitude at a place, or at it, too."""
    sizes = weight.abs()
    count = round(sparsity * sizes.numel())
    if quantile:
        bound = torch.quantile(sizes.flatten(), sparsity)
    elif strict:
        below = torch.cat([torch.tensor([-1.0]), sizes.flatten().sort().values])
        bound = below[count]
    else:
        bound = sizes.flatten().sort().values[min(count, sizes.numel() - 1)]
    return sizes > bound if strict else sizes >= bound


def _cases():
    yield case(torch.tensor([[0.1, -0.4], [0.3, -0.2]]), 0.5)
    dice = torch.Generator().manual_seed(0)
    for rows, columns, sparsity in ((1, 8, 0.35), (3, 5, 0.55), (4, 4, 0.3),
                                    (6, 2, 0.7), (7, 9, 0.29)):
        spread = 4 ** torch.randn(rows, 1, generator=dice)
        yield case(spread * torch.randn(rows, columns, generator=dice), sparsity)
    weight = torch.randn(2, 3, generator=dice)
    yield case(weight, 0.0)
    yield case(torch.full((4, 5), 0.5), 0.3, about=TIES)
    steps = torch.tensor([[1.0, -1, 2, -2], [2, 1, -1, 3], [0, 2, 1, -3]])
    yield case(steps, 0.25, about=TIES)


EXERCISE = Exercise(
    name="magnitude_mask",
    right=magnitude_mask,
    gives=(Value("the mask", tensor="return a tensor; weights are multiplied by it.",
                 dtype=scores.BOOL),),
    cases=lambda: [*_cases()],
    covers="every weight, with equal ones among them",
    hints=(
        "How many weights go is round(sparsity * weight.numel()); which ones, say the "
        "magnitudes.",
        "weight.abs().flatten().argsort() lists the places from the smallest magnitude "
        "up.",
        "mask = torch.ones(weight.numel(), dtype=torch.bool); mask[places[:count]] = "
        "False; return mask.view(weight.shape).",
    ),
    hint="round(sparsity * weight.numel()) weights go: those of smallest magnitude.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "this keeps the small ones: True means that a weight stays.":
            lambda w, s: ~magnitude_mask(w, s),
        "what counts is the magnitude: a large negative weight stays.":
            lambda w, s: scores.lowest(w, round(s * w.numel())),
        "sparsity is the share that goes, not the share that stays.":
            lambda w, s: scores.lowest(w.abs(), w.numel() - round(s * w.numel())),
        "this drops a share of each row; the rows share one count here.": _by_row,
        "a quantile lies between two weights: count them, and drop that many.":
            lambda w, s: _threshold(w, s, quantile=True),
        TIES: (_threshold, lambda w, s: _threshold(w, s, strict=False)),
        "`int` cuts off; take `round` of sparsity times the number of weights.": (
            lambda w, s: scores.lowest(w.abs(), int(s * w.numel())),
            lambda w, s: scores.lowest(w.abs(), math.ceil(s * w.numel())),
        ),
        "this drops a share of each column; the whole matrix shares one count.":
            lambda w, s: _by_row(w.T, s).T,
        "these are weights; the answer is a mask, True where one stays.": (
            lambda w, s: w * magnitude_mask(w, s),
            lambda w, s: w.abs() * magnitude_mask(w, s),
        ),
    },
)
