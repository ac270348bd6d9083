"""How a cost grows with the length of the text: the power that fits it.

On axes that are both logarithmic, `cost = factor * length ** slope` is a straight line:
with slope 0 a text twice as long costs the same, with 1 twice and with 2 four times as
much. A real curve bends, so a slope belongs to a range, and its interval says how well
one power fits there.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy

from llmlab.attention_vs_rnn.quantities import SLOPE
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals

LEAST_POINTS = 5  # for an interval: three more than a straight line has numbers


def fit(
    records: Sequence[Record],
    of: Quantity | str,
    *,
    along: str = "tokens",
    start: float = 1,
    end: float = math.inf,
) -> list[Record]:
    """Return the "slope" of each curve by least squares between logarithms.

    of: what the curves are of, one for each subject, against
    details[along] from `start` to `end`. The 95 % interval is Student's, from how far
    points lie off the line; with fewer than five there is none. Details hold the
    factor, the range, the points and the farthest one. Raises ValueError for no such
    records, fewer than two points, a value not above 0.
    """
    curves: dict[str, list[Record]] = {}
    for record in records:
        if record.name == str(of) and start <= record.details.get(along, -1) <= end:
            curves.setdefault(record.subject, []).append(record)
    if not curves:
        names = sorted({record.name for record in records})
        raise ValueError(
            f"records hold no {str(of)!r} from {start} to {end} {along}; choose "
            f"another range, or one of {names}."
        )
    return [_slope(curve, along) for curve in curves.values()]


def _slope(curve: Sequence[Record], along: str) -> Record:
    lengths = [float(record.details[along]) for record in curve]
    values = [record.value for record in curve]
    if len(set(lengths)) < 2 or min(lengths + values) <= 0:
        raise ValueError(
            f"the curve of {curve[0].subject!r} has {len(set(lengths))} points of "
            f"which the smallest is {min(values):g}; a slope needs two or more, all "
            "above 0."
        )
    x, y = numpy.log(lengths), numpy.log(values)
    slope, height = numpy.polyfit(x, y, 1)
    off = y - (slope * x + height)
    low, high = _interval(slope, x, off)
    details = {
        "of": curve[0].name,
        "factor": math.exp(height),
        "from": min(lengths),
        "to": max(lengths),
        "points": len(curve),
        "farthest": math.exp(abs(off).max()),  # a factor: 1 lies on the line
    }
    return replace(
        curve[0],
        name=SLOPE.name,
        value=slope,
        unit=SLOPE.unit,
        low=low,
        high=high,
        details=details,
    )


def _interval(slope: float, x: numpy.ndarray, off: numpy.ndarray):
    """Return Student's interval of a slope from what is left over."""
    if len(x) < LEAST_POINTS:
        return None, None
    freedom = len(x) - 2
    spread = ((x - x.mean()) ** 2).sum()
    reach = intervals.student(freedom) * math.sqrt((off**2).sum() / freedom / spread)
    return slope - reach, slope + reach
