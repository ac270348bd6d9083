"""Threads: as many as there are cores, and what happens beyond them.

Two cores finish an operator together in half the time, if there is enough to share.
With more threads than cores one waits for its turn at the scheduler while the others
wait for it, at the end of every operator: a step of a small model has hundreds.
"""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence

from llmlab import measure
from llmlab.core import arguments, machine, records
from llmlab.core.records import Record
from llmlab.hardware.quantities import THREADS_GAIN, THREADS_TIME
from llmlab.measure import comparison
from llmlab.measure.samples import Series

PASSES, ROUNDS = 6, 6  # so that all counts meet the same moments of the machine


def counts() -> list[int]:
    """Return 1, half of the cores, all of them, twice and four times as many."""
    return _usual()


def by_threads(
    calls: Mapping[str, Callable[[], object]],
    *,
    counts: Sequence[int] | None = None,
    rounds: int = ROUNDS,
) -> list[Record]:
    """Time calls on so many threads; return times, and how many times those of one.

    counts: of threads, the first is what the others are compared with; `counts()` by
    default. They take turns in random order, some rounds each, in six passes; a pass
    gives the median of its rounds, and intervals are over the passes.
    Raises ValueError for counts that are no whole numbers from 1 up.
    """
    numbers = arguments.wholes(
        "counts", _usual() if counts is None else counts, least=1, way="such as [1, 2]"
    )
    parts: dict[tuple[str, int], list[Series]] = {}
    order = random.Random(0)
    for _ in range(PASSES):
        for count in order.sample(numbers, len(numbers)):
            speed = measure.speed(calls, rounds=rounds, threads=count)
            for timing in speed.timings:
                parts.setdefault((timing.name, count), []).append(timing.total)
    series = {key: _joined(some) for key, some in parts.items()}
    facts = []
    for name in calls:
        for count in numbers:
            facts.append(_time(name, count, series[name, count]))
        for count in numbers[1:]:
            facts.append(_gain(name, count, series[name, count], numbers[0], series))
    return facts


def _usual() -> list[int]:
    cores = machine.cores()
    return sorted({1, max(1, cores // 2), cores, 2 * cores, 4 * cores})


def _joined(parts: Sequence[Series]) -> Series:
    samples = itertools.chain(*(part.samples for part in parts))
    medians = tuple(part.median for part in parts)
    return Series(tuple(samples), medians, parts[0].ran_on)


def _time(name: str, count: int, series: Series) -> Record:
    return records.measured(
        THREADS_TIME, series.median, low=series.low, high=series.high, subject=name,
        details={"threads": count}, machine=machine.describe(count).label,
    )  # fmt: skip


def _gain(
    name: str, count: int, mine: Series, first: int,
    series: Mapping[tuple[str, int], Series],
) -> Record:  # fmt: skip
    """Compare with the first count, pass by pass."""
    one = comparison.compare(
        f"{count} threads", mine.rounds, f"{first}", series[name, first].rounds
    )
    return records.measured(
        THREADS_GAIN, one.ratio, low=one.low, high=one.high, subject=name,
        details={"threads": count, "cores": machine.cores(), "verdict": one.word},
        machine=machine.describe(count).label,
    )  # fmt: skip
