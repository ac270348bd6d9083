"""Exercise 5: the power that fits a curve."""

import math
import random

import numpy

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "On logarithmic axes a power is a straight line. Take logarithms of both.",
    "Least squares: how x and y vary together, over how x varies alone.",
    "((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum().",
)


def _line(x, y, *, turn=numpy.log, place=0) -> float:
    return float(numpy.polyfit(turn(x), numpy.log(y), 1)[place])


def slope(lengths, seconds):
    """Return the slope."""
    return _line(lengths, seconds)


def _cases():
    dice = random.Random(0)
    yield case([1.0, 2.0, 4.0], [3.0, 12.0, 48.0])  # in the text
    for power in (0.3, 0.5, 1.0, 1.7, 2.0, -0.5):
        places = range(dice.randint(3, 9))
        lengths = [16 * 2**place * dice.uniform(0.8, 1.2) for place in places]
        seconds = [1e-6 * n**power * dice.uniform(0.7, 1.4) for n in lengths]
        yield case(lengths, seconds)


EXERCISE = Exercise(
    name="slope",
    right=slope,
    gives=(Value("the slope"),),
    cases=lambda: [*_cases()],
    covers="from falling to quadratic",
    hints=HINTS,
    hint="logarithms of both, then the straight line of least squares through them.",
    tolerance=1e-4,
    mistakes={
        "take logarithms of both first: a power is a straight line only there.":
            lambda x, y: float(numpy.polyfit(x, y, 1)[0]),
        "take the logarithm of the lengths too.":
            lambda x, y: _line(x, y, turn=numpy.array),
        "take the logarithm of the seconds too.":
            lambda x, y: float(numpy.polyfit(numpy.log(x), y, 1)[0]),
        "both logarithms must be of one base.":
            lambda x, y: _line(x, y, turn=numpy.log2),
        "upside down: seconds grow with lengths, not the other way.":
            lambda x, y: _line(y, x),
        "this line goes through the origin; take the means away first.":
            lambda x, y: float(numpy.log(x) @ numpy.log(y) / (numpy.log(x) ** 2).sum()),
        "first and last point alone: use all of them.":
            lambda x, y: math.log(y[-1] / y[0]) / math.log(x[-1] / x[0]),
        "this is the height of the line; return its slope.":
            lambda x, y: _line(x, y, place=1),
        "this is the mean of the steps between neighbours; use least squares.":
            lambda x, y: float(numpy.mean(numpy.diff(numpy.log(y))
                                          / numpy.diff(numpy.log(x)))),
    },
)
