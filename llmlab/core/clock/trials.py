"""Trials: the least seconds of calls, where a choice or a peak is all that is wanted.

Whatever disturbs a call makes it longer, so the least of a few tries is what it takes.
That says nothing about its spread; for a verdict there is `measure.speed`. To choose,
calls run in turn, so that a slow moment meets each of them, and on one thread by that
thread's own time, so that a neighbour who takes the core does not count at all.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmlab.core.clock.clocks import Clock, Host, Processor, clock_for
from llmlab.core.clock.contention import fixed

GROUPED = 50e-6  # seconds; calls shorter than this are timed in groups
LEAST, MOST = 4, 10_000  # tries of a shortest call

Calls = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class _Tried:
    """A call that has run before, with the clock that fits what it returned."""

    call: Callable[[], object]
    clock: Clock
    group: int = 1  # calls that are timed as one, since looking takes time too

    def seconds(self) -> float:
        start = self.clock.look()
        for _ in range(self.group):
            self.call()
        return self.clock.seconds(start, self.clock.look()) / self.group


def trial(calls: Calls, *, rounds: int = 5) -> dict[str, float]:
    """Return the least seconds of each call, warmed up and tried in turn.

    calls: name -> function of no arguments; where the tensors that it returns live says
    which clock fits. On the CPU it runs on one thread, by the processor time of this
    thread: neighbours make parallel calls wait, and must not decide. On a GPU it is
    timed by events.
    Raises ValueError for no calls, something that cannot be called, no rounds.
    """
    _check(calls, rounds)
    with fixed(1):
        tried = {name: _warmed_up(call) for name, call in calls.items()}
        least = dict.fromkeys(tried, math.inf)
        for _ in range(rounds):
            for name, warmed_up in tried.items():
                least[name] = min(least[name], warmed_up.seconds())
    return least


def shortest(call: Callable[[], object], *, seconds: float) -> float:
    """Return the least seconds of a call on all threads, tried for some `seconds`.

    It is the host's time or a GPU's: what is wanted is what the whole machine can do.
    """
    tried = _Tried(call, clock_for(call()))
    tried.clock.wait()
    least, until = math.inf, time.perf_counter() + seconds
    for tries in range(MOST):
        if tries >= LEAST and time.perf_counter() > until:
            break
        least = min(least, tried.seconds())
    return least


def _warmed_up(call: Callable[[], object]) -> _Tried:
    """Run a call twice: the first prepares more than it computes."""
    clock = clock_for(call())
    tried = _Tried(call, Processor() if isinstance(clock, Host) else clock)
    once = max(tried.seconds(), 1e-9)  # a clock may be too coarse to see anything
    return _Tried(call, tried.clock, math.ceil(max(GROUPED, tried.clock.tick) / once))


def _check(calls: Calls, rounds: int) -> None:
    if not isinstance(calls, Mapping) or not calls:
        raise ValueError(
            f"calls={calls!r:.60} must map at least one name to a function of no "
            "arguments, such as {'fp32': lambda: model(tokens)}."
        )
    for name, call in calls.items():
        if not callable(call):
            raise ValueError(
                f"calls[{name!r}] is {call!r:.60}, which cannot be called; put "
                "`lambda:` before it."
            )
    if type(rounds) is not int or rounds < 1:
        raise ValueError(f"rounds={rounds!r} must be a whole number of at least 1.")
