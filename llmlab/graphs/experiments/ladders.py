"""All ways to run a decode step in one race: time, error, what is started, the price.

What takes longer than a lab may was recorded by `benchmarks/graphs_ladder.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from llmlab import measure
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments
from llmlab.core.quantities import WEIGHTS, Quantity
from llmlab.core.records import Record
from llmlab.graphs import runners
from llmlab.graphs.experiments import inputs, making, rungs, shipped
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.experiments.making import NATIVE, WAYS, Sizes
from llmlab.graphs.experiments.rungs import EAGER
from llmlab.graphs.quantities import (
    ALIKE,
    BUILD_SECONDS,
    DECODE,
    LOGIT_ERROR,
    NODES,
    PAID,
    STEP_GAIN,
    STEP_TIME,
    phase,
)
from llmlab.measure import comparison

TOKENS, WRITTEN, SECONDS = 128, 64, 8.0


@dataclass(frozen=True)
class Ladder:
    """Time, error, starts and price of every way, and what is not here and why."""

    facts: tuple[Record, ...]
    absent: Mapping[str, str] = field(default_factory=dict)  # way -> one sentence
    note: str = ""  # what neighbours did meanwhile, "" if nothing
    model: str = "coder"  # its name

    @property
    def ways(self) -> list[str]:
        """The ways that were run, the eager model first."""
        return list(self._named(STEP_TIME))

    def time(self, way: str) -> Record:
        """Return the time of a step; ValueError names the ways that were run."""
        return self._of(STEP_TIME, way)

    def ratio(self, way: str) -> Record:
        """Return how many times as fast as eager a way is; errors as above."""
        return self._of(STEP_GAIN, way)

    @property
    def native(self) -> Record:
        """How many times as fast native int8 is; as recorded where it is not here.

        Raises ValueError where it is neither.
        """
        known = self._named(STEP_GAIN)
        return known.get(NATIVE) or recorded(self.model)._of(STEP_GAIN, NATIVE)

    def starts(self, way: str) -> Record:
        """Return the operators, kernels, nodes or calls of a step (`kind` says it)."""
        return self._of(NODES, way)

    def error(self, way: str) -> Record:
        """Return how far a logit is from the eager model's at most; errors as above."""
        return self._of(LOGIT_ERROR, way)

    def alike(self, way: str) -> Record:
        """Return the share of places with the eager model's token; errors as above."""
        return self._of(ALIKE, way)

    def built(self, way: str) -> Record:
        """Return the seconds that building took; errors as above."""
        return self._of(BUILD_SECONDS, way)

    def paid(self, way: str) -> Record | None:
        """Return the tokens after which building has paid; None where it never does."""
        self.time(way)
        return self._named(PAID).get(way)

    @property
    def board(self) -> tuple[Record, Record, Record]:
        """Of the fastest way: the share of tokens alike, a step, bytes of weights."""
        times = self._named(STEP_TIME).values()
        best = min(times, key=lambda fact: fact.value)
        way = best.subject
        return self.alike(way), best, self._of(WEIGHTS, way)

    @property
    def said(self) -> str:
        """Say which way is the fastest here, what it costs, and what is missing."""
        if not self.facts:
            return " ".join(self.absent.values())
        gains = self._named(STEP_GAIN)
        sure = [f for f in gains.values() if f.details["verdict"] == comparison.FASTER]
        first = "No way is surely faster than eager here."
        if sure:
            best = max(sure, key=lambda fact: fact.value)
            paid, built = self.paid(best.subject), self.built(best.subject)
            pays = f", which {_tokens(paid)} pay back" if paid else ""
            first = (
                f"The fastest way is {best.subject}, {best.value:.2f} times as fast as "
                f"eager; building it took {built.value_text()}{pays}."
            )
        return " ".join([first, *self.absent.values()])

    def records(self) -> list[Record]:
        """Return times, ratios, starts, errors and prices of every way."""
        return list(self.facts)

    def _named(self, what: Quantity) -> dict[str, Record]:
        return {fact.subject: fact for fact in self.facts if fact.name == what.name}

    def _of(self, what: Quantity, way: str) -> Record:
        named = self._named(what)
        if way not in named:
            more = f" {self.absent[way]}" if way in self.absent else ""
            raise ValueError(
                f"way={way!r} has no {what.name}; choose of {list(named)}.{more}"
            )
        return named[way]


def ladder(
    model: Model,
    *,
    ways: Sequence[str] = WAYS,
    tokens: int = TOKENS,
    length: int = runners.LENGTH,
    written: int = WRITTEN,
    seconds: float = SECONDS,
) -> Ladder:
    """Build every way to run a decode step, race them, and compare their logits.

    ways: of WAYS; the eager model always runs. tokens: in the cache of the step.
    length: places of the programs' caches. written: tokens that the eager model writes
    on, at whose places logits are compared. What cannot be built here is in `.absent`
    with one sentence each. Raises ValueError for other ways, and where the cache has
    no room.
    """
    ways = making.chosen(ways)
    arguments.whole("written", written, least=1, way="how many places to compare")
    room = f"choose length={tokens + max(written, BEFORE) + 1} or more"
    most = min(length, model.context) - max(written, BEFORE) - 1
    arguments.whole("tokens", tokens, least=1, most=most, way=room)
    made, absent = making.made(model, ways, Sizes(tokens, length))
    text = inputs.tokens(model, tokens)
    calls = {way: _steps(one.model, text, length) for way, one in made.items()}
    speed = measure.speed(calls, seconds=seconds)
    times = [*rungs.times(speed, STEP_TIME, STEP_GAIN, tokens)]
    facts = [
        *times,
        *rungs.prices(made, speed, times),
        *rungs.sizes(made, {"tokens": 1, "cached": tokens}, {"tokens": tokens}),
    ]
    facts += rungs.compared(made, text, written)
    return Ladder(tuple(facts), absent, speed.note, model.name)


def recorded(model: str = "coder") -> Ladder:
    """Return what ships of a model: the ladder of an idle machine, all ways built.

    Where nothing ships, `.said` names the benchmark that records it.
    """
    facts = [fact for fact in shipped.of(model) if phase(fact) == DECODE]
    if not facts:
        return Ladder((), {EAGER: shipped.nothing(model)}, model=model)
    return Ladder(tuple(facts), model=model)


def _tokens(paid: Record) -> str:
    return f"{paid.value:,.0f} tokens"


def _steps(model: Model, text: Tensor, length: int) -> Callable[[], Tensor]:
    return Steps(model, model.new_cache(1, length), text)
