"""Static batches of a trace, counted: steps, and rows that run on after their end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.batching import arrivals
from llmlab.batching.quantities import BATCH_STEPS, ENDED_ROWS
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

ARRIVAL, SORTED = "in order of arrival", "sorted by length"
REQUESTS, MEAN, MOST, BATCH = 64, 40, 120, 8

StaticBatches = Callable[[list[int], int], tuple[int, int]]


@dataclass(frozen=True)
class Fixed:
    """Steps and wasted rows of static batches, in two orders."""

    facts: tuple[Record, ...]

    def wasted(self, *, sorted: bool = False) -> Record:
        """Return the share of rows that had ended, of all that were computed."""
        return self._of(ENDED_ROWS, sorted)

    def steps(self, *, sorted: bool = False) -> Record:
        """Return the steps of all batches together."""
        return self._of(BATCH_STEPS, sorted)

    def records(self) -> list[Record]:
        """Return steps and wasted rows in both orders."""
        return list(self.facts)

    def _of(self, what: Quantity, is_sorted: bool) -> Record:
        name = SORTED if is_sorted else ARRIVAL
        return next(
            f for f in self.facts if (f.name, f.subject) == (what.name, name)
        )  # fmt: skip


def fixed(
    static_batches: StaticBatches, *, lengths: Sequence[int] | None = None,
    batch: int = BATCH,
) -> Fixed:  # fmt: skip
    """Count the steps and the wasted rows of a trace in static batches.

    static_batches: (lengths, batch) -> (steps, wasted). lengths: tokens of each
    answer; log-normal ones by default. ValueError says where a count cannot be.
    """
    if lengths is None:
        lengths = arrivals.lengths(REQUESTS, MEAN, most=MOST, seed=2)
    facts = []
    for name, order in ((ARRIVAL, list(lengths)), (SORTED, sorted(lengths))):
        steps, wasted = _checked(static_batches(list(order), batch), order, batch)
        share = wasted / (wasted + sum(order))
        details = {"batch": batch}
        for what, value in ((BATCH_STEPS, steps), (ENDED_ROWS, share)):
            facts.append(
                records.make(
                    what, value, kind="simulated", subject=name, details=details
                )
            )
    return Fixed(tuple(facts))


def _checked(answer: Any, lengths: Sequence[int], batch: int) -> tuple[int, int]:
    try:
        steps, wasted = (int(each) for each in answer)
    except (TypeError, ValueError):
        raise ValueError(
            f"static_batches gave {arguments.shown(answer)}; return (steps, wasted)."
        ) from None
    rows = sum(lengths) + wasted
    if wasted < 0 or steps < max(lengths) or rows > steps * batch:
        raise ValueError(
            f"static_batches gave {steps} steps and {wasted} wasted rows for "
            f"{sum(lengths)} tokens in batches of {batch}; a batch has at most {batch} "
            "rows, runs as long as its longest, and wastes those that ended before."
        )
    return steps, wasted
