"""Poisson load on four ways to serve: waits, rates, and who is served in time.

What a request and a step cost is measured, the load is simulated; two loads run live
beside. Load is the share of what a full continuous server can serve.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmlab.batching import replay
from llmlab.batching.engine import Engine
from llmlab.batching.experiments import simulation, workloads
from llmlab.batching.experiments.simulation import (
    CONTINUOUS,
    ONE,
    POLICIES,
    Costs,
    Level,
)
from llmlab.batching.experiments.workloads import Model
from llmlab.batching.quantities import (
    CAPACITY,
    IN_TIME,
    LITTLE,
    QUEUE_WAIT,
    TTFTS,
    WAIT_GROWTH,
)
from llmlab.batching.requests import Request
from llmlab.batching.watching import Step
from llmlab.caching.experiments import scoring
from llmlab.core import arguments, clock, machine, progress, records
from llmlab.core.records import Record
from llmlab.measure import schedule
from llmlab.measure.requests import Times

LOADS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 0.8, 1.0, 1.2)
LIVE, LIVE_REQUESTS = (0.4, 0.8), 40
REQUESTS, ALONE = 320, 12  # simulated at each load; measured alone
COUNT = 8  # requests that a static batch waits for: a multiple ends all

WaitingTime = Callable[[float, Sequence[float]], float]


@dataclass(frozen=True)
class Load:
    """Records by policy, load and service level; costs that they follow from."""

    facts: tuple[Record, ...]
    costs: Costs
    capacity: float  # requests a second of a full continuous server
    note: str  # what neighbours did meanwhile, "" if nothing

    def ttft(
        self, policy: str, load: float, *, share: str = "p50", kind: str = "simulated"
    ) -> Record:
        """Return the time to first token; ValueError for what was not tried."""
        return self._of(TTFTS[share].name, policy, load, kind)

    def in_time(
        self, policy: str, load: float, *, level: str = "usual", kind: str = "simulated"
    ) -> Record:
        """Return the share served within a level; errors as above."""
        own = [f for f in self.facts if f.details.get("level") == level]
        return self._of(IN_TIME.name, policy, load, kind, own)

    def wait(self, load: float, *, kind: str = "estimated") -> Record:
        """Return the mean wait one by one, by your formula or "simulated"."""
        return self._of(QUEUE_WAIT.name, ONE, load, kind)

    @property
    def growth(self) -> Record:
        """How many times as long one waits at 90 % load as at 50, by your formula."""
        return next(fact for fact in self.facts if fact.name == WAIT_GROWTH.name)

    @property
    def little(self) -> Record:
        """How many requests the live engine held, over rate times their stay."""
        return next(fact for fact in self.facts if fact.name == LITTLE.name)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The service levels, as `load_widget` offers them."""
        return simulation.LEVELS

    @property
    def loads(self) -> list[float]:
        """The loads that were simulated."""
        own = [f for f in self.facts if f.kind == "simulated" and "load" in f.details]
        return sorted({fact.details["load"] for fact in own})

    def records(self) -> list[Record]:
        """Return every fact; `show.figure` and the widget choose among them."""
        return list(self.facts)

    def _of(
        self, name: str, policy: str, load: float, kind: str,
        facts: Sequence[Record] | None = None,
    ) -> Record:  # fmt: skip
        facts = self.facts if facts is None else facts
        own = [f for f in facts if f.subject == policy and f.kind == kind]
        if not own:
            raise ValueError(f"policy={policy!r} is none of {', '.join(POLICIES)}.")
        return scoring.find(own, name, {"load": load})


def load(
    model: Model, waiting_time: WaitingTime, *, loads: Sequence[float] = LOADS,
    live: Sequence[float] = LIVE, requests: int = REQUESTS,
    live_requests: int = LIVE_REQUESTS,
) -> Load:  # fmt: skip
    """Measure costs, simulate Poisson load, and serve two loads live.

    waiting_time: (rate, service times) -> seconds, infinity where there is no bound.
    live_requests: at each live load; LLMLAB_TIME scales them.
    """
    with clock.given_way() as ran_on, schedule.collector_resting():
        costs = _costs(model)
        capacity = simulation.capacity(costs, requests)
        count = max(16, round(live_requests * machine.repetitions_scale()))
        measured = []
        for each in progress.track(live, "serving live"):
            measured += _live(model, costs, each, capacity, count)
    facts = [
        records.make(CAPACITY, capacity, kind="simulated", subject=CONTINUOUS),
        *_simulated(costs, loads, capacity, requests),
        *_theory(waiting_time, costs, loads, capacity),
    ]
    facts[0] = scoring.noted(facts[0], ran_on.note)
    return Load((*facts, *measured), costs, capacity, ran_on.note)


def _costs(model: Model) -> Costs:
    """Time requests alone, and watch the steps of an engine that serves all."""
    trace = workloads.ragged(model, ALONE, read=40, write=16, most=(100, 40))
    list(model.stream(trace[0].prompt, max_tokens=2))  # warm-up
    first, total = [], []
    for request in trace:
        start = time.perf_counter()
        stream = model.stream(request.prompt, max_tokens=request.max_tokens)
        next(stream)
        first.append(time.perf_counter() - start)
        for _ in stream:
            pass
        total.append(time.perf_counter() - start)
    steps: list[Step] = []
    engine = Engine(model, max_running=simulation.SEATS, watch=steps.append)
    workloads.serve(engine, trace)
    kept = steps[1:]  # the first one warms up
    return Costs(tuple(trace), tuple(first), tuple(total), replay.step_cost(kept))


def _simulated(
    costs: Costs, loads: Sequence[float], capacity: float, requests: int
) -> list[Record]:
    facts, count = [], -(-requests // COUNT) * COUNT
    for each in progress.track(loads, "simulating"):
        rate = each * capacity
        asked = simulation.arriving(costs, rate, count)
        for policy in POLICIES:
            times = simulation.serve(policy, costs, asked)
            details = {"load": each, "rate": rate}
            facts += simulation.facts(times, subject=policy, details=details)
            if policy == ONE:
                facts.append(_wait(costs, asked, times, each, rate))
    return facts


def _wait(
    costs: Costs, asked: Sequence[Request], times: Sequence[Times], load: float,
    rate: float,
) -> Record:  # fmt: skip
    """Return the mean time before service of requests that are served one by one."""
    own = zip(costs.requests, costs.first, strict=True)
    first = {(one.prompt, one.max_tokens): seconds for one, seconds in own}
    waits = [
        max(0.0, each.ttft - first[one.prompt, one.max_tokens])
        for one, each in zip(asked, times, strict=True)
    ]
    return records.make(
        QUEUE_WAIT, sum(waits) / len(waits), kind="simulated", subject=ONE,
        details={"load": load, "rate": rate},
    )  # fmt: skip


def _theory(
    waiting_time: WaitingTime, costs: Costs, loads: Sequence[float], capacity: float
) -> list[Record]:
    """Ask the learner's formula; where it says infinity, there is no record."""
    times = list(costs.total)
    facts = []
    for each in loads:
        rate = each * capacity
        wait = _asked(waiting_time, rate, times)
        if math.isfinite(wait):
            details = {"load": each, "rate": rate}
            facts.append(
                records.make(QUEUE_WAIT, wait, kind="estimated", subject=ONE,
                             details=details)
            )  # fmt: skip
    busy = len(times) / sum(times)  # requests a second that fill the server
    some, many = (_asked(waiting_time, share * busy, times) for share in (0.5, 0.9))
    if 0 < some and math.isfinite(many):
        facts.append(
            records.make(WAIT_GROWTH, many / some, kind="estimated", subject=ONE)
        )
    return facts


def _asked(waiting_time: WaitingTime, rate: float, times: list[float]) -> float:
    wait = waiting_time(rate, times)
    if (not arguments.is_number(wait) and wait != math.inf) or wait < 0:
        raise ValueError(
            f"waiting_time gave {arguments.shown(wait)} at {rate:.3g} requests a "
            'second; return seconds from 0 on, or float("inf").'
        )
    return float(wait)


def _live(
    model: Model, costs: Costs, load: float, capacity: float, count: int
) -> list[Record]:
    """Serve a load in real time, and count who is in the engine meanwhile."""
    rate, held = load * capacity, []
    asked = simulation.arriving(costs, rate, count, seed=1)
    engine = Engine(model, max_running=simulation.SEATS)
    ended = [0]

    def watch(step: Step) -> None:
        """Count who was there in this step: those that are, and those that ended."""
        gone = engine.stats.ended - ended[0]
        ended[0] = engine.stats.ended
        there = step.waiting + step.running + gone
        held.append(there * (step.end - step.start))

    engine.watch = watch
    times = replay.replay(engine, asked)
    details = {"load": load, "rate": rate, "requests": count}
    facts = simulation.facts(times, subject=CONTINUOUS, details=details,
                             kind="measured")  # fmt: skip
    expected = sum(one.e2e for one in times)  # rate times mean stay, times seconds
    little = records.measured(
        LITTLE, sum(held) / expected, subject=CONTINUOUS, details=details
    )
    return [*facts, little]
