"""Whole traces against each other, in few rounds: each takes a second or more.

`measure.speed` runs six rounds at least; here are as many as a lab has time for, and
an interval only from six on. Every round runs every way, in another order.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.core import clock, machine, progress, records
from llmlab.core.clock import Threads
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import comparison, intervals, schedule


@dataclass(frozen=True)
class Rounds:
    """Seconds of each way, by round."""

    times: Mapping[str, tuple[float, ...]]
    ran_on: Threads

    def seconds(self, name: str) -> float:
        """Return the median of a way."""
        return intervals.median(self.times[name])

    def fact(
        self, what: Quantity, values: Sequence[float], *, subject: str,
        details: Mapping[str, Any] | None = None,
    ) -> Record:  # fmt: skip
        """Return the median of one value a round; an interval from six on."""
        low, high = intervals.of_median(values) or (None, None)
        return records.measured(
            what, intervals.median(values), low=low, high=high, subject=subject,
            details=self.ran_on.details | dict(details or {}),
        )  # fmt: skip

    def gain(self, what: Quantity, name: str, against: str) -> Record:
        """Return how many times as fast a way is as another, round by round."""
        verdict = comparison.compare(
            name, self.times[name], against, self.times[against]
        )
        sure = len(self.times[name]) >= intervals.LEAST_ROUNDS
        details = {"against": against} | ({"verdict": verdict.word} if sure else {})
        return records.measured(
            what, verdict.ratio, low=verdict.low if sure else None,
            high=verdict.high if sure else None, subject=name, details=details,
        )  # fmt: skip

    @property
    def few(self) -> str:
        """Say how often each way ran, where that gives no interval."""
        count = len(next(iter(self.times.values())))
        often = {1: "once", 2: "twice"}.get(count, f"{count} times")
        said = f"Each way ran {often}: no interval."
        return said if count < intervals.LEAST_ROUNDS else ""

    @property
    def note(self) -> str:
        """Say the same, and what others did meanwhile."""
        return " ".join(each for each in (self.few, self.ran_on.note) if each)


def run(
    calls: Mapping[str, Callable[[], object]], *, rounds: int, seed: int = 0
) -> Rounds:
    """Run every call once a round, in random order; LLMLAB_TIME scales the rounds."""
    names, shuffle = list(calls), random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in names}
    count = max(1, round(rounds * machine.repetitions_scale()))
    with clock.given_way() as ran_on, schedule.collector_resting():
        for _ in progress.track(range(count), "serving"):
            for name in shuffle.sample(names, len(names)):
                start = time.perf_counter()
                calls[name]()
                times[name].append(time.perf_counter() - start)
    return Rounds({name: tuple(each) for name, each in times.items()}, ran_on)
