"""Exercise 4: a percentile by linear interpolation."""

import random

import numpy

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off


def percentile(samples, share):
    """Return the percentile."""
    return float(numpy.quantile(samples, share))


def _at(values, place, *, turned=False):
    """Read a list at a place that may lie between two of its items."""
    below = int(place)
    weight = 1 - (place - below) if turned else place - below
    above = values[min(below + 1, len(values) - 1)]
    return values[below] * (1 - weight) + above * weight


def _of_sorted(samples, share, *, change=sorted, turned=False):
    ordered = change(samples)
    return _at(ordered, share * (len(ordered) - 1), turned=turned)


def _without_end(samples, share):
    ordered, place = sorted(samples), share * (len(samples) - 1)
    below = int(place)
    weight = place - below
    return ordered[below] * (1 - weight) + ordered[below + 1] * weight


def _cases():
    dice = random.Random(0)
    yield case([30.0, 10.0, 20.0, 50.0, 40.0], 0.3)
    yield case([4.0, 1.0, 4.0, 4.0, 2.0, 1.0, 9.0], 0.6)  # ties
    yield case([-3.0, 2.5, -8.0, -1.5, -3.0], 0.35)
    for count in (1, 2, 3, 10, 101):
        samples = [dice.lognormvariate(0.0, 1.0) for _ in range(count)]
        for share in (0.0, 0.025, 0.5, 0.61, 0.95, 1.0):
            yield case(samples, share)


EXERCISE = Exercise(
    name="percentile",
    right=percentile,
    gives=(Value("the percentile"),),
    cases=lambda: [*_cases()],
    covers="with ties, below zero, and of one sample to a hundred and one",
    hints=(
        "Sort a copy. Which place in it would the value have, counted from 0?",
        "The place is share * (n - 1). It often lies between two neighbours.",
        "ordered[below] * (1 - weight) + ordered[below + 1] * weight; mind the end.",
    ),
    hint="its place in the sorted samples is share * (n - 1), counted from 0.",
    mistakes={
        "sort the samples first.": lambda x, q: _of_sorted(x, q, change=list),
        "a value that comes twice counts twice: sort a list, not a set.":
            lambda x, q: _of_sorted(x, q, change=lambda x: sorted(set(x))),
        "this is one of the samples; between two neighbours, interpolate.":
            lambda x, q: sorted(x)[int(q * (len(x) - 1))],
        "this is the sample above; between two neighbours, interpolate.":
            lambda x, q: float(numpy.quantile(x, q, method="higher")),
        "this is the nearest sample; between two neighbours, interpolate.":
            lambda x, q: sorted(x)[round(q * (len(x) - 1))],
        "this is half way between the neighbours; weigh them by the place.":
            lambda x, q: float(numpy.quantile(x, q, method="midpoint")),
        "the weights of the two neighbours are the wrong way round.":
            lambda x, q: _of_sorted(x, q, turned=True),
        "the place is share * (n - 1), not share * n: the last one is n - 1.":
            lambda x, q: float(numpy.interp(q * len(x), range(len(x)), sorted(x))),
        "two things: the place is share * (n - 1), and between neighbours interpolate.":
            (lambda x, q: sorted(x)[int(q * len(x))],
             lambda x, q: sorted(x)[min(int(q * len(x)), len(x) - 1)]),
        "at the last place there is no neighbour above: mind the end.":
            _without_end,
        "this counts from the largest; sort upwards.":
            lambda x, q: _of_sorted(x, 1 - q),
        "share goes from 0 to 1, not from 0 to 100.":
            lambda x, q: _of_sorted(x, q / 100),
        "this is the mean; a percentile has a place among the samples.":
            lambda x, q: sum(x) / len(x),
        "this is the median whatever the share.":
            lambda x, q: float(numpy.median(x)),
    },
)
