"""A quarter of the neurons goes, chosen in three ways; one is the learner's.

Shapes: T tokens, D model width, F neurons of an MLP.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from llmlab.core.records import Record
from llmlab.models import calibration
from llmlab.models.listening import hearing
from llmlab.pruning import neurons as cutting
from llmlab.pruning import parts
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.masked import Model
from llmlab.pruning.experiments.scoring import Dense

KEPT = 0.75  # of the neurons of every MLP
OWN, RANDOM, SMALL = "the quietest (yours)", "random", "the smallest weights"
PART = "neurons"

Matrices = tuple[Tensor, Tensor, Tensor]  # gate, up, down
Cut = Callable[[Tensor, Tensor, Tensor, Tensor, int], Matrices]


@dataclass(frozen=True)
class Neurons:
    """What is lost by a quarter of the neurons, by who chose them."""

    facts: tuple[Record, ...]
    own: Any = field(repr=False)  # the model that the function handed in has cut

    def records(self) -> list[Record]:
        """Return the bits per byte added; subjects say which neurons went."""
        return list(self.facts)

    def lost(self, name: str) -> Record:
        """Return the share of bits per byte that a choice adds."""
        return scoring.find(self.facts, name)


def neurons(
    dense: Dense, without_neurons: Cut, *, kept: float = KEPT, seed: int = 0
) -> Neurons:
    """Cut neurons out of every MLP by a function, at random and by their weights.

    without_neurons: (gate (F, D), up (F, D), down (D, F), hidden (T, F), keep) -> the
    three matrices with `keep` neurons. kept: the share of neurons that stay.
    ValueError: an MLP without a gate, matrices of other shapes.
    """
    model = dense.model
    mlps = parts.mlps(model)
    keep = round(kept * min(parts.neurons(model, mlp) for mlp in mlps.values()))
    dice = torch.Generator().manual_seed(seed)
    chance = {
        name: torch.rand(parts.neurons(model, mlp), generator=dice)
        for name, mlp in mlps.items()
    }
    small = cutting.importance(model, how="magnitude")
    own = _by_function(dense, without_neurons, keep)
    models = {
        OWN: own,
        RANDOM: cutting.prune(model, keep=keep, importance=chance),
        SMALL: cutting.prune(model, keep=keep, importance=small),
    }
    facts = tuple(
        dense.lost(pruned, subject=name, details={"part": PART})
        for name, pruned in models.items()
    )
    return Neurons(facts, own)


def _by_function(dense: Dense, without_neurons: Cut, keep: int) -> Model:
    mlps = parts.mlps(dense.model)
    for name, mlp in mlps.items():
        if len(mlp.into) != 2:
            raise ValueError(
                f"{name} belongs to an MLP of {len(mlp.layers)} layers; this needs a "
                "gate, such as the Llama family has."
            )
    hidden = _hidden(dense, list(mlps))

    def smaller(name: str, gate: Tensor, up: Tensor, down: Tensor) -> Matrices:
        return without_neurons(gate, up, down, hidden[name], keep)

    return cutting.made_smaller(dense.model, smaller, keep=keep, name="without_neurons")


def _hidden(dense: Dense, names: list[str]) -> dict[str, Tensor]:
    """Return what the neurons put out on the calibration text, (T, F) each."""
    heard: dict[str, list[Tensor]] = {name: [] for name in names}

    def hear(name: str, x: Tensor) -> None:
        heard[name].append(x.detach().flatten(0, -2))

    with torch.no_grad(), hearing(dense.model, names, hear):
        for batch in dense.prompts:
            calibration.run(dense.model, batch)
    return {name: torch.cat(rows) for name, rows in heard.items()}
