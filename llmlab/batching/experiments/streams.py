"""A long prompt comes while streams run: how long these stand still.

Its prompt is read whole, in one step, or in chunks that share each step with the
streams. The learner's plan hands out both.
"""

import itertools
import time
from dataclasses import dataclass

from llmlab.batching.engine import Engine
from llmlab.batching.experiments import rounds
from llmlab.batching.experiments.workloads import Model
from llmlab.batching.plans import PlanStep
from llmlab.batching.quantities import GAP_RATIO, LONG_TTFT, LONGEST_GAP, TOKEN_TIME
from llmlab.batching.requests import Request
from llmlab.caching.experiments import scoring
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.measure import intervals

STREAMS, PROMPT, BUDGET, ROUNDS = 6, 900, 64, 3
BEFORE, WRITTEN, READ = 10, 48, 32  # tokens: until it comes, of a stream, its prompt
WHOLE = "read whole"


@dataclass(frozen=True)
class Gaps:
    """The longest gap of a stream both ways, and when the tokens of one run came."""

    facts: tuple[Record, ...]
    note: str  # how often each ran, and what neighbours did

    def ratio(self) -> Record:
        """Return how many times as long the gap is where the prompt is read whole."""
        return next(fact for fact in self.facts if fact.name == GAP_RATIO.name)

    def longest(self, name: str = WHOLE) -> Record:
        """Return the longest gap; ValueError names the ways there are."""
        gaps = {f.subject: f for f in self.facts if f.name == LONGEST_GAP.name}
        if name not in gaps:
            raise ValueError(f"{name!r} was not tried; choose of {', '.join(gaps)}.")
        return gaps[name]

    def records(self) -> list[Record]:
        """Return gaps, the long prompt's wait, and when every token came."""
        return list(self.facts)


def gaps(
    model: Model, plan_step: PlanStep, *, prompt: int = PROMPT, budget: int = BUDGET,
    streams: int = STREAMS, repeats: int = ROUNDS,
) -> Gaps:  # fmt: skip
    """Let a long prompt come among streams, read whole and in chunks, interleaved.

    plan_step: the learner's. prompt: its tokens; budget: of a step with chunks, in
    tokens. repeats: rounds, which LLMLAB_TIME scales.
    """
    chunks = f"in chunks, {budget} tokens a step"
    ways = {
        name: Entering(model, plan_step, size, prompt=prompt, streams=streams)
        for name, size in ((WHOLE, None), (chunks, budget))
    }
    for way in ways.values():
        way.once()  # warm-up
    raced = rounds.run(ways, rounds=repeats)
    facts, longest = [], {}
    for name, way in ways.items():
        runs, details = way.runs[1:], {"prompt": prompt}
        longest[name] = [run.longest for run in runs]
        waits = [run.entered for run in runs]
        facts.append(
            raced.fact(LONGEST_GAP, longest[name], subject=name, details=details)
        )
        facts.append(raced.fact(LONG_TTFT, waits, subject=name))
    pairs = zip(longest[WHOLE], longest[chunks], strict=True)
    ratios = [one / other for one, other in pairs]
    facts.append(raced.fact(GAP_RATIO, ratios, subject=f"{WHOLE} over {chunks}"))
    facts[0] = scoring.noted(facts[0], raced.few)
    for name, way in ways.items():
        middle = intervals.median(longest[name])
        run = min(way.runs[1:], key=lambda run: abs(run.longest - middle))
        facts += _tokens(name, run)
    return Gaps(tuple(facts), raced.note)


@dataclass(frozen=True)
class Run:
    """When the tokens came, seconds after the long prompt did, and its own first."""

    streams: tuple[tuple[float, ...], ...]
    entered: float

    @property
    def longest(self) -> float:
        """The longest wait for a token of any stream."""
        return max(
            later - earlier
            for times in self.streams
            for earlier, later in itertools.pairwise(times)
        )


class Entering:
    """Streams run, a long prompt comes; every call adds a `Run`."""

    def __init__(
        self, model: Model, plan: PlanStep, budget: int | None, *, prompt: int,
        streams: int,
    ):  # fmt: skip
        self.engine = Engine(model, plan=plan, max_running=streams + 1, budget=budget)
        ids = scoring.some_texts(model, count=streams, length=READ).tolist()
        self._streams = [Request(tokens, WRITTEN) for tokens in ids]
        (long,) = scoring.some_texts(model, count=1, length=prompt).tolist()
        self._long = Request(long, 1)
        self.runs: list[Run] = []

    def __call__(self) -> None:
        self.once()

    def once(self) -> None:
        """Run the streams, and let the long prompt come after some tokens of each."""
        engine = self.engine
        names = [engine.submit(request) for request in self._streams]
        times: dict[int, list[float]] = {name: [] for name in names}
        came, entered, long = 0.0, 0.0, -1
        while engine.busy:
            if long < 0 and min(map(len, times.values())) >= BEFORE:
                came, long = time.perf_counter(), engine.submit(self._long)
            for event in engine.step():
                if event.request == long:
                    entered = time.perf_counter()
                else:
                    times[event.request].append(time.perf_counter())
        tokens = tuple(tuple(each - came for each in times[name]) for name in names)
        self.runs.append(Run(tokens, entered - came))


def _tokens(name: str, run: Run) -> list[Record]:
    return [
        records.measured(
            TOKEN_TIME, when, subject=name,
            details={"stream": stream + 1, "position": place + 1},
        )
        for stream, times in enumerate(run.streams)
        for place, when in enumerate(times)
    ]  # fmt: skip
