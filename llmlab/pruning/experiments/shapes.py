"""Pruned models against the dense one: what each shape costs and what it gains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmlab import measure
from llmlab.core import quantities, records
from llmlab.core.records import Record
from llmlab.measure import Speed, memory, phases, quality
from llmlab.pruning import depth
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.masked import Model
from llmlab.pruning.experiments.scoring import Dense
from llmlab.pruning.experiments.stacks import Layers
from llmlab.pruning.experiments.zeros import NEW, prompt_of

DENSE, SPARSE, NEURONS = "dense", "half zeros", "fewer neurons"
SECONDS = 7.5
PART = "shape"
NUMBERS = {1: "one layer", 2: "two layers", 3: "three layers", 4: "four layers"}


@dataclass(frozen=True)
class ShapesRace:
    """Models by what was cut, their times, and what is left of their quality."""

    models: Mapping[str, Any] = field(repr=False)
    speed: Speed
    losses: tuple[Record, ...]
    dense: Dense = field(repr=False)

    def ratio(self, name: str, of: str = "decode") -> Record:
        """Return how many times as fast a model is as the dense one.

        of: "prefill" or "decode". ValueError for other words and names.
        """
        return phases.ratio(self.speed, name, DENSE, of)

    def lost(self, name: str) -> Record:
        """Return the share of bits per byte that a model adds."""
        return scoring.find(self.losses, name)

    def facts(self, name: str) -> tuple[Record, Record, Record]:
        """Return bits per byte, the time of a step and the bytes of weights."""
        model = self._known(name)
        return (
            quality.bits_per_byte(self.dense.scores(model), self.dense.text),
            phases.latency(self.speed, name),
            records.measured(
                quantities.WEIGHTS, memory.weight_bytes(model), subject=name
            ),
        )

    def records(self) -> list[Record]:
        """Return losses, and how many times as fast in both phases."""
        names = [name for name in self.models if name != DENSE]
        ratios = [self.ratio(name, of) for of in phases.SPEED_UPS for name in names]
        return [*self.losses, *ratios]

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return self.speed.note

    def _known(self, name: str) -> Any:
        if name not in self.models:
            raise ValueError(f"{name!r} did not race; choose of {list(self.models)}.")
        return self.models[name]


def shapes_race(
    dense: Dense, *, sparse: Model, neurons: Model, influence: Layers,
    prompt: Sequence[int] | None = None, seconds: float = SECONDS,
) -> ShapesRace:  # fmt: skip
    """Race the dense model against pruned ones, and score them all.

    sparse: with zeros; neurons: with smaller MLPs; influence: which layers to drop, one
    and, of three layers or more, two. prompt: as in `zeros_race`.
    """
    model = dense.model
    layers = len(model.layers)
    models: dict[str, Any] = {DENSE: model, SPARSE: sparse, NEURONS: neurons}
    for count in range(1, min(3, layers)):
        name = NUMBERS.get(layers - count, f"{layers - count} layers")
        models[name] = depth.drop(model, layers=influence.least(count))
    prompt = prompt_of(model) if prompt is None else prompt
    speed = measure.race(models, prompt, max_tokens=NEW, seconds=seconds)
    losses = tuple(
        dense.lost(each, subject=name, details={"part": PART})
        for name, each in models.items()
        if name != DENSE
    )
    return ShapesRace(models, speed, losses, dense)
