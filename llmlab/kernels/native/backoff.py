"""Fewer threads for a while, where a call waits for a thread that a neighbour holds up.

The threads of a call meet at a barrier some times a layer. A thread that lost its core
to another process comes back after a slice of the scheduler, milliseconds later, and
all others wait for it: a step takes twenty times as long beside one busy process. On
half as many threads it takes twice as long at most, with the same bits. So a call that
took far longer than such calls took of late halves the threads of those that follow;
after some calls all are tried again, later and later while that is slow (exponential
backoff). Where the neighbour came first, no call was ever fast: so early on, and then
once in many calls, one runs on half the threads, to know what these take. A neighbour
that makes a call less than five times as long may then go unnoticed. Time that a call
waits for Python's lock counts as its own: beside busy threads of this process it gives
way without need.
"""

import time
from collections.abc import Callable, Hashable

SLOW = 2.5  # times as long as the best of late
LEAST, MOST = 16, 256  # calls on fewer threads until all are tried again
FADING = 1.01  # by which the best is forgotten with every call
TRIAL = 4  # calls of a kind, of which the last may run on half the threads
KINDS = 256  # that are remembered


class Backoff:
    """How many threads a call gets, by how long calls of its kind took."""

    def __init__(self, threads: int, *, clock: Callable[[], float] = time.perf_counter):
        self.threads = threads  # all that a call may use
        self.count = threads  # that the next one gets
        self._clock = clock
        self._kinds: dict[Hashable, tuple[float, int]] = {}  # best seconds, calls
        self._hold = self._left = self._fine = 0  # in calls
        self._calm = 0  # calls until there may be a trial again

    def run(self, kind: Hashable, call: Callable[[int], object]) -> None:
        """Call with a number of threads. kind: calls of one do about as much work."""
        best, calls = self._kinds.pop(kind, (float("inf"), 0))
        self._calm = max(0, self._calm - 1)
        trial = calls >= TRIAL - 1 and not self._calm and not self._hold
        if trial:
            self._calm = MOST
        count = max(1, self.threads // 2) if trial else self.count
        start = self._clock()
        call(count)
        seconds = self._clock() - start
        if len(self._kinds) >= KINDS:  # that which was not called for longest goes
            del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = min(seconds, best * FADING), calls + 1
        slow = seconds > SLOW * best * self.threads / count
        if (slow or self._hold) and not trial:
            self._judge(slow)

    def _judge(self, slow: bool) -> None:
        if slow and self.count > 1:
            if self.count == self.threads:
                self._hold = min(max(LEAST, 2 * self._hold), MOST)
            self.count, self._left, self._fine = self.count // 2, self._hold, 0
        elif self._left:
            self._left -= 1
            if not self._left:
                self.count = self.threads
        else:
            self._fine += 1
            if self._fine >= self._hold:  # as long as it gave way
                self._hold = 0
