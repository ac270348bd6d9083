"""Other processes compute too: then calls are timed on the cores that these leave.

The threads of an operator wait for each other some hundred times per token. When there
are more threads than free cores, one of them waits for its turn at the scheduler while
the others spin; so a busy neighbour takes more from two threads than its share, and
another amount each time. On one thread less, times and ratios hold again:
`tests/experiments/harness_truth.py` measures it.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

LOOK, SECOND_LOOK = 0.1, 0.3  # seconds; the second where the first saw a neighbour
TAKEN = 2 / 3  # of a core in use by others counts as all of it


@contextmanager
def given_way() -> Iterator[int]:
    """Let torch have no more threads than cores are free; yield how many it has."""
    before = torch.get_num_threads()
    count = within(before)
    if count < before:
        torch.set_num_threads(count)
    try:
        yield count
    finally:
        if count < before:
            torch.set_num_threads(before)


@contextmanager
def fixed(threads: int) -> Iterator[int]:
    """Let torch have just so many threads, whoever else computes; yield the number."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)


def within(threads: int) -> int:
    """Return how many of so many threads find a free core, 1 at the least.

    A glance decides where nobody else computes; a longer look is taken before threads
    are given up, so that a moment's work of the browser costs none.
    """
    for seconds in (LOOK, SECOND_LOOK):
        count = math.floor(free_cores(seconds) + TAKEN)
        if count >= threads:
            return threads
    return max(1, count)


def free_cores(seconds: float) -> float:
    """Sleep, and return how many of the cores that we may use stood idle meanwhile."""
    before = psutil.cpu_times(percpu=True)
    time.sleep(seconds)
    after = psutil.cpu_times(percpu=True)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    pairs = zip(before, after, strict=True)
    return sum(
        _idle(*pair) for core, pair in enumerate(pairs) if mine is None or core in mine
    )


def _idle(before, after) -> float:
    """Return the share of a core's time in which it had nothing to do."""
    past = [new - old for old, new in zip(before, after, strict=True)]
    idle = after.idle - before.idle + getattr(after, "iowait", 0.0)
    idle -= getattr(before, "iowait", 0.0)
    whole = sum(past)
    return min(1.0, max(0.0, idle / whole)) if whole > 0 else 1.0
