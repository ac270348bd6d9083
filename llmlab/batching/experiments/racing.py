"""One trace of ragged requests, served in every way: the learner's plan beside ours.

The trace is there from the beginning, so that only the throughput counts. All answers
are compared with the plain loop's.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from llmlab.batching import plans, static
from llmlab.batching.engine import Engine
from llmlab.batching.experiments import rounds, timelines, workloads
from llmlab.batching.experiments.timelines import Timeline
from llmlab.batching.experiments.workloads import Answers, Model
from llmlab.batching.plans import PlanStep, Preempt
from llmlab.batching.quantities import AS_ALONE, TRACE_GAIN, TRACE_RATE, TRACE_TIME
from llmlab.batching.requests import Request
from llmlab.batching.watching import Step
from llmlab.caching.experiments import scoring
from llmlab.core.records import Record
from llmlab.measure import memory

ALONE, STATIC = "one by one", "static batches"
OWN, PACKAGE = "continuous (yours)", "continuous (package)"
WORDS = {"alone": ALONE, "static": STATIC, "continuous": OWN, "package": PACKAGE}
PAIRS = (
    (STATIC, ALONE), (OWN, ALONE), (PACKAGE, ALONE), (OWN, STATIC), (PACKAGE, STATIC),
    (OWN, PACKAGE),
)  # fmt: skip
REQUESTS, SEATS, ROUNDS = 24, 8, 3


@dataclass(frozen=True)
class Served:
    """Whether the tokens are the plain loop's, how fast each way was, who sat when."""

    facts: tuple[Record, ...]
    equal: bool  # all tokens of the learner's engine are those of each request alone
    timeline: Timeline
    weights: Record  # bytes of the model
    note: str  # how often each ran, and what neighbours did

    def ratio(self, name: str, *, against: str = "alone") -> Record:
        """Return how many times as fast a way is; ValueError for others.

        name, against: "alone", "static", "continuous" (the learner's), "package".
        """
        for word in (name, against):
            if word not in WORDS:
                raise ValueError(f"{word!r} is no way; choose of {', '.join(WORDS)}.")
        own = [fact for fact in self.facts if fact.subject == WORDS[name]]
        return scoring.find(own, TRACE_GAIN.name, {"against": WORDS[against]})

    @property
    def said(self) -> str:
        """Say whether every request got the tokens that it gets alone."""
        share = next(f for f in self.facts if f.name == AS_ALONE.name and _is_own(f))
        count = share.details["requests"]
        if self.equal:
            return (
                f"{count} requests: with your plan all tokens are those of each alone."
            )
        return (
            f"{count} requests: with your plan only {share.value:.1%} of the tokens "
            "are those of each request alone."
        )

    @property
    def board(self) -> tuple[Record, Record, Record]:
        """Your engine's share of equal tokens, its time, and the bytes of weights."""
        own = [fact for fact in self.facts if _is_own(fact)]
        same, took = (
            next(fact for fact in own if fact.name == what.name)
            for what in (AS_ALONE, TRACE_TIME)
        )
        return same, took, self.weights

    def records(self) -> list[Record]:
        """Return times, rates, times as fast, and the share of equal tokens."""
        return list(self.facts)


def _is_own(fact: Record) -> bool:
    return fact.subject == OWN


def served(
    model: Model, plan_step: PlanStep, preempt: Preempt, *, requests: int = REQUESTS,
    seats: int = SEATS, repeats: int = ROUNDS,
) -> Served:  # fmt: skip
    """Serve a trace one by one, in static batches, and step by step, interleaved.

    plan_step, preempt: the learner's, as `Engine` takes them. repeats: rounds, which
    LLMLAB_TIME scales. ValueError says where a plan breaks a rule.
    """
    trace = workloads.ragged(model, requests)
    ways = _ways(model, trace, (plan_step, preempt), seats)
    for way in ways.values():
        way.warm_up()
    raced = rounds.run(ways, rounds=repeats)
    right = ways[ALONE].answers
    written = sum(map(len, right))
    facts = []
    for name, times in raced.times.items():
        details = {"requests": requests}
        rates = [written / seconds for seconds in times]
        facts.append(raced.fact(TRACE_TIME, times, subject=name, details=details))
        facts.append(raced.fact(TRACE_RATE, rates, subject=name, details=details))
    facts += [raced.gain(TRACE_GAIN, *pair) for pair in PAIRS]
    same = [
        workloads.as_alone(model, trace, ways[name].answers, right, subject=name)
        for name in (STATIC, OWN, PACKAGE)
    ]
    facts[0] = scoring.noted(facts[0], raced.few)
    line = Timeline({name: ways[name].spans() for name in (STATIC, OWN)})
    equal = next(fact for fact in same if fact.subject == OWN).value == 1
    (weights,) = memory.held(model)
    return Served((*facts, *same), equal, line, weights, raced.note)


class Way:
    """Serves the trace when called, and keeps the answers of the last time."""

    def __init__(self, requests: Sequence[Request], serve: Callable[..., Answers]):
        self.requests, self.answers = requests, Answers()
        self._serve = serve

    def __call__(self) -> None:
        self.answers = self._serve(self.requests)

    def warm_up(self) -> None:
        """Serve two requests, of which nothing is kept."""
        self._serve([Request(one.prompt, 2) for one in self.requests[:2]])

    def spans(self) -> tuple[timelines.Span, ...]:
        """Return who was in which state when, where that is kept."""
        return ()


class InBatches(Way):
    """One static batch after the other."""

    def __init__(self, model: Model, requests: Sequence[Request], batch: int):
        super().__init__(requests, self._serve_all)
        self.model, self.batch = model, batch
        self._seen: list[tuple[float, list[int], list[float]]] = []

    def _serve_all(self, requests: Sequence[Request]) -> Answers:
        answers: Answers = [[] for _ in requests]
        self._seen = []
        places = range(len(requests))
        for first in range(0, len(requests), self.batch):
            group = list(places[first : first + self.batch])
            start, steps = time.perf_counter(), []
            for events in static.steps(self.model, {p: requests[p] for p in group}):
                steps.append(time.perf_counter())
                for event in events:
                    if event.token is not None:
                        answers[event.request].append(event.token)
            self._seen.append((start, group, steps))
        return answers

    def spans(self) -> tuple[timelines.Span, ...]:
        return timelines.of_batches(self.requests, self._seen)


class InSteps(Way):
    """An engine, watched; it is made once and used again."""

    def __init__(self, engine: Engine, requests: Sequence[Request]):
        super().__init__(requests, self._serve_all)
        self.engine, self._steps = engine, list[Step]()
        self._first, self._start = 0, 0.0
        engine.watch = self._steps.append

    def _serve_all(self, requests: Sequence[Request]) -> Answers:
        self._steps.clear()
        self._first += self.engine.stats.ended - self._first
        self._start = time.perf_counter()
        return workloads.serve(self.engine, requests)

    def spans(self) -> tuple[timelines.Span, ...]:
        first, start = self._first, self._start
        return timelines.of_steps(self.requests, self._steps, first=first, start=start)


def _ways(
    model: Model, requests: Sequence[Request], parts: tuple[PlanStep, Preempt],
    seats: int,
) -> dict[str, Way]:  # fmt: skip
    plan, preempt = parts
    engine = partial(Engine, model, max_running=seats, budget=None)
    return {
        ALONE: Way(requests, partial(workloads.alone, model)),
        STATIC: InBatches(model, requests, seats),
        OWN: InSteps(engine(plan=plan, preempt=preempt), requests),
        PACKAGE: InSteps(engine(plan=plans.plan_step, preempt=plans.preempt), requests),
    }
