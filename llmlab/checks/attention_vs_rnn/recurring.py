"""A linear recurrence as the check of `scan` needs it: with one thing done otherwise.

`counted` makes arguments that count the operators of PyTorch, so that a loop over all
tokens can be told from a few rounds.

Shapes: B sequences, T tokens, D model width.
"""

import torch
from torch import Tensor

UNCOUNTED = ("__get__", "__set__", "dim", "size")  # they look at a tensor only


class Counted(Tensor):
    """A tensor that counts the operators on it, and on what comes of it."""

    tally: list[int]

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        result = super().__torch_function__(function, types, arguments, options)
        if getattr(function, "__name__", "") in UNCOUNTED:
            return result
        tallies = [x.tally for x in _counted_among(arguments) if "tally" in vars(x)]
        for tally in tallies[:1]:
            tally[0] += 1
            for made in _counted_among(result):
                vars(made).setdefault("tally", tally)
        return result


def counted(tokens: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return decay and new (1, T, 2) whose operators are counted."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(2, 1, tokens, 2, generator=generator).unbind(0)
    decay, new = (one.as_subclass(Counted) for one in drawn)
    decay.tally = new.tally = [0]
    return decay, new


def operators(x: Tensor) -> int:
    """Return how many operators were called on an argument and what came of it."""
    return x.tally[0] if isinstance(x, Counted) else 0


def _counted_among(values: object) -> list[Counted]:
    if isinstance(values, Counted):
        return [values]
    if isinstance(values, list | tuple):
        return [x for value in values for x in _counted_among(value)]
    return []


def kept(later: Tensor, earlier: Tensor) -> Tensor:
    """Leave the decays as they are."""
    return later


def scan(
    decay: Tensor, new: Tensor, *,
    rounds=None, below=1.0, join=torch.mul, earlier=False, add=1, double=True,
    early=False,
) -> Tensor:  # fmt: skip
    """Return all states (B, T, D), by doubling; `early`: decays are joined first."""
    span, done = 1, 0
    while span < below * new.shape[1] and (rounds is None or done < rounds):
        later, before = decay[:, span:], decay[:, :-span]
        factor = before if earlier else later
        factor = join(later, before) if early else factor
        news = factor * new[:, :-span] + add * new[:, span:]
        new = torch.cat((new[:, :span], news), 1)
        decay = torch.cat((decay[:, :span], join(later, before)), 1)
        span, done = span * 2 if double else span + 1, done + 1
    return new


def along(axis: int, decay: Tensor, new: Tensor) -> Tensor:
    """Run along another axis."""
    moved = (x.transpose(1, axis) for x in (decay, new))
    return scan(*moved).transpose(1, axis)
