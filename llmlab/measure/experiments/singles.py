"""How often one timing alone would have misled: off the median, or a false winner."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from llmlab.core import arguments, quantities, records
from llmlab.core.records import Record
from llmlab.measure import intervals

MARGIN = 0.05
MOST = 2000  # samples that are paired: their pairs are two million


@dataclass(frozen=True)
class SingleTimings:
    """Shares of single timings, and of pairs of them, that mislead."""

    samples: int
    margin: float
    missing: int  # samples off the median by more than the margin
    pairs: int
    differing: int  # pairs whose slower one takes that much longer

    def records(self) -> list[Record]:
        """Return both shares, the first with its interval."""
        low, high = intervals.of_share(self.missing, self.samples)
        facts = {"margin": self.margin, "samples": self.samples}
        return [
            records.measured(
                quantities.MISSES, self.missing / self.samples,
                low=low, high=high, details=facts,
            ),
            records.measured(
                quantities.FALSE_CLAIMS, self.differing / self.pairs, details=facts
            ),
        ]  # fmt: skip


def single_timings(samples: Any, *, margin: float = MARGIN) -> SingleTimings:
    """Count how often one timing misses the median, or two of the same thing differ.

    samples: seconds of the same thing, or a result that has them: `many_requests` (its
    later tokens), one timing of `measure.speed`. margin: 0.05 counts what is off by
    more than 5 %, and pairs of which one takes more than 5 % longer.
    Raises ValueError for fewer than two samples, one not above 0, a margin not above 0.
    """
    listed = list(_samples(samples)) if isinstance(_samples(samples), Iterable) else []
    if not all(map(arguments.is_number, listed)):
        listed = []
    times = numpy.asarray(listed, dtype=float)
    if times.ndim != 1 or len(times) < 2 or not (times > 0).all():
        raise ValueError(
            f"samples={samples!r:.60} must be at least two times above 0 s, of the "
            "same thing."
        )
    arguments.number("margin", margin, above=0, way="0.05 is 5 %")
    missing = numpy.abs(times / numpy.median(times) - 1) > margin
    some = times[:: max(1, -(-len(times) // MOST))]
    slower = some[:, None] > some[None, :] * (1 + margin)  # each pair counts once
    pairs = len(some) * (len(some) - 1) // 2
    return SingleTimings(
        len(times), margin, int(missing.sum()), pairs, int(slower.sum())
    )


def _samples(result: Any) -> Sequence[float]:
    """Return the samples of the same thing that a result holds."""
    for name in ("later", "gaps", "samples"):
        if len(getattr(result, name, ()) or ()):
            return getattr(result, name)
    return result
