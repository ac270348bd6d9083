"""Play a trace of requests to a server, and write down when each token came.

In real time, or on a clock that only moves when it is told to: then a server without a
model, the scheduler alone, shows in milliseconds what hours of load would do
(`simulated`), from the cost of a step that was measured before.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy

from llmlab.batching.plans import Plan
from llmlab.batching.requests import Event, Request
from llmlab.batching.scheduler import Scheduler
from llmlab.batching.watching import Step
from llmlab.measure.requests import Times


class Clock(Protocol):
    """Tells the time in seconds, and lets it pass."""

    def __call__(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class Wall:
    """The real time."""

    def __call__(self) -> float:
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Virtual:
    """A time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Server(Protocol):
    """What a trace is played to: an `Engine`, `Batches`, or `Simulated`."""

    @property
    def busy(self) -> bool: ...
    @property
    def due_at(self) -> float: ...
    def submit(self, request: Request) -> int: ...
    def step(self) -> list[Event]: ...


def replay(
    server: Server,
    requests: Sequence[Request],
    *,
    clock: Clock | None = None,
    users: int | None = None,
) -> list[Times]:
    """Serve requests as they arrive; return the times of each, in their order.

    clock: the server's own; the real time if left out. users: instead of coming at
    their arrivals, requests come as soon as fewer than so many are being served.
    """
    clock = clock or Wall()
    start, order = clock(), list(range(len(requests)))
    order.sort(key=lambda place: requests[place].arrival)
    places: dict[int, int] = {}  # id -> place
    came: dict[int, float] = {}
    tokens: list[list[float]] = [[] for _ in requests]
    ended: dict[int, float] = {}
    while len(ended) < len(requests):
        now = clock() - start
        while order and _comes(requests[order[0]], now, len(came) - len(ended), users):
            place = order.pop(0)
            came[place] = now if users else requests[place].arrival
            places[server.submit(requests[place])] = place
        events = server.step() if server.busy else []
        now = clock() - start
        for event in events:
            place = places[event.request]
            if event.token is not None:
                tokens[place].append(now)
            if event.reason is not None:
                ended[place] = now
        if not events:
            following = requests[order[0]].arrival if order and not users else math.inf
            wait = min(following + start, server.due_at) - clock()
            if 0 < wait < math.inf:
                clock.sleep(wait)
    return [
        Times(came[place], tuple(tokens[place]), ended[place], len(request.prompt))
        for place, request in enumerate(requests)
    ]


def _comes(request: Request, now: float, served: int, users: int | None) -> bool:
    return request.arrival <= now if users is None else served < users


@dataclass(frozen=True)
class StepCost:
    """Seconds of a step: so many for itself, for each writing row, for each token."""

    step: float
    row: float
    token: float

    def __call__(self, plan: Plan) -> float:
        rows, tokens = _work(plan)
        return self.step + self.row * rows + self.token * tokens


def step_cost(steps: Sequence[Step]) -> StepCost:
    """Fit the cost of a step to steps that were watched (`Engine(watch=...)`).

    Least squares, of costs that are not negative. Raises ValueError for fewer than
    three steps.
    """
    steps = [step for step in steps if step.plan.tokens]
    if len(steps) < 3:
        raise ValueError(
            f"steps holds {len(steps)} that computed something; watch at least three."
        )
    work = numpy.array([(1, *_work(step.plan)) for step in steps], dtype=float)
    seconds = numpy.array([step.end - step.start for step in steps])
    kept = [0, 1, 2]
    while True:
        fitted, *_ = numpy.linalg.lstsq(work[:, kept], seconds, rcond=None)
        if fitted.min() >= 0:
            break
        kept = [name for name, cost in zip(kept, fitted, strict=True) if cost >= 0]
    costs = dict(zip(kept, map(float, fitted), strict=True))
    return StepCost(*(costs.get(name, 0.0) for name in range(3)))


def _work(plan: Plan) -> tuple[int, int]:
    """Return rows that write, and tokens of chunks."""
    single = sum(tokens == 1 for tokens in plan.tokens.values())
    return single, sum(plan.tokens.values()) - single


class Simulated:
    """A server without a model: the scheduler decides, a formula says how long.

    Tokens are all 0, and every request writes as many as it may.
    """

    def __init__(
        self, scheduler: Scheduler, seconds: Callable[[Plan], float], clock: Clock
    ):
        self.scheduler, self.seconds, self.clock = scheduler, seconds, clock
        self._next = 0

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.scheduler.running or self.scheduler.waiting)

    @property
    def due_at(self) -> float:
        """When there is something to do: now, or not before a request comes."""
        return -math.inf if self.busy else math.inf

    def submit(self, request: Request) -> int:
        """Let a request wait; return its id. Errors are those of the scheduler."""
        name, self._next = self._next, self._next + 1
        self.scheduler.submit(
            name,
            len(request.prompt),
            request.max_tokens,
            priority=request.priority,
            arrival=self.clock(),
        )
        return name

    def step(self) -> list[Event]:
        """Let the time of a step pass; return who wrote a token, and who ended."""
        plan = self.scheduler.plan(self.clock())
        self.clock.sleep(self.seconds(plan))
        rows = {row.id: row for row in self.scheduler.running}
        wrote = [name for name, n in plan.tokens.items() if rows[name].left == n]
        ended = self.scheduler.done(plan.tokens)
        return [Event(n, 0, "length" if n in ended else None) for n in wrote]


def simulated_steps(
    seconds: Callable[[Plan], float], clock: Clock
) -> Callable[[dict[int, Request]], Iterator[list[Event]]]:
    """Return what serves a whole batch without a model, for `dynamic.Batches`.

    Rows that have ended run on as padding, and cost what the others do.
    """

    def steps(requests: dict[int, Request]) -> Iterator[list[Event]]:
        longest = max(len(request.prompt) for request in requests.values())
        clock.sleep(seconds(Plan(dict.fromkeys(requests, max(2, longest)))))
        for place in range(max(request.max_tokens for request in requests.values())):
            if place:
                clock.sleep(seconds(Plan(dict.fromkeys(requests, 1))))
            yield [
                Event(name, 0, "length" if place + 1 == one.max_tokens else None)
                for name, one in requests.items()
                if place < one.max_tokens
            ]

    return steps
