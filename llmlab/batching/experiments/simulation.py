"""Load that only a formula serves: costs are measured once, the clock is simulated.

One by one, every request takes the time that it took alone. Batches and steps take what
a cost of a step says that was fitted to steps of the learner's machine.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llmlab.batching import orders, replay
from llmlab.batching.dynamic import Batches
from llmlab.batching.orders import Order
from llmlab.batching.quantities import (
    GOODPUT,
    IN_TIME,
    MEAN_TTFT,
    TPOTS,
    TTFTS,
    WORST_TTFT,
)
from llmlab.batching.replay import StepCost
from llmlab.batching.requests import Event, Request
from llmlab.batching.scheduler import Scheduler
from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure.intervals import percentile
from llmlab.measure.requests import Times, goodput

ONE, STATIC = "one by one", "static batches"
DYNAMIC, CONTINUOUS = "dynamic batches", "continuous"
POLICIES = (ONE, STATIC, DYNAMIC, CONTINUOUS)
SEATS, PATIENCE, FOREVER = 8, 0.02, 1e9  # rows; seconds of waiting for company
PAGES, BUDGET = 1000, 64


@dataclass(frozen=True)
class Level:
    """A promise: seconds to the first token, and for every later one."""

    name: str
    ttft: float
    tpot: float

    @property
    def said(self) -> str:
        """Say the promise in words."""
        return f"{self.name}: {self.ttft:g} s, then {1000 * self.tpot:g} ms a token"


LEVELS = (
    Level("strict", 0.1, 0.015), Level("usual", 0.3, 0.03), Level("patient", 1, 0.1),
)  # fmt: skip


@dataclass(frozen=True)
class Costs:
    """What was measured: each request alone, and the cost of a step."""

    requests: tuple[Request, ...]
    first: tuple[float, ...]  # seconds to the first token alone, by request
    total: tuple[float, ...]  # and to the last
    step: StepCost

    @property
    def mean_first(self) -> float:
        """Mean seconds to the first token of a request alone."""
        return sum(self.first) / len(self.first)


def arriving(costs: Costs, rate: float, count: int, seed: int = 0) -> list[Request]:
    """Return requests drawn from those that were measured, Poisson at `rate`."""
    draw, now, made = random.Random(seed), 0.0, []
    for _ in range(count):
        now += draw.expovariate(rate)
        made.append(replace(draw.choice(costs.requests), arrival=now))
    return made


def serve(policy: str, costs: Costs, requests: Sequence[Request]) -> list[Times]:
    """Return the times of requests under one of the policies, by the costs."""
    clock = replay.Virtual()
    if policy == CONTINUOUS:
        server: replay.Server = continuous(costs, clock)
    else:
        steps = replay.simulated_steps(costs.step, clock)
        if policy == ONE:
            steps = _alone(costs, clock)
        waits = {ONE: 0, STATIC: FOREVER, DYNAMIC: PATIENCE}
        server = Batches(
            steps, max_batch=1 if policy == ONE else SEATS, max_wait=waits[policy],
            clock=clock,
        )  # fmt: skip
    return replay.replay(server, requests, clock=clock)


def continuous(
    costs: Costs, clock: replay.Clock, *, order: Order = orders.first_come
) -> replay.Simulated:
    """Return a scheduler whose steps take what the costs say."""
    scheduler = Scheduler(
        pages=PAGES, max_running=SEATS, budget=BUDGET, order=order
    )  # fmt: skip
    return replay.Simulated(scheduler, costs.step, clock)


def capacity(costs: Costs, count: int) -> float:
    """Return the requests a second that a full continuous server ends."""
    asked = [replace(one, arrival=0.0) for one in arriving(costs, 1.0, count)]
    times = serve(CONTINUOUS, costs, asked)
    return count / max(one.finished for one in times)


def facts(
    times: Sequence[Times], *, subject: str, details: Mapping[str, Any],
    kind: str = "simulated",
) -> list[Record]:  # fmt: skip
    """Return TTFT and TPOT, and by service level who was in time."""
    make = records.measured if kind == "measured" else _simulated
    waits = [one.ttft for one in times]
    gaps = [one.tpot for one in times if len(one.tokens) > 1]
    values: list[tuple[Quantity, float, dict]] = [
        (MEAN_TTFT, sum(waits) / len(waits), {}),
        (WORST_TTFT, max(waits), {}),
    ]
    for word, share in (("p50", 0.5), ("p95", 0.95)):
        values.append((TTFTS[word], percentile(waits, share), {}))
        values.append((TPOTS[word], percentile(gaps, share), {}))
    for level in LEVELS:
        kept = sum(one.ttft <= level.ttft and one.tpot <= level.tpot for one in times)
        good = goodput(times, ttft=level.ttft, tpot=level.tpot)
        values.append((IN_TIME, kept / len(times), {"level": level.name}))
        values.append((GOODPUT, good, {"level": level.name}))
    return [
        make(what, value, subject=subject, details={**details, **more})
        for what, value, more in values
    ]


_simulated = partial(records.make, kind="simulated")


def _alone(
    costs: Costs, clock: replay.Clock
) -> Callable[[dict[int, Request]], Iterator[list[Event]]]:
    """Return what serves one request in the time that it took alone."""
    known = {
        (one.prompt, one.max_tokens): (first, total)
        for one, first, total in zip(
            costs.requests, costs.first, costs.total, strict=True
        )
    }

    def steps(requests: dict[int, Request]) -> Iterator[list[Event]]:
        ((name, request),) = requests.items()
        first, total = known[request.prompt, request.max_tokens]
        later = (total - first) / max(1, request.max_tokens - 1)
        for place in range(request.max_tokens):
            clock.sleep(later if place else first)
            ends = place + 1 == request.max_tokens
            yield [Event(name, 0, "length" if ends else None)]

    return steps
