"""How much each layer turns the stream, and what the model loses without it.

Shapes: B sequences, T tokens, D model width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.models import calibration
from llmlab.models.listening import listening
from llmlab.pruning import depth
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.scoring import Dense
from llmlab.pruning.quantities import INFLUENCE

PART = "layer"

Influence = Callable[[Tensor, Tensor], Tensor | float]


@dataclass(frozen=True)
class Layers:
    """The influence of each layer, a forecast, and the loss of its removal."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return influences and losses, a layer as their subject."""
        return list(self.facts)

    def least(self, count: int = 1) -> list[int]:
        """Return the places of the layers with the least influence, least first."""
        rows = [fact for fact in self.facts if fact.name == INFLUENCE.name]
        rows.sort(key=lambda fact: fact.value)
        return [int(fact.details["layer"]) for fact in rows[:count]]

    def lost(self, layer: int) -> Record:
        """Return the share of bits per byte that the model adds without a layer."""
        return scoring.find(self.facts, f"layer {layer}")


def layers(dense: Dense, block_influence: Influence) -> Layers:
    """Ask a function for the influence of each layer, and drop each one in turn.

    block_influence: (before (B, T, D), after (B, T, D)) -> a number. ValueError: a
    model whose layers cannot go one by one.
    """
    facts = []
    for place, (before, after) in enumerate(
        progress.track(_streams(dense), "leaving out a layer")
    ):
        name = f"layer {place}"
        forecast = records.measured(
            INFLUENCE, float(block_influence(before, after)), subject=name,
            details={"layer": place},
        )  # fmt: skip
        without = depth.drop(dense.model, layers=[place])
        loss = dense.lost(without, subject=name, details={"part": PART})
        facts += [forecast, loss]
    return Layers(tuple(facts))


def _streams(dense: Dense) -> list[tuple[Tensor, Tensor]]:
    """Return the stream before and after every layer, (B, T, D), on some text."""
    model, data = dense.model, torch.cat(dense.prompts)
    names = [f"layers.{place}" for place in range(len(model.layers))]
    with torch.no_grad(), listening(model, names) as before:
        with listening(model, names, outputs=True) as after:
            calibration.run(model, data)
    return [(before[name], after[name]) for name in names]
