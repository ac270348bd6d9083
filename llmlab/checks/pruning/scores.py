"""The right masks of lab 05, and how a mask is compared where scores are equal.

Shapes: O outputs, I inputs; a mask is True where the weight stays.
"""

import torch
from torch import Tensor

from llmlab.checks.exercise import MisfitError

BOOL = "a mask is of `torch.bool`: True where the weight stays."


def lowest(score: Tensor, count: int) -> Tensor:
    """Return a mask in the score's shape, False at its `count` lowest entries."""
    mask = torch.ones(score.numel(), dtype=torch.bool)
    mask[score.flatten().argsort(stable=True)[:count]] = False
    return mask.view(score.shape)


def lowest_of_rows(score: Tensor, count: int) -> Tensor:
    """Return a mask that is False at the `count` lowest scores of each row."""
    mask = torch.ones_like(score, dtype=torch.bool)
    return mask.scatter(1, score.argsort(dim=1, stable=True)[:, :count], False)


def settled(mask: Tensor, score: Tensor) -> Tensor:
    """Return a mask (C,) with ties in order: which of equal scores goes is free.

    As many of those that are equal to the highest score dropped are dropped as before,
    the first ones.
    """
    if mask.shape != score.shape or bool(mask.all()) or mask.dtype != torch.bool:
        return mask
    tied = (score == score[~mask].max()).nonzero().flatten()
    settled = mask.clone()
    settled[tied] = True
    settled[tied[: int((~mask[tied]).sum())]] = False
    return settled


def plain(mask: object, shape: torch.Size) -> Tensor:
    """Return the learner's mask; MisfitError where it is none of these weights."""
    if not isinstance(mask, Tensor):
        got = f"a {type(mask).__name__}"
        hint = "return a tensor; weights are multiplied by it."
        raise MisfitError("the mask: a tensor", expected="a tensor", got=got, hint=hint)
    return mask.detach()
