"""Rounds: run every call again and again, interleaved, and keep every time.

A neighbour takes the processor for some milliseconds at a time. Of calls much shorter
than that, most run undisturbed: a round runs many, and their median speaks for it.
Longer ones cannot escape: a round spans many such turns where it can, so that each call
bears its share, and their mean speaks for it. Over rounds it is always the median. The
clock is the host's, or a GPU's own events; the garbage collector rests meanwhile.
"""

import gc
import itertools
import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llmlab.core import arguments, machine, progress
from llmlab.core.clock import Clock, Threads, clock_for
from llmlab.measure import intervals, results
from llmlab.measure.samples import Call, Run

GROUPED = 50e-6  # seconds; calls shorter than this are timed in groups
BRIEF = 1e-3  # seconds; calls shorter than this mostly escape a neighbour
BRIEF_SPAN = 0.01  # seconds that a brief call takes part in a round, at least
SPANS = (0.02, 0.1)  # and a longer one: what leaves time for ROUNDS, within these
ROUNDS = 20
MOST_ROUNDS = 100
MOST_CALLS = 10**6  # that somebody may ask for
PATIENCE = 3  # times the planned seconds, when the machine gets slower meanwhile

Calls = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class TimedCall:
    """How one call takes part in a round, known after its warm-up."""

    name: str
    function: Callable[[], object]
    clock: Clock
    is_stream: bool
    seconds: float  # of one call, roughly
    span: float  # seconds in a round, at least

    @property
    def is_brief(self) -> bool:
        return self.seconds < BRIEF

    @property
    def group(self) -> int:
        """Calls that are timed as one, since looking at a clock takes time too."""
        return 1 if self.is_stream else math.ceil(GROUPED / self.seconds)

    @property
    def repeats(self) -> int:
        span = BRIEF_SPAN if self.is_brief else self.span
        return math.ceil(span / (self.seconds * self.group))

    def round(self) -> tuple[Call, ...]:
        """Run and time the calls of one round."""
        take = self._stream if self.is_stream else self._group
        return tuple(take() for _ in range(self.repeats))

    def _group(self) -> Call:
        function, clock, repeats = self.function, self.clock, range(self.group)
        start = clock.look()
        for _ in repeats:
            function()
        return Call(clock.seconds(start, clock.look()) / self.group)

    def _stream(self) -> Call:
        clock, tokens = self.clock, 0
        looks = [clock.look()]
        stream: Any = self.function()  # an iterator: so it was found
        for item in stream:
            looks.append(clock.look())
            tokens += _tokens_in(item)
        end = clock.look()
        if len(looks) == 1:
            raise ValueError(
                f"calls[{self.name!r}] is a stream that ended without an item; there "
                "is no first token to time."
            )
        total = clock.seconds(looks[0], end)
        first, *gaps = (clock.seconds(*pair) for pair in itertools.pairwise(looks))
        return Call(total, first, tuple(gaps), tokens)


def run(
    calls: Calls,
    *,
    ran_on: Threads,
    seconds: float,
    rounds: int | None,
    warmup: int,
    seed: int,
) -> tuple[Run, ...]:
    """Warm every call up, then run rounds of all of them in random order."""
    _check(calls, seconds, rounds, warmup)
    seconds *= machine.repetitions_scale()
    span = min(max(SPANS[0], seconds / ROUNDS / len(calls)), SPANS[1])
    timed_calls = [_timed_call(name, calls[name], warmup, span) for name in calls]
    count = _rounds(timed_calls, seconds, rounds)
    least = count if rounds else intervals.LEAST_ROUNDS
    order = random.Random(seed)
    by_name: dict[str, list[tuple[Call, ...]]] = {
        timed.name: [] for timed in timed_calls
    }
    deadline = time.perf_counter() + PATIENCE * seconds
    with collector_resting(), progress.task("measuring", count) as step:
        for done in range(count):
            if done >= least and time.perf_counter() > deadline:
                break
            for timed in order.sample(timed_calls, len(timed_calls)):
                by_name[timed.name].append(timed.round())
            step()
    return tuple(
        Run(
            timed.name,
            timed.is_stream,
            timed.is_brief,
            tuple(by_name[timed.name]),
            ran_on,
        )
        for timed in timed_calls
    )


def _rounds(
    timed_calls: Sequence[TimedCall], seconds: float, wished: int | None
) -> int:
    """Fix the number beforehand: to stop when the answer pleases would bias it."""
    if wished is not None:
        return max(intervals.LEAST_ROUNDS, round(wished * machine.repetitions_scale()))
    once = sum(timed.seconds * timed.group * timed.repeats for timed in timed_calls)
    return min(MOST_ROUNDS, max(intervals.LEAST_ROUNDS, int(seconds / once)))


def _timed_call(name: str, function: Callable, warmup: int, span: float) -> TimedCall:
    """Run a call a few times; see what it returns, where that lives, what it takes."""
    times = []
    for _ in range(max(1, warmup)):
        start = time.perf_counter()
        result = function()
        is_stream = isinstance(result, Iterator)
        results.check(f"calls[{name!r}]", result)
        if is_stream:
            result = [*deque(result, maxlen=1)]  # its last item
        clock = clock_for(result)
        clock.wait()
        times.append(time.perf_counter() - start)
    seconds = max(min(times), 1e-9)  # a clock may be too coarse to see anything
    return TimedCall(name, function, clock, is_stream, seconds, span)


def _tokens_in(item: object) -> int:
    """Count a list as a batch: one token for each row that has not finished."""
    if isinstance(item, (list, tuple)):
        return sum(token is not None for token in item)
    return 1


@contextmanager
def collector_resting() -> Iterator[None]:
    """Keep the garbage collector out of what is timed meanwhile."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check(calls: Calls, seconds: float, rounds: int | None, warmup: int) -> None:
    if not isinstance(calls, Mapping) or not calls:
        raise ValueError(
            f"calls={calls!r:.60} must map at least one name to a function of no "
            "arguments, such as {'fp32': lambda: model(tokens)}."
        )
    for name, function in calls.items():
        if not isinstance(name, str):
            raise ValueError(f"calls has the name {name!r:.60}; names are text.")
        if not callable(function):
            raise ValueError(
                f"calls[{name!r}] is {function!r:.60}, which cannot be called; put "
                "`lambda:` before it."
            )
    arguments.number("seconds", seconds, above=0, way="such as seconds=3")
    if rounds is not None:
        way = "fewer give no 95 % interval; choose more, or seconds=… instead"
        least = intervals.LEAST_ROUNDS
        arguments.whole("rounds", rounds, least=least, most=MOST_CALLS, way=way)
    arguments.whole(
        "warmup", warmup, most=MOST_CALLS, way="it counts calls before any is timed"
    )
