"""Dynamic batching: requests wait a little for company, then leave as one batch.

A batch leaves when it is full or when its first request has waited `max_wait`. Under
load it is full at once; at low load every request pays the whole wait for nothing. It
suits models that answer in one call; one that writes is better served step by step.
"""

import math
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from llmlab.batching.requests import Event, Request
from llmlab.core import arguments
from llmlab.core.arguments import is_number, shown

Item = TypeVar("Item")
Steps = Callable[[dict[int, Request]], Iterator[list[Event]]]


class Window(Generic[Item]):
    """Items that wait for company; pure numbers, on a clock that the caller reads."""

    def __init__(self, max_batch: int, max_wait: float):
        """max_wait: seconds that the first item waits at most; 0 for not at all."""
        way = "choose how many leave together at most"
        self.max_batch = arguments.whole("max_batch", max_batch, least=1, way=way)
        if not is_number(max_wait) or max_wait < 0:
            raise ValueError(
                f"max_wait={shown(max_wait)} must be a number of seconds from 0 on; "
                "choose how long the first request may wait for company."
            )
        self.max_wait = max_wait
        self._items: list[tuple[Item, float]] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item, now: float) -> None:
        """Let an item wait from now on."""
        self._items.append((item, now))

    def due(self, now: float) -> list[Item]:
        """Return the batch that leaves now, in order of arrival; empty: none does."""
        if now < self.next_due():
            return []
        batch = [item for item, _ in self._items[: self.max_batch]]
        del self._items[: self.max_batch]
        return batch

    def next_due(self) -> float:
        """Return when the next batch leaves; infinity where nothing waits.

        A full batch left when its last item came.
        """
        if not self._items:
            return math.inf
        if len(self._items) >= self.max_batch:
            return self._items[self.max_batch - 1][1]
        return self._items[0][1] + self.max_wait

    def remove(self, item: Item) -> bool:
        """Take an item out before it leaves; say whether it was there."""
        left = [pair for pair in self._items if pair[0] != item]
        was_there = len(left) < len(self._items)
        self._items = left
        return was_there


class Batches:
    """A server of whole batches: `submit` and `step`, as an engine has them."""

    def __init__(
        self,
        steps: Steps,
        *,
        max_batch: int,
        max_wait: float,
        clock: Callable[[], float],
    ):
        """steps: what serves one batch, such as `partial(static.steps, model)`."""
        self.window: Window[int] = Window(max_batch, max_wait)
        self.clock, self._steps = clock, steps
        self._asked: dict[int, Request] = {}
        self._batch: Iterator[list[Event]] | None = None
        self._running: set[int] = set()
        self._next = 0

    @property
    def busy(self) -> bool:
        """Whether there is anything to do, now or later."""
        return self._batch is not None or bool(len(self.window))

    @property
    def due_at(self) -> float:
        """When there is something to do."""
        return -math.inf if self._batch is not None else self.window.next_due()

    def submit(self, request: Request) -> int:
        """Let a request wait for company; return its id."""
        name, self._next = self._next, self._next + 1
        self._asked[name] = request
        self.window.add(name, self.clock())
        return name

    def step(self) -> list[Event]:
        """Compute one step of the batch that runs, or begin the one that is due."""
        if self._batch is None:
            names = self.window.due(self.clock())
            if not names:
                return []
            self._running = set(names)
            self._batch = self._steps({name: self._asked.pop(name) for name in names})
        try:
            events = next(self._batch)
        except BaseException:
            self._batch = None
            raise
        self._running -= {event.request for event in events if event.reason}
        if not self._running:
            self._batch = None
        return events
