"""Ways to run what is no step of one sequence: a prompt, and many rows at once.

There the arithmetic grows and what a call starts does not, so each way gains less by
starting less. What was recorded of both, in several formats, ships.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llmlab import measure
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs import runners
from llmlab.graphs.experiments import inputs, making, rungs, shipped
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.experiments.making import NATIVE, WAYS, Sizes
from llmlab.graphs.experiments.rungs import DECODE, EAGER, PREFILL
from llmlab.graphs.experiments.shipped import FLOAT, WHOLE
from llmlab.graphs.quantities import PREFILL_GAIN, PREFILL_TIME, STEP_GAIN, STEP_TIME
from llmlab.measure import operators

TOKENS, PROMPT, ROWS, SECONDS = 128, 256, 32, 4.0
COMPILED = runners.WAYS["inductor"]
OF_INT8 = ((EAGER, "eager"), (COMPILED, "compiled"), (NATIVE, "native"))


@dataclass(frozen=True)
class Beyond:
    """Time, starts and price of each way in one phase; what is not here and why."""

    facts: tuple[Record, ...]
    absent: Mapping[str, str]  # way -> one sentence
    note: str = ""  # what neighbours did meanwhile, "" if nothing

    def ratio(self, way: str) -> Record:
        """Return how many times as fast as eager a way is; ValueError for others."""
        names = (STEP_GAIN.name, PREFILL_GAIN.name)
        gains = {fact.subject: fact for fact in self.facts if fact.name in names}
        if way not in gains:
            more = f" {self.absent[way]}" if way in self.absent else ""
            raise ValueError(f"way={way!r} did not race; choose of {[*gains]}.{more}")
        return gains[way]

    @property
    def said(self) -> str:
        """Say what is missing, "" if nothing."""
        return " ".join(self.absent.values())

    def records(self) -> list[Record]:
        """Return times, ratios, starts and prices of every way."""
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
    details = {"tokens": tokens}
    facts = [*_times(speed, PREFILL_TIME, PREFILL_GAIN, details, {})]
    facts += rungs.started(made, PREFILL)
    cost = {"tokens": tokens, "cached": 0}
    facts += rungs.sizes(made, cost, details | {"phase": PREFILL})
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
    phase = {"phase": phase_of(rows)}
    details = {"tokens": tokens} | phase
    facts = [*_times(speed, STEP_TIME, STEP_GAIN, details, phase)]
    facts += rungs.started(made, phase_of(rows))
    cost = {"tokens": 1, "cached": tokens, "batch": rows}
    facts += rungs.sizes(made, cost, details)
    return Beyond(tuple(facts), absent, speed.note)


def phase_of(rows: int) -> str:
    """Return what the phase of a step of several rows is called."""
    return DECODE if rows == 1 else f"{rows} rows"


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
        """Say what compiling gains by phase, and what int8 takes on every way."""
        if not self.facts:
            return f"Nothing is recorded of {self.model}; {shipped.COMMAND} does it."
        one, many, read = (
            f"{self.ratio(COMPILED, phase=phase).value:.2f} times"
            for phase in (DECODE, phase_of(ROWS), PREFILL)
        )
        whole, real = (
            [f"{self.time(way, dtype).value_text()} {word}" for way, word in ways]
            for dtype, ways in ((WHOLE, OF_INT8), (FLOAT, OF_INT8[:2]))
        )
        return (
            f"Compiled, a step is {one} as fast as eager, with {ROWS} rows {many}, and "
            f"reading a prompt {read}. With int8 weights on all sides a step takes "
            f"{whole[0]}, {whole[1]} and {whole[2]}; in fp32 it takes {real[0]} and "
            f"{real[1]}."
        )

    def _of(self, what: Quantity, way: str, dtype: str, phase: str) -> Record:
        for fact in self.facts.get(dtype, ()):
            place = fact.name, fact.subject, rungs.phase(fact)
            if place == (what.name, way, phase):
                return fact
        raise ValueError(
            f"way={way!r} in {dtype} has no record of {phase}; the panel of ways shows "
            "what there is."
        )


def recorded_ways(model: str = "coder") -> Recorded:
    """Return what ships of a model: all ways, in three formats and three phases."""
    facts = {
        dtype: shipped.of(shipped.in_format(model, dtype)) for dtype in shipped.FORMATS
    }
    return Recorded({dtype: some for dtype, some in facts.items() if some}, model)


def _times(
    speed: measure.Speed, time: Quantity, gain: Quantity, of_time: Mapping[str, object],
    of_gain: Mapping[str, object],
) -> Iterator[Record]:  # fmt: skip
    for timing in speed.timings:
        yield timing.total.record(time, subject=timing.name, details=dict(of_time))
    for timing in speed.timings:
        if timing.name == EAGER:
            continue
        against = {"against": EAGER} | dict(of_gain)
        verdict = speed.verdict(timing.name, EAGER)
        yield verdict.record(gain, subject=timing.name, details=against)
