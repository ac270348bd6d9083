"""A linear recurrence over all tokens: step by step, and in O(log T) parallel steps.

`h[t] = decay[t] * h[t - 1] + new[t]` looks sequential and is not. Two such steps in a
row are one step of the same kind, so neighbours are joined in pairs, the pairs are
solved the same way, and what lies between them follows in one more step. The work
stays linear in T. Nothing is divided: the closed form by cumulative products divides
by products that vanish, and is useless after a few hundred tokens.

Sources: Blelloch, Prefix Sums and Their Applications, 1990; Martin, Cundy 2018.

Shapes: B sequences, T new tokens, D model width.
"""

import torch
from torch import Tensor


def loop(decay: Tensor, new: Tensor) -> Tensor:
    """Return all states (B, T, D), one after the other; before the first they are 0.

    Raises ValueError for shapes that do not fit.
    """
    _check(decay, new)
    state = torch.zeros_like(new[:, 0])
    states = []
    for kept, added in zip(decay.unbind(1), new.unbind(1), strict=True):
        state = torch.addcmul(added, kept, state)
        states.append(state)
    return torch.stack(states, 1)


def parallel(decay: Tensor, new: Tensor) -> Tensor:
    """Return what `loop` returns, in a number of steps that grows with log T."""
    _check(decay, new)
    return _joined(decay, new)


def after(start: Tensor, decay: Tensor, new: Tensor) -> Tensor:
    """Return what is new (B, T, D) where the states go on from `start` (B, D).

    The start counts for the first token alone, so a scan need not know of it.
    """
    if start.shape != new[:, 0].shape:
        raise ValueError(
            f"start {tuple(start.shape)} must be one state for each sequence, "
            f"{tuple(new[:, 0].shape)}; leave it out to start from zeros."
        )
    first = torch.addcmul(new[:, :1], decay[:, :1], start[:, None])
    return torch.cat((first, new[:, 1:]), 1)


def _joined(decay: Tensor, new: Tensor) -> Tensor:
    tokens = new.shape[1]
    if tokens == 1:
        return new
    last = tokens // 2 * 2  # an odd one out at the end has no partner
    later = decay[:, 1:last:2]  # (B, T/2, D)
    pairs = _joined(
        later * decay[:, 0:last:2],
        torch.addcmul(new[:, 1:last:2], later, new[:, 0:last:2]),
    )
    states = torch.empty_like(new)
    states[:, 0] = new[:, 0]
    states[:, 1::2] = pairs
    before = pairs[:, : (tokens - 1) // 2]
    states[:, 2::2] = torch.addcmul(new[:, 2::2], decay[:, 2::2], before)
    return states


def _check(decay: Tensor, new: Tensor) -> None:
    if decay.shape != new.shape or new.dim() != 3 or not new.shape[1]:
        raise ValueError(
            f"decay {tuple(decay.shape)} and new {tuple(new.shape)} must both be "
            "(B, T, D) with T >= 1; broadcast them first: decay.expand_as(new)."
        )
