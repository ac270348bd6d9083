"""Which range of weights the levels should span.

From the smallest to the largest nothing is clipped, but one outlier widens every step.
A percentile gives the outliers up. The range of least squared error weighs clipping
against coarseness, group by group, and needs no guess; below 4 bits it matters most.

A choice is a function (groups, format) -> (low, high), low <= 0 <= high.
Shapes: O output features, I input features, G groups per row, C columns per group.
Source: the search for the least error is that of Banner et al., NeurIPS 2019.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from llmlab.core.arguments import is_number, shown
from llmlab.kernels import parameters
from llmlab.kernels.format import Format

SHRINK = tuple(1 - step / 32 for step in range(24))  # of the whole range, 1 to 0.28

Clip = Callable[[Tensor, Format], tuple[Tensor, Tensor]]


def minmax(groups: Tensor, format: Format) -> tuple[Tensor, Tensor]:
    """Return the smallest and the largest weight of each group, (O, G, 1) both."""
    low, high = groups.aminmax(dim=-1, keepdim=True)
    return low.clamp(max=0), high.clamp(min=0)


def percentile(share: float) -> Clip:
    """Return a choice that leaves the outermost weights of each group out.

    share: of the weights that stay inside, such as 0.999; each side loses half of the
    rest. Raises ValueError for a share that is not above 0.5 and up to 1.
    """
    if not is_number(share) or not 0.5 < share <= 1:
        raise ValueError(
            f"share={shown(share)} is not above 0.5 and up to 1; 0.999 leaves out one "
            "weight in a thousand."
        )

    def clip(groups: Tensor, format: Format) -> tuple[Tensor, Tensor]:
        count = groups.shape[-1]
        # Rounded first: a tenth of 100 is 9.999999999999998 in floats.
        outside = int(round(count * (1 - share) / 2, 6))
        low = groups.kthvalue(1 + outside, dim=-1, keepdim=True).values
        high = groups.kthvalue(count - outside, dim=-1, keepdim=True).values
        return low.clamp(max=0), high.clamp(min=0)

    return clip


def mse(groups: Tensor, format: Format) -> tuple[Tensor, Tensor]:
    """Return the range of each group with the least squared rounding error."""
    return _least_error(groups, format, counts=None)


def weighted_mse(importance: Tensor) -> Clip:
    """Return a choice like `mse`, in which a column's error counts as often as it says.

    importance: (I,), such as the mean square of each input.
    """

    def clip(groups: Tensor, format: Format) -> tuple[Tensor, Tensor]:
        rows = groups[0].numel() // len(importance)  # more than one in a whole tensor
        counts = importance.repeat(rows).view(groups.shape[1:])  # (G, C)
        return _least_error(groups, format, counts=counts)

    return clip


def _least_error(
    groups: Tensor, format: Format, *, counts: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Try shrunken ranges and keep the best of each group."""
    low, high = minmax(groups, format)
    best, kept = torch.full_like(low, torch.inf), torch.ones_like(low)
    for shrink in SHRINK:
        grid = parameters.spanning(low * shrink, high * shrink, format)
        error = (grid.values(grid.round(groups)) - groups).square_()
        if counts is not None:
            error *= counts
        error = error.sum(-1, keepdim=True)
        kept = torch.where(error < best, shrink, kept)
        best = torch.minimum(error, best)
    return low * kept, high * kept
