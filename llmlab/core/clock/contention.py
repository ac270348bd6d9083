"""Other processes compute too: then calls are timed on the cores that these leave.

The threads of an operator wait for each other some hundred times per token. When there
are more threads than free cores, one of them waits for its turn at the scheduler while
the others spin; so a busy neighbour takes more from two threads than its share, and
another amount each time. On one thread less, times and ratios hold again:
`benchmarks/harness_truth.py` measures it.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import torch

from llmlab.core import machine

LOOK, SECOND_LOOK = 0.1, 0.3  # seconds; the second where the first saw a neighbour
TAKEN = 2 / 3  # of a core in use by others counts as all of it


@dataclass(frozen=True)
class Threads:
    """How many threads torch had for a while, and why just so many."""

    count: int
    spared: int = 0  # that were left to busy neighbours
    crowded: bool = False  # not even one of them had a core of its own
    fixed: bool = False  # somebody asked for just these

    def __str__(self) -> str:
        return "1 thread" if self.count == 1 else f"{self.count} threads"

    @property
    def note(self) -> str:
        """Say what the machine did besides, "" if it had nothing else to do."""
        if self.fixed:
            return f"The calls ran on {self}, as asked, whoever else computed."
        if self.crowded:
            return (
                f"Other processes kept every core busy, so the calls ran on {self} "
                "that shared its core, and took longer than they need."
            )
        if not self.spared:
            return ""
        cores = "a core" if self.spared == 1 else f"{self.spared} cores"
        return f"Other processes kept {cores} busy, so the calls ran on {self}."

    @property
    def details(self) -> dict[str, str]:
        """What a record of these calls says besides."""
        return {"note": self.note} if self.note else {}


@contextmanager
def given_way() -> Iterator[Threads]:
    """Let torch have no more threads than cores are free; yield how many it has."""
    before = torch.get_num_threads()
    free_cores = free(before)
    count = max(1, free_cores)
    if count < before:
        torch.set_num_threads(count)
    try:
        yield Threads(count, before - count, crowded=not free_cores)
    finally:
        if count < before:
            torch.set_num_threads(before)


@contextmanager
def fixed(threads: int) -> Iterator[Threads]:
    """Let torch have just so many threads, whoever else computes; yield them.

    Raises ValueError for none.
    """
    if type(threads) is not int or threads < 1:
        raise ValueError(
            f"threads={threads!r} must be a whole number of at least 1; choose None "
            "for as many as there are cores free."
        )
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield Threads(threads, fixed=True)
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class Settled:
    """The machine and the threads that a notebook computes with."""

    machine: str  # what it is called, and the instructions that torch uses
    threads: Threads

    def __repr__(self) -> str:
        return " ".join(filter(None, [f"{self.machine}.", self.threads.note]))


def settle() -> Settled:
    """Give torch as many threads as find a core of their own, for all that follows.

    A loop that is not timed by `measure` gives way to nobody while it runs, so a
    notebook settles once, at its top, and shows on what it computes.
    """
    count = machine.threads()
    free_cores = free(count)
    kept = max(1, free_cores)
    torch.set_num_threads(kept)
    ran_on = Threads(kept, count - kept, crowded=not free_cores)
    here = machine.describe(kept)
    return Settled(f"{here.label}, {here.simd}", ran_on)


def within(threads: int) -> int:
    """Return how many threads to compute on where so many are wished, 1 at least."""
    return max(1, free(threads))


def free(threads: int) -> int:
    """Return how many of so many threads find a core of their own.

    A glance decides where nobody else computes; a longer look is taken before threads
    are given up, so that a moment's work of the browser costs none.
    """
    for seconds in (LOOK, SECOND_LOOK):
        count = math.floor(free_cores(seconds) + TAKEN)
        if count >= threads:
            return threads
    return count


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
