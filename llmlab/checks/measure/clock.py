"""A clock for checks: it moves only while something is awaited, so answers are exact.

clock = check.clock()
token_times(clock.stream([0.5, 0.125]), clock)
speedup(clock.work([4.0, 6.0]), clock.work([2.0, 2.0]), [[0, 1]], clock)
"""

import itertools
from collections.abc import Iterator, Sequence

START, END = 262_144.0, 8.0  # seconds: three days on, and what comes behind the end
TOKENS = (17, 0, 4, 9, 0, 25)  # a token may be 0, which is false in Python


class Clock:
    """Call it to look at the time, in seconds; `looks` counts how often that was.

    weather: how slow the machine is in each round of two calls, 1.0 if it never is.
    """

    def __init__(self, weather: Sequence[float] = (1.0,)):
        self.now, self.looks, self.calls = START, 0, 0
        self.weather = weather

    def __call__(self) -> float:
        self.looks += 1
        return self.now

    def __repr__(self) -> str:
        return "check.clock()"

    def stream(self, waits: Sequence[float]) -> "Stream":
        """Return tokens, each of which takes its seconds; the end takes 8, for none."""
        return Stream(self, waits)

    def work(self, seconds: Sequence[float]) -> "Work":
        """Return a function without arguments; each call takes its seconds in turn."""
        return Work(self, seconds)


class Stream:
    """Tokens that come after a while, once."""

    def __init__(self, clock: Clock, waits: Sequence[float]):
        self.clock, self.waits = clock, waits
        self._left = self._tokens()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return next(self._left)

    def __repr__(self) -> str:
        return f"clock.stream({_shown(self.waits)})"

    def _tokens(self) -> Iterator[int]:
        for token, wait in zip(itertools.cycle(TOKENS), self.waits, strict=False):
            self.clock.now += wait
            yield token
        self.clock.now += END


class Work:
    """A function without arguments whose calls take the given seconds, in turn.

    A call behind the last of them takes 8 seconds.
    """

    def __init__(self, clock: Clock, seconds: Sequence[float]):
        self.clock, self.seconds, self.done = clock, seconds, 0

    def __call__(self) -> None:
        round_ = self.clock.calls // 2
        weather = self.clock.weather[round_ % len(self.clock.weather)]
        over = self.done >= len(self.seconds)
        self.clock.now += END if over else self.seconds[self.done] * weather
        self.done, self.clock.calls = self.done + 1, self.clock.calls + 1

    def __repr__(self) -> str:
        return f"clock.work({_shown(self.seconds)})"


def _shown(seconds: Sequence[float]) -> str:
    short = [float(f"{one:.4g}") for one in seconds]
    return f"{short}" if len(short) <= 8 else f"{len(short)} times"
