"""Masks of one weight by method, sparsity and pattern, for the widget of the lab.

Shapes: O outputs, I inputs; a corner is a part of the mask, rows by columns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.models import surgery
from llmlab.pruning import masks as choosing
from llmlab.pruning import wanda
from llmlab.pruning.experiments.masked import pruned_layers
from llmlab.pruning.experiments.methods import PATTERN, Wanda
from llmlab.pruning.experiments.scoring import Dense
from llmlab.pruning.quantities import ZEROS

CORNER = 48  # rows and columns that are shown
SHARES = (0.3, 0.5, 0.7)
METHODS = ("magnitude", "wanda")

Key = tuple[str, str]  # method; sparsity as "50 %", or "2:4"


@dataclass(frozen=True)
class Masks:
    """Parts of masks (rows, columns) of one layer, by method and sparsity.

    The columns run from the smallest norm of an input to the largest; under a pattern
    they are neighbours.
    """

    layer: str
    corners: dict[Key, Tensor]
    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return the least and the most zeros among the weights of one input."""
        return list(self.facts)


def masks(dense: Dense, wanda_mask: Wanda, *, layer: str | None = None) -> Masks:
    """Make masks of one layer: by magnitude, and by a function of the learner's.

    wanda_mask: (weight, input norms (I,), sparsity) -> mask. layer: by default the one
    in the middle that leads out of an MLP, else the middle one.
    """
    layers = pruned_layers(dense.model)
    names = [name for name in layers if name.endswith("down")] or list(layers)
    name = layer or names[len(names) // 2]
    weight = surgery.weight_of(layers[name]).detach()
    norms = dense.norms[name]
    corners, facts = {}, []
    for method in METHODS:
        for share in (*SHARES, PATTERN):
            mask = _mask(method, share, weight, norms, wanda_mask)
            word = (
                share if isinstance(share, str) else f"{share:.0%}".replace("%", " %")
            )
            corners[method, word] = mask[:CORNER, _columns(norms, share)]
            zeros = (~mask).float().mean(0)  # of each input, (I,)
            for which, value in (("least", zeros.min()), ("most", zeros.max())):
                subject = f"{method}, {word}, {which} of an input"
                facts.append(records.measured(ZEROS, float(value), subject=subject))
    return Masks(name, corners, tuple(facts))


def _columns(norms: Tensor, share: float | str) -> Tensor:
    """Return places evenly spread over all norms in order, or the first ones."""
    order = norms.argsort()
    if isinstance(share, str):
        return torch.arange(len(order))[:CORNER]
    count = min(CORNER, len(order))
    return order[torch.linspace(0, len(order) - 1, count).round().long()]


def _mask(
    method: str, share: float | str, weight: Tensor, norms: Tensor, wanda_mask: Wanda
) -> Tensor:
    if isinstance(share, str):
        score = weight.abs() if method == "magnitude" else wanda.score(weight, norms)
        return choosing.n_of_m(score)
    if method == "magnitude":
        return choosing.magnitude(weight, share)
    return wanda_mask(weight, norms, share)
