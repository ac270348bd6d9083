"""Ways to run what is no step of one sequence: a prompt, and many rows at once.

There the arithmetic grows and what a call starts does not, so what is saved by starting
less is a smaller share. What was recorded of both, in several formats, ships.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llmlab import measure
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs import runners
from llmlab.graphs.experiments import inputs, making, rungs, shipped
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.experiments.making import NATIVE, WAYS, Sizes
from llmlab.graphs.experiments.rungs import EAGER
from llmlab.graphs.experiments.shipped import FLOAT, WHOLE
from llmlab.graphs.quantities import (
    DECODE,
    PHASE,
    PREFILL,
    PREFILL_GAIN,
    PREFILL_TIME,
    STEP_GAIN,
    STEP_TIME,
    phase_of,
)
from llmlab.graphs.quantities import phase as phase_of_fact
from llmlab.measure import operators

TOKENS, PROMPT, ROWS, SECONDS = 128, 256, 32, 4.0
COMPILED = runners.WAYS["inductor"]
WORDS = {EAGER: "eager", COMPILED: "compiled", NATIVE: "native"}


@dataclass(frozen=True)
class Beyond:
    """Time, starts and bytes of each way in one phase; what is not here and why."""

    facts: tuple[Record, ...]
    absent: Mapping[str, str]  # way -> one sentence
    note: str = ""  # what neighbours did meanwhile, "" if nothing

    def ratio(self, way: str) -> Record:
        """Return how many times as fast as eager a way is; ValueError for others."""
        names = (STEP_GAIN.name, PREFILL_GAIN.name)
        gains = {fact.subject: fact for fact in self.facts if fact.name in names}
        if way not in gains:
            more = f" {self.absent[way]}" if way in self.absent else ""
            known = ", ".join(gains) or "none, since eager raced alone"
            raise ValueError(f"way={way!r} has no ratio; choose of {known}.{more}")
        return gains[way]

    @property
    def said(self) -> str:
        """Say what is missing, "" if nothing."""
        return " ".join(self.absent.values())

    def records(self) -> list[Record]:
        """Return times, ratios, starts and bytes of every way."""
        return list(self.facts)


def prompts(
    model: Model, *, ways: Sequence[str] = WAYS, tokens: int = PROMPT,
    seconds: float = SECONDS,
) -> Beyond:  # fmt: skip
    """Race all ways to read a prompt of so many tokens into an empty cache.

    Programs are built for just this length; eager and native take any. Raises
    ValueError for other ways, and beyond the model's context.
    """
    ways, most = making.chosen(ways), model.context
    arguments.whole("tokens", tokens, least=2, most=most, way="the model reads no more")
    made, absent = making.made(model, ways, Sizes(0, tokens, new=tokens))
    text = inputs.tokens(model, tokens)
    calls = {way: inputs.Read(one.model, text) for way, one in made.items()}
    speed = measure.speed(calls, seconds=seconds)
    facts = [*rungs.times(speed, PREFILL_TIME, PREFILL_GAIN, tokens, of=PREFILL)]
    facts += rungs.started(made, PREFILL)
    cost = {"tokens": tokens, "cached": 0}
    facts += rungs.sizes(made, cost, {"tokens": tokens, PHASE: PREFILL})
    return Beyond(tuple(facts), absent, speed.note)


def rows(
    model: Model, *, ways: Sequence[str] = WAYS, rows: int = ROWS, tokens: int = TOKENS,
    seconds: float = SECONDS,
) -> Beyond:  # fmt: skip
    """Race all ways to make a decode step of so many sequences at once.

    tokens: in the cache of each before the step. Raises ValueError as above.
    """
    ways, most = making.chosen(ways), model.context - BEFORE - 1
    arguments.whole("tokens", tokens, least=1, most=most, way="steps need room, too")
    arguments.whole("rows", rows, least=1, most=operators.MOST)
    sizes = Sizes(tokens, tokens + BEFORE + 1, rows=rows)
    made, absent = making.made(model, ways, sizes)
    text = inputs.tokens(model, tokens).repeat(rows, 1)
    calls = {
        way: Steps(one.model, one.model.new_cache(rows, sizes.length), text)
        for way, one in made.items()
    }
    speed = measure.speed(calls, seconds=seconds)
    name = phase_of(rows)
    facts = [*rungs.times(speed, STEP_TIME, STEP_GAIN, tokens, of=name)]
    facts += rungs.started(made, name)
    cost = {"tokens": 1, "cached": tokens, "batch": rows}
    facts += rungs.sizes(made, cost, {"tokens": tokens, PHASE: name})
    return Beyond(tuple(facts), absent, speed.note)


@dataclass(frozen=True)
class Recorded:
    """What ships of a model's ways: by format the facts of all phases."""

    facts: Mapping[str, tuple[Record, ...]]
    model: str

    def ratio(self, way: str, dtype: str = FLOAT, phase: str = DECODE) -> Record:
        """Return how many times as fast as eager a way is; ValueError for others."""
        what = PREFILL_GAIN if phase == PREFILL else STEP_GAIN
        return self._of(what, way, dtype, phase)

    def time(self, way: str, dtype: str = FLOAT, phase: str = DECODE) -> Record:
        """Return the time of a call; errors as above."""
        what = PREFILL_TIME if phase == PREFILL else STEP_TIME
        return self._of(what, way, dtype, phase)

    @property
    def said(self) -> str:
        """Say what compiling gains by phase, and what a step takes by format."""
        if not self.facts:
            return shipped.nothing(self.model)
        phases = (
            (DECODE, "a step is {} as fast as eager"),
            (phase_of(ROWS), f"a step of {ROWS} rows {{}}"),
            (PREFILL, "reading a prompt {}"),
        )
        gains = [
            words.format(f"{fact.value:.2f} times")
            for phase, words in phases
            for fact in self._all(STEP_GAIN, PREFILL_GAIN, phase=phase)
            if fact.subject == COMPILED
        ]
        times = [
            f"in {dtype} " + _joined([
                f"{fact.value_text()} {WORDS[fact.subject]}"
                for fact in self._all(STEP_TIME, dtype=dtype)
                if fact.subject in WORDS and (dtype == WHOLE or fact.subject != NATIVE)
            ])
            for dtype in (FLOAT, WHOLE)
            if dtype in self.facts
        ]  # fmt: skip
        said = [f"Compiled, {_joined(gains)}."] if gains else []
        return " ".join([*said, f"A step takes {'; '.join(times)}."])

    def records(self) -> list[Record]:
        """Return all facts; the subject says format and way: "eager in bf16"."""
        return [
            replace(fact, subject=shipped.in_format(fact.subject, dtype))
            for dtype, facts in self.facts.items()
            for fact in facts
        ]

    def _of(self, what: Quantity, way: str, dtype: str, phase: str) -> Record:
        known = {fact.subject: fact for fact in self._all(what, dtype=dtype,
                                                          phase=phase)}  # fmt: skip
        if way not in known:
            raise ValueError(
                f"way={way!r} in {dtype} has no record of {phase}; those are of "
                f"{', '.join(known) or 'no way there'}, in {', '.join(self.facts)}."
            )
        return known[way]

    def _all(
        self, *what: Quantity, dtype: str = FLOAT, phase: str = DECODE
    ) -> list[Record]:
        names = {each.name for each in what}
        facts = self.facts.get(dtype, ())
        return [f for f in facts if f.name in names and phase_of_fact(f) == phase]


def recorded_ways(model: str = "coder") -> Recorded:
    """Return what ships of a model: all ways, in three formats and three phases.

    All of it is from one machine, the one that was recorded last.
    """
    first = shipped.of(model)
    machine = str(first[0].machine) if first else ""
    facts = {
        dtype: shipped.of(shipped.in_format(model, dtype), machine)
        for dtype in shipped.FORMATS
    }
    return Recorded({dtype: some for dtype, some in facts.items() if some}, model)


def _joined(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
