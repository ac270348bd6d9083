"""Whose turn it is among those that wait: a key for each, the smallest comes first.

First come, first served is fair and easy to foresee, but one long prompt holds up all
that stand behind it. Shortest first has the least mean wait, and may let a long request
wait for ever. Aging ends that: who has waited long enough goes before everybody else.

Source: Silberschatz et al., Operating System Concepts, chapter on CPU scheduling.
"""

from collections.abc import Callable

from llmlab.batching.plans import Row
from llmlab.core import arguments

Key = tuple[float, ...]
Order = Callable[[Row, float], Key]  # of a request and the time now


def first_come(row: Row, now: float) -> Key:
    """Order by arrival."""
    return (row.id,)


def shortest(row: Row, now: float) -> Key:
    """Order by the tokens that are still to be computed, at most."""
    return (row.most - row.computed, row.id)


def by_priority(row: Row, now: float) -> Key:
    """Order by priority, the highest first, and by arrival among equals."""
    return (-row.priority, row.id)


def aging(order: Order, *, seconds: float) -> Order:
    """Return an order that puts who has waited `seconds` first, and else asks `order`.

    Raises ValueError for no time at all.
    """
    seconds = arguments.number(
        "seconds", seconds, above=0, way="choose how long the last one may wait"
    )

    def key(row: Row, now: float) -> Key:
        if now - row.arrival >= seconds:
            return (0, row.id)
        return (1, *order(row, now))

    return key
