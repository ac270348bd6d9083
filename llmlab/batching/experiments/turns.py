"""Whose turn it is under a heavy load: mean and worst wait by order, simulated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmlab.batching import orders as turns
from llmlab.batching import replay
from llmlab.batching.experiments import simulation
from llmlab.batching.experiments.loads import Load
from llmlab.batching.orders import Order
from llmlab.batching.quantities import ORDERED_MEAN, ORDERED_WORST
from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

FIRST, SHORTEST = "first come", "shortest first"
PRIORITY, AGING = "by priority", "by priority, with aging"
LOAD, REQUESTS, PLAIN = 1.1, 400, 4  # one request in so many is not urgent


@dataclass(frozen=True)
class Orders:
    """Mean and worst time to first token by order."""

    facts: tuple[Record, ...]

    def mean(self, order: str = FIRST) -> Record:
        """Return the mean wait for the first token; ValueError names the orders."""
        return self._of(ORDERED_MEAN, order)

    def worst(self, order: str = FIRST) -> Record:
        """Return the longest wait of anybody; errors as above."""
        return self._of(ORDERED_WORST, order)

    def records(self) -> list[Record]:
        """Return both waits of every order."""
        return list(self.facts)

    def _of(self, what: Quantity, order: str) -> Record:
        own = {f.subject: f for f in self.facts if f.name == what.name}
        if order not in own:
            raise ValueError(f"order={order!r} is none of {', '.join(own)}.")
        return own[order]


def orders(
    load: Load, *, at: float = LOAD, requests: int = REQUESTS
) -> Orders:  # fmt: skip
    """Simulate a heavy load under four orders, by the costs of a `load` experiment.

    at: the load. Aging puts everybody first who has waited as long as all do on average
    where the first come is served first.
    """
    rate = at * load.capacity
    asked = [
        replace(one, priority=int(place % PLAIN > 0))
        for place, one in enumerate(simulation.arriving(load.costs, rate, requests))
    ]
    facts, patience = [], 1.0
    for name in (FIRST, SHORTEST, PRIORITY, AGING):
        waits = _waits(load, asked, _order(name, patience))
        mean = sum(waits) / len(waits)
        if name == FIRST:
            patience = max(mean, 1e-6)
        for what, value in ((ORDERED_MEAN, mean), (ORDERED_WORST, max(waits))):
            details = {"load": at, "requests": requests}
            facts.append(
                records.make(
                    what, value, kind="simulated", subject=name, details=details
                )
            )
    return Orders(tuple(facts))


def _order(name: str, patience: float) -> Order:
    known: dict[str, Order] = {
        FIRST: turns.first_come,
        SHORTEST: turns.shortest,
        PRIORITY: turns.by_priority,
        AGING: turns.aging(turns.by_priority, seconds=patience),
    }
    return known[name]


def _waits(load: Load, asked: Sequence, order: Order) -> list[float]:
    clock = replay.Virtual()
    server = simulation.continuous(load.costs, clock, order=order)
    return [one.ttft for one in replay.replay(server, asked, clock=clock)]
