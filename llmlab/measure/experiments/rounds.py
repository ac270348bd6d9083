"""Rounds of an experiment: every part in turn, in random order, until time is up.

`measure.schedule` fixes the rounds of calls that take milliseconds beforehand. A part
here may take seconds, so the clock decides, and it is looked at between rounds only.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from llmlab.core import machine, progress
from llmlab.core.clock import Threads
from llmlab.measure.schedule import PATIENCE, collector_resting

LEAST = 2  # rounds, whatever they take
MOST = 200

Value = TypeVar("Value")


@dataclass(frozen=True)
class Rounds(Generic[Value]):
    """What every part gave, by round, and whether the machine was too slow."""

    values: Mapping[str, tuple[Value, ...]]
    wished: int  # rounds that should have been run at least
    ran_on: Threads

    @property
    def count(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say what the machine did besides, and what that cost; none if nothing."""
        said = [self.ran_on.note]
        if self.count < self.wished:
            said.append(
                f"There was time for {self.count} rounds only, not for {self.wished}."
            )
        return tuple(filter(None, said))

    @property
    def note(self) -> str:
        """Say all of it in one line, "" where there is nothing to say."""
        return " ".join(self.sentences)


def in_one_line(said: Mapping[str, Sequence[str]]) -> str:
    """Join the sentences of several runs, with the name where only one says it."""
    written = [
        line if all(line in each for each in said.values()) else f"{name}: {line}"
        for name, lines in said.items()
        for line in lines
    ]
    return " ".join(dict.fromkeys(written))


def interleaved(
    parts: Mapping[str, Callable[[], Value]],
    *,
    seconds: float,
    wished: int,
    ran_on: Threads,
    what: str,
    most: int = MOST,
    seed: int = 0,
) -> Rounds[Value]:
    """Run rounds for `seconds`, `wished` ones at least, and keep what every part gave.

    LLMLAB_TIME scales the seconds. Where even the wished rounds would take more than
    three times as long, fewer are run, two at least.
    Raises ValueError for seconds that are not above 0.
    """
    if not seconds > 0:
        raise ValueError(f"seconds={seconds} must be above 0, such as seconds=5.")
    seconds *= machine.repetitions_scale()
    order, start, took = random.Random(seed), time.perf_counter(), 0.0
    values: dict[str, list[Value]] = {name: [] for name in parts}
    with collector_resting(), progress.task(what, seconds) as step:
        for done in range(most):
            spent = time.perf_counter() - start
            enough = spent + took > seconds if done >= wished else False
            late = spent + took > PATIENCE * seconds
            if enough or (done >= LEAST and late):
                break
            for name in order.sample(list(parts), len(parts)):
                values[name].append(parts[name]())
            took = time.perf_counter() - start - spent
            step(took)
    kept = {name: tuple(row) for name, row in values.items()}
    return Rounds(kept, wished, ran_on)
