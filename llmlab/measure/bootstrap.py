"""Estimates from a sample: a statistic of sums over parts, with its interval.

Shapes: parts (parts, quantities), such as bits and bytes of each file.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy

from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.scores import Scores

SEED = 0  # of every bootstrap

Statistic = Callable[[numpy.ndarray], numpy.ndarray]  # (n, quantities) -> (n,)


def ratio(sums: numpy.ndarray) -> numpy.ndarray:
    """Return the first sum per second sum."""
    return sums[:, 0] / sums[:, 1]


def estimate(
    what: Quantity,
    parts: numpy.ndarray,
    statistic: Statistic,
    *,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
    weights: str | None = None,
    machine: str | None = None,
) -> Record:
    """Return the statistic of all parts as a measured record with its interval."""
    value, *ends = with_interval(parts, statistic)
    low, high = ends or (None, None)
    return records.measured(
        what,
        value,
        subject=subject,
        low=low,
        high=high,
        details=details,
        seed=SEED,
        weights=weights,
        machine=machine,
    )


def of_scores(
    what: Quantity,
    parts: numpy.ndarray,
    statistic: Statistic,
    scores: Scores,
    *,
    subject: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Record:
    """Return an estimate that says whose it is, and on how much text of what kind."""
    facts: dict[str, Any] = {"tokens": len(scores.bits)}
    facts["bytes"] = int(scores.bytes.sum())
    facts |= {"parts": len(parts), "part": scores.unit} | dict(details or {})
    return estimate(
        what,
        parts,
        statistic,
        subject=scores.subject if subject is None else subject,
        details=facts,
        weights=scores.weights,
    )


def with_interval(parts: numpy.ndarray, statistic: Statistic) -> tuple[float, ...]:
    """Return the statistic of all parts and, with two parts or more, its interval."""
    value = float(statistic(parts.sum(axis=0, keepdims=True, dtype=float))[0])
    interval = intervals.bootstrap(parts, statistic, seed=SEED)
    if interval is None:
        return (value,)
    # With very few parts, no resample may reach the value itself.
    return value, min(interval[0], value), max(interval[1], value)
