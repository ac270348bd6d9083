"""Times as they were taken: of one call, of all calls under a name, of one quantity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy

from llmlab.core import machine, records
from llmlab.core.clock import Threads
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals

Details = Mapping[str, Any] | None


@dataclass(frozen=True)
class Series:
    """One quantity: every sample, and per round the value that speaks for it."""

    samples: tuple[float, ...]
    rounds: tuple[float, ...]
    ran_on: Threads  # those that torch had meanwhile

    @property
    def median(self) -> float:
        return intervals.median(self.rounds)

    @property
    def low(self) -> float | None:
        """The low end of the 95 % interval of the median."""
        interval = intervals.of_median(self.rounds)
        return interval and interval[0]

    @property
    def high(self) -> float | None:
        """The high end of the 95 % interval of the median."""
        interval = intervals.of_median(self.rounds)
        return interval and interval[1]

    def __float__(self) -> float:
        return self.median

    def record(
        self,
        what: Quantity | str,
        *,
        subject: str = "",
        details: Details = None,
        seed: int | None = None,
        weights: str | None = None,
    ) -> Record:
        """Return the median as a measured record in seconds."""
        return self.fact(
            what,
            self.median,
            unit="s",
            subject=subject,
            low=self.low,
            high=self.high,
            details=details,
            seed=seed,
            weights=weights,
        )

    def rate(
        self,
        what: Quantity,
        amount: float,
        *,
        subject: str = "",
        details: Details = None,
        seed: int | None = None,
        weights: str | None = None,
    ) -> Record:
        """Return `amount` in this time as a measured record, such as token/s."""
        low, high = self.low, self.high
        return self.fact(
            what,
            amount / self.median,
            subject=subject,
            low=amount / high if low and high else None,
            high=amount / low if low and high else None,
            details=details,
            seed=seed,
            weights=weights,
        )

    def fact(
        self,
        what: Quantity | str,
        value: float,
        *,
        unit: str | None = None,
        subject: str = "",
        low: float | None = None,
        high: float | None = None,
        details: Details = None,
        seed: int | None = None,
        weights: str | None = None,
    ) -> Record:
        """Return a measured record that says on how many threads it was, and why."""
        return records.measured(
            what,
            value,
            unit,
            subject=subject,
            low=low,
            high=high,
            details=self.ran_on.details | dict(details or {}),
            seed=seed,
            weights=weights,
            machine=machine.describe(self.ran_on.count).label,
        )


@dataclass(frozen=True)
class Call:
    """One timed call, in seconds; for a stream also when its tokens came."""

    total: float
    first: float | None = None
    gaps: tuple[float, ...] = ()
    tokens: int = 0


@dataclass(frozen=True)
class Rate:
    """So many in a second, with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Run:
    """Every call under one name, by round."""

    name: str
    is_stream: bool
    is_brief: bool  # the median of a round speaks for it, else its mean
    by_round: tuple[tuple[Call, ...], ...]
    ran_on: Threads  # those that torch had meanwhile

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(call for calls in self.by_round for call in calls)

    def rate(self) -> Rate:
        """Return the tokens of all calls in the time of all calls.

        Calls that make more tokens take longer, so neither the median of the tokens
        nor a mean of rates is what the machine gives in a second. The interval is drawn
        over rounds.
        """
        sums = [
            (sum(call.tokens for call in calls), sum(call.total for call in calls))
            for calls in self.by_round
        ]
        parts = numpy.array(sums, dtype=float)  # (rounds, 2): tokens, seconds
        value = float(parts[:, 0].sum() / parts[:, 1].sum())
        drawn = intervals.bootstrap(parts, lambda sums: sums[:, 0] / sums[:, 1])
        if drawn is None:
            return Rate(value)
        return Rate(value, min(drawn[0], value), max(drawn[1], value))

    def series(self, quantity: Callable[[Call], float]) -> Series:
        """Take one quantity of every call; `rounds` says what speaks for a round."""
        rounds = [[quantity(call) for call in calls] for calls in self.by_round]
        samples = tuple(sample for values in rounds for sample in values)
        middle = intervals.median if self.is_brief else fmean
        speaking = tuple(middle(values) for values in rounds)
        return Series(samples, speaking, self.ran_on)
