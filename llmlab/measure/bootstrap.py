"""Estimates from a sample: a statistic of sums over parts, with its interval.

Shapes: parts (parts, quantities), such as bits and bytes of each file.
"""

from collections.abc import Callable

import numpy

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.scores import Scores

SEED = 0  # of every bootstrap

Statistic = Callable[[numpy.ndarray], numpy.ndarray]  # (n, quantities) -> (n,)


def ratio(sums: numpy.ndarray) -> numpy.ndarray:
    """Return the first sum per second sum."""
    return sums[:, 0] / sums[:, 1]


def estimate(
    name: str, unit: str, parts: numpy.ndarray, statistic: Statistic, **rest
) -> Record:
    """Return the statistic of all parts as a measured record with its interval."""
    value, *ends = with_interval(parts, statistic)
    low, high = ends or (None, None)
    rest = {"low": low, "high": high, "seed": SEED} | rest
    return records.measured(name, value, unit, **rest)


def of_scores(
    name: str,
    unit: str,
    parts: numpy.ndarray,
    statistic: Statistic,
    scores: Scores,
    *,
    details: dict | None = None,
    **rest,
) -> Record:
    """Return an estimate that says whose it is, and on how much text of what kind."""
    facts = {"tokens": len(scores.bits), "bytes": int(scores.bytes.sum())}
    facts |= {"parts": len(parts), "part": scores.unit} | (details or {})
    rest = {"subject": scores.subject, "weights": scores.weights} | rest
    return estimate(name, unit, parts, statistic, details=facts, **rest)


def with_interval(parts: numpy.ndarray, statistic: Statistic) -> tuple[float, ...]:
    """Return the statistic of all parts and, with two parts or more, its interval."""
    value = float(statistic(parts.sum(axis=0, keepdims=True, dtype=float))[0])
    interval = intervals.bootstrap(parts, statistic, seed=SEED)
    if interval is None:
        return (value,)
    # With very few parts, no resample may reach the value itself.
    return value, min(interval[0], value), max(interval[1], value)
