"""Exercise 3: two of four neighbours stay (Mishra et al., 2021)."""

import torch

from llmlab.checks.exercise import Exercise, Value, case
from llmlab.checks.pruning import scores

# A mistake stands in one line or two, as in a table.
# fmt: off


def two_of_four(weight, *, group=4, kept=2, among=1, strided=False, score=torch.abs):
    """Return a mask (O, I): of each four neighbours in a row the two largest stay."""
    sizes = score(weight if among else weight.T)
    if strided:  # columns 0, G, 2G, 3G are a group
        groups = sizes.unflatten(1, (4, -1)).transpose(1, 2)
    else:
        groups = sizes.unflatten(1, (-1, group))
    best = groups.topk(kept, dim=-1).indices
    mask = torch.zeros_like(groups, dtype=torch.bool).scatter(-1, best, True)
    mask = (mask.transpose(1, 2) if strided else mask).flatten(1)
    return mask if among else mask.T


def observed(mask, weight):
    """Return the learner's mask with equal magnitudes dropped in their order."""
    mask = scores.plain(mask, weight.shape)
    if mask.shape != weight.shape:
        return mask
    groups = zip(mask.reshape(-1, 4), weight.abs().reshape(-1, 4), strict=True)
    return torch.stack([scores.settled(*one) for one in groups]).view(weight.shape)


def _cases():
    yield case(torch.tensor([[1.0, -3.0, 2.0, 0.5, 5.0, 6.0, 7.0, 8.0]]))
    dice = torch.Generator().manual_seed(0)
    for rows, columns in ((1, 4), (4, 8), (8, 4), (4, 16), (12, 12)):
        spread = 3 ** torch.randn(rows, columns, generator=dice)
        yield case(spread * torch.randn(rows, columns, generator=dice))
    tied = torch.tensor([[1.0, -1.0, 1.0, 1.0, 0.0, 0.0, 2.0, 0.0]]).repeat(4, 1)
    yield case(tied, about="of equal magnitudes any will do, but two of four stay.")


EXERCISE = Exercise(
    name="two_of_four",
    right=two_of_four,
    gives=(Value("the mask", tensor="return a tensor; weights are multiplied by it.",
                 dtype=scores.BOOL),),
    cases=lambda: [*_cases()],
    covers="every group of four",
    hints=(
        "Give the four neighbours an axis of their own; two of each four stay.",
        "weight.abs().unflatten(1, (-1, 4)) is (O, I/4, 4); topk(2).indices are places "
        "along its last axis.",
        "mask = torch.zeros_like(groups, dtype=torch.bool).scatter(-1, best, True); "
        "return mask.flatten(1).",
    ),
    hint="of every four neighbours in a row the two of largest magnitude stay.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "this keeps the two smallest of four; the two largest stay.": (
            lambda w: ~two_of_four(w),
            lambda w: two_of_four(w, score=lambda x: -x.abs()),
        ),
        "what counts is the magnitude: a large negative weight stays.":
            lambda w: two_of_four(w, score=torch.clone),
        "this is half of each row; each four neighbours keep two of their own.":
            lambda w: two_of_four(w, group=w.shape[1], kept=w.shape[1] // 2),
        "this keeps one of each two; it is two of each four.":
            lambda w: two_of_four(w, group=2, kept=1),
        "four neighbours, not columns taken every G-th.":
            lambda w: two_of_four(w, strided=True),
        "four neighbours of a row, not of a column.":
            lambda w: two_of_four(w, among=0) if len(w) % 4 == 0 else two_of_four(w),
        "one of four stays here; it should be two.": lambda w: two_of_four(w, kept=1),
        "three of four stay here; it should be two.": lambda w: two_of_four(w, kept=3),
        "these are weights; the answer is a mask, True where one stays.":
            lambda w: w * two_of_four(w),
    },
)
