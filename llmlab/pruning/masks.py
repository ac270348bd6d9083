"""Masks: which weights of a matrix stay, by a score of each, with exact counts.

A mask is true where a weight stays. How many go is a number, not a threshold: a matrix
of equal weights loses just as many as any other, those that come first in it. Zeros may
lie anywhere, or in a pattern: 2:4 keeps two of every four neighbours in a row, which
hardware can skip.

Shapes: O output features, I input features.
Sources: Han et al., 2015 (magnitude); Mishra et al., 2021 (2:4).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core import records, wanted
from llmlab.core.arguments import is_number, is_whole, shown, tensor
from llmlab.core.arguments import whole as whole_number
from llmlab.core.model import as_stored
from llmlab.core.records import Record
from llmlab.models import surgery
from llmlab.pruning.quantities import ZEROS


def magnitude(weight: Tensor, sparsity: float) -> Tensor:
    """Return the mask (O, I) of the weights furthest from zero, of the whole matrix.

    Just round(O · I · sparsity) of them are false. Errors are those of `whole`.
    """
    return whole(checked_score(weight).abs(), sparsity)


def whole(score: Tensor, sparsity: float) -> Tensor:
    """Return the mask (O, I) of the highest scores, compared over the matrix.

    Of equal scores the first go. Raises ValueError for a sparsity that is no share from
    0 to below 1, and for scores that are no matrix or not finite.
    """
    share = checked_sparsity(sparsity)
    return without_lowest(
        checked_score(score, name="score"), round(score.numel() * share)
    )


def by_row(score: Tensor, sparsity: float) -> Tensor:
    """Return the mask (O, I) of the highest scores of each row; else as `whole`."""
    share = checked_sparsity(sparsity)
    lowest = checked_score(score, name="score").argsort(dim=1, stable=True)
    mask = torch.ones_like(score, dtype=torch.bool)
    gone = lowest[:, : round(score.shape[1] * share)]
    return mask.scatter_(1, gone, False)


def n_of_m(score: Tensor, *, n: int = 2, m: int = 4) -> Tensor:
    """Return the mask (O, I) of the n highest scores of every m neighbours in a row.

    Raises ValueError where m does not divide I, and unless 1 <= n < m.
    """
    if not (is_whole(n) and is_whole(m) and 1 <= n < m):
        raise ValueError(
            f"n={shown(n)} of m={shown(m)} is no pattern; choose 1 <= n < m, such as "
            "n=2, m=4."
        )
    columns = checked_score(score, name="score").shape[1]
    if columns % m:
        raise ValueError(
            f"pattern {n}:{shown(m)}: {shown(m)} does not divide the {columns} columns "
            "of this weight; choose a sparsity without a pattern."
        )
    groups = score.unflatten(1, (-1, m))  # (O, I/m, m)
    gone = groups.argsort(dim=-1, stable=True)[..., : m - n]
    mask = torch.ones_like(groups, dtype=torch.bool)
    return mask.scatter_(-1, gone, False).flatten(1)


def without_lowest(score: Tensor, count: int) -> Tensor:
    """Return a mask of any shape that is false at the `count` lowest scores.

    Of equal scores the first go. Raises ValueError for more than there are.
    """
    flat = tensor("score", score).flatten()
    count = whole_number("count", count, most=len(flat), way="so many go")
    if not count:
        return torch.ones_like(score, dtype=torch.bool)
    last = flat.kthvalue(count).values  # many times as fast as to sort them all
    mask = flat > last
    equal = (flat == last).nonzero().flatten()
    mask[equal[count - int((flat < last).sum()) :]] = True
    return mask.view(score.shape)


@dataclass(frozen=True)
class Sparsity:
    """How many weights of a model's linear layers are zero, by layer and in all."""

    zeros: Mapping[str, int]
    weights: Mapping[str, int]

    @property
    def layers(self) -> dict[str, float]:
        """The share of zeros of each layer."""
        return {name: self.zeros[name] / self.weights[name] for name in self.zeros}

    @property
    def total(self) -> float:
        """The share of zeros over all of these layers."""
        return sum(self.zeros.values()) / sum(self.weights.values())

    def records(self) -> list[Record]:
        """Return the share of zeros of each layer, and of all together."""
        shares = {**self.layers, "all layers": self.total}
        return [
            records.measured(ZEROS, share, subject=n) for n, share in shares.items()
        ]


def sparsity(model: nn.Module) -> Sparsity:
    """Count the zeros in the linear layers of a model, packed ones among them.

    Raises ValueError for a model without any.
    """
    weights = {}
    for name, module in wanted.module("model", model).named_modules():
        weight = _weight(module)
        if weight is not None:
            weights[name] = weight
    if not weights:
        surgery.linear_layers(model)  # says that there are none
    zeros = {name: int((weight == 0).sum()) for name, weight in weights.items()}
    return Sparsity(zeros, {name: weight.numel() for name, weight in weights.items()})


def _weight(module: Any) -> Tensor | None:
    """Return the weight (O, I) of a linear layer; None for what has none to see."""
    stored = as_stored(module)
    if stored is None:
        plain = type(module) in (nn.Linear, Conv1D)
        return surgery.weight_of(module) if plain else None
    if stored.kind == "sparse":
        return module.dense_weight()
    return stored.to_file()["weight"] if stored.dense else None


def checked_score(score: Tensor, *, name: str = "weight") -> Tensor:
    """Return scores (O, I); ValueError where they are no matrix of finite numbers."""
    if tensor(name, score).dim() != 2 or not score.numel():
        raise ValueError(
            f"weight has the shape {tuple(score.shape)}; a mask is made for a matrix "
            "with at least one row and one column."
        )
    if not torch.isfinite(score).all():
        raise ValueError(
            "weight or its scores hold NaN or infinite values, which have no order; "
            "look for what made them, or load the weights again."
        )
    return score


def checked_mask(mask: Any, weight: Tensor, part: object) -> Tensor:
    """Return the mask (O, I) that a part handed in has made of a weight.

    part: what made it, to be named. Raises ValueError where it is no mask of this size.
    """
    made = torch.as_tensor(mask, device=weight.device)
    if made.shape != weight.shape or not ((made == 0) | (made == 1)).all():
        raise ValueError(
            f"mask={part!r:.60} gave {tuple(made.shape)} values of {made.dtype} for a "
            f"weight of {tuple(weight.shape)}; it must return true for each weight "
            "that stays and false for each that goes."
        )
    return made.bool()


def checked_sparsity(value: Any, *, name: str = "sparsity") -> float:
    """Return the share of weights that go; ValueError where it is none."""
    number = is_number(value)
    if number and 0 <= value < 1:
        return float(value)
    way = "choose a share from 0 (nothing) to below 1, such as 0.5"
    if number and 1 < value < 100:
        way = f"choose {value / 100:g} for {value:g} %"
    elif number and value == 1:
        way = "that would leave no weight; choose less than 1"
    raise ValueError(
        f"{name}={shown(value)} is not the share of the weights that go; {way}."
    )


def read_pattern(pattern: str) -> tuple[int, int]:
    """Return n and m of a word such as "2:4"; ValueError for another word."""
    word = pattern if isinstance(pattern, str) else ""
    parts = re.fullmatch(r"([1-9]\d*):([1-9]\d*)", word)
    if parts is None or int(parts[1]) >= int(parts[2]):
        raise ValueError(
            f'pattern={shown(pattern)} is none; choose "2:4", or another n:m with n < '
            "m, that keeps n of every m neighbours in a row."
        )
    return int(parts[1]), int(parts[2])
