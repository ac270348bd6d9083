"""Exercise 2: a percentile by linear interpolation."""

import random
from collections.abc import Callable

import numpy

from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Sort a copy. Which place in it would the value have, counted from 0?",
    "The place is share * (n - 1). It often lies between two neighbours.",
    "ordered[below] * (1 - weight) + ordered[below + 1] * weight; mind the end.",
)


def _at(values: list[float], place: float, *, turned: bool = False) -> float:
    """Read a list at a place that may lie between two of its items."""
    below = int(place)
    weight = 1 - (place - below) if turned else place - below
    above = values[min(below + 1, len(values) - 1)]
    return values[below] * (1 - weight) + above * weight


EXERCISE = Exercise(
    right=lambda x, share: float(numpy.quantile(x, share)),
    gives=("the percentile",),
    hint="its place in the sorted samples is share * (n - 1), counted from 0.",
    mistakes={
        "sort the samples first.": lambda x, q: _at(x, q * (len(x) - 1)),
        "this is one of the samples; between two neighbours, interpolate.":
            lambda x, q: sorted(x)[int(q * (len(x) - 1))],
        "this is the nearest sample; between two neighbours, interpolate.":
            lambda x, q: sorted(x)[round(q * (len(x) - 1))],
        "the weights of the two neighbours are the wrong way round.":
            lambda x, q: _at(sorted(x), q * (len(x) - 1), turned=True),
        "places count from 0, so the last one is n - 1, not n.":
            lambda x, q: _at(sorted(x), q * len(x)),
        "this counts from the largest; sort upwards.":
            lambda x, q: _at(sorted(x), (1 - q) * (len(x) - 1)),
        "share goes from 0 to 1, not from 0 to 100.":
            lambda x, q: _at(sorted(x), q / 100 * (len(x) - 1)),
        "this is the mean; a percentile has a place among the samples.":
            lambda x, q: sum(x) / len(x),
    },
)


def percentile(learner_function: Callable) -> None:
    """Exercise 2. A percentile by linear interpolation: (samples, share) -> number."""
    dice = random.Random(0)
    EXERCISE.run(learner_function, [30.0, 10.0, 20.0, 50.0, 40.0], 0.3)
    for count in (1, 2, 3, 10, 101):
        samples = [dice.lognormvariate(0.0, 1.0) for _ in range(count)]
        for share in (0.0, 0.025, 0.5, 0.61, 0.95, 1.0):
            EXERCISE.run(learner_function, samples, share)
    print("✓ percentile: 31 cases, from one sample to a hundred and one")
