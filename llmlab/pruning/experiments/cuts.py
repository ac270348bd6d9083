"""A quarter of the neurons goes, chosen in three ways; one is the learner's.

Shapes: T tokens, D model width, F neurons of an MLP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from llmlab.core.records import Record
from llmlab.measure.scores import Texts
from llmlab.models import calibration, surgery
from llmlab.models.listening import hearing
from llmlab.pruning import neurons as cutting
from llmlab.pruning import parts
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.masked import Model
from llmlab.pruning.resized import resized

KEPT = 0.75  # of the neurons of every MLP
PROMPTS, LENGTH = 8, 256
OWN, RANDOM, SMALL = "the quietest (yours)", "random", "the smallest weights"
PART = "neurons"

Cut = Callable[[Tensor, Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class Neurons:
    """What is lost by a quarter of the neurons, by who chose them, and the models."""

    facts: tuple[Record, ...]
    models: Mapping[str, Any] = field(repr=False)

    def __getitem__(self, name: str) -> Any:
        """Return a model; ValueError names those there are."""
        if name not in self.models:
            raise ValueError(f"{name!r} is none of {list(self.models)}.")
        return self.models[name]

    @property
    def own(self) -> Any:
        """The model that the function handed in has cut."""
        return self.models[OWN]

    def records(self) -> list[Record]:
        """Return the bits per byte added; subjects say which neurons went."""
        return list(self.facts)

    def lost(self, name: str) -> Record:
        """Return the share of bits per byte that a choice adds."""
        return scoring.find(self.facts, name)


def neurons(
    model: Model, without_neurons: Cut, *, kept: float = KEPT, seed: int = 0,
    text: Texts | None = None,
) -> Neurons:  # fmt: skip
    """Cut neurons out of every MLP by a function, at random and by their weights.

    without_neurons: (gate (F, D), up (F, D), down (D, F), hidden (T, F), keep) -> the
    three matrices with `keep` neurons. kept: the share of neurons that stay. text: as
    in `by_sparsity`. ValueError: an MLP without a gate, matrices of other shapes.
    """
    measure = scoring.yardstick(model, text)
    mlps = parts.mlps(model)
    keep = round(kept * min(parts.neurons(model, mlp) for mlp in mlps.values()))
    dice = torch.Generator().manual_seed(seed)
    chance = {
        name: torch.rand(parts.neurons(model, mlp), generator=dice)
        for name, mlp in mlps.items()
    }
    small = cutting.importance(model, how="magnitude")
    models = {
        OWN: _by_function(model, without_neurons, keep),
        RANDOM: cutting.prune(model, keep=keep, importance=chance),
        SMALL: cutting.prune(model, keep=keep, importance=small),
    }
    facts = tuple(
        measure.lost(pruned, subject=name, details={"part": PART})
        for name, pruned in models.items()
    )
    return Neurons(facts, models)


def _by_function(model: Model, without_neurons: Cut, keep: int) -> Model:
    mlps, tensors = parts.mlps(model), {}
    hidden = _hidden(model, list(mlps))
    for name, mlp in mlps.items():
        if len(mlp.into) != 2:
            raise ValueError(
                f"{name} belongs to an MLP of {len(mlp.layers)} layers; this needs a "
                "gate, such as the Llama family has."
            )
        gate, up, down = old = [_weight(model, one) for one in mlp.layers]
        new = tuple(without_neurons(gate, up, down, hidden[name], keep))
        _check(name, old, new, keep)
        for layer, weight in zip(mlp.layers, new, strict=True):
            tensors[f"{layer}.weight"] = weight.detach().contiguous()
    return resized(model, tensors, {parts.setting(model): keep})


def _weight(model: Model, name: str) -> Tensor:
    return surgery.weight_of(model.get_submodule(name)).detach()


def _check(name: str, old: list[Tensor], new: tuple, keep: int) -> None:
    gate, up, down = old
    wanted = [(keep, gate.shape[1]), (keep, up.shape[1]), (len(down), keep)]
    shapes = [tuple(getattr(one, "shape", ())) for one in new]
    if shapes != wanted:
        raise ValueError(
            f"without_neurons gave the shapes {shapes} for {name}; with keep={keep} "
            f"they must be {wanted}."
        )


def _hidden(model: Model, names: list[str]) -> dict[str, Tensor]:
    """Return what the neurons put out on a calibration text, (T, F) each."""
    heard: dict[str, list[Tensor]] = {name: [] for name in names}

    def hear(name: str, x: Tensor) -> None:
        heard[name].append(x.detach().flatten(0, -2))

    data = calibration.batches(model, count=PROMPTS, length=LENGTH)
    with torch.no_grad(), hearing(model, names, hear):
        for batch in data:
            calibration.run(model, batch)
    return {name: torch.cat(rows) for name, rows in heard.items()}
