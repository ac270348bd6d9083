"""Verdicts: which of two calls is faster, if the times can tell.

Both ran in every round, so each round gives a ratio in which the machine's mood of that
moment cancels; the verdict is on the median of these ratios.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.core import machine, quantities, records
from llmlab.core.arguments import is_number
from llmlab.core.clock import Threads
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals

FASTER, SLOWER, SAME = "faster", "slower", "no significant difference"

# Rounds average out what changes within a run. What stays the same throughout, such as
# where the allocator put a tensor, no number of rounds shows: Mytkowicz and others,
# Producing Wrong Data Without Doing Anything Obviously Wrong, ASPLOS 2009.
SYSTEMATIC = 0.005


@dataclass(frozen=True)
class Verdict:
    """How many times as fast `name` is as `against`, with a 95 % interval."""

    name: str
    against: str
    ratio: float
    low: float
    high: float
    ran_on: Threads | None = None  # both of them

    @property
    def word(self) -> str:
        """Say "faster" or "slower" only where the whole interval says so."""
        if self.low > 1:
            return FASTER
        return SLOWER if self.high < 1 else SAME

    @property
    def text(self) -> str:
        """Say it in one line."""
        than = "from" if self.word == SAME else "than"
        interval = f"({self.low:.3g} to {self.high:.3g})"
        line = f"{self.name}: {self.word} {than} {self.against}"
        return f"{line}, {self.ratio:.3g} × as fast {interval}"

    def __str__(self) -> str:
        return self.text

    def records(self) -> list[Record]:
        """Return the ratio alone."""
        return [self.record()]

    def record(
        self, what: Quantity = quantities.SPEED_UP, *, subject: str | None = None,
        details: Mapping[str, Any] | None = None, seed: int | None = None,
    ) -> Record:  # fmt: skip
        """Return the ratio as a record whose details hold the word.

        what: the quantity that it is. subject: who is compared, both names by default.
        """
        ran_on = self.ran_on
        known = {"verdict": self.word} | (ran_on.details if ran_on else {})
        return records.measured(
            what,
            self.ratio,
            low=self.low,
            high=self.high,
            subject=subject or f"{self.name} against {self.against}",
            details={**(details or {}), **known},
            machine=machine.describe(ran_on.count if ran_on else None).label,
            seed=seed,
        )


def _check_times(name: str, times: Sequence[float]) -> None:
    listed = list(times) if isinstance(times, Iterable) else []
    if not listed or not all(is_number(time) and time > 0 for time in listed):
        raise ValueError(
            f"{name}={times!r:.60} must be seconds above 0, one a round, in a list."
        )


def compare(
    name: str,
    times: Sequence[float],
    against: str,
    others: Sequence[float],
    *,
    ran_on: Threads | None = None,
) -> Verdict:
    """Compare the times of two calls in seconds, round by round."""
    _check_times("times", times)
    _check_times("others", others)
    if len(times) != len(others):
        raise ValueError(
            f"times has {len(times)} rounds and others has {len(others)}; both must be "
            "of the same rounds."
        )
    ratios = [other / mine for mine, other in zip(times, others, strict=True)]
    low, high = intervals.of_median(ratios) or (min(ratios), max(ratios))
    low, high = low / (1 + SYSTEMATIC), high * (1 + SYSTEMATIC)
    return Verdict(name, against, intervals.median(ratios), low, high, ran_on)
