"""Exercise 1: what an operator costs before it computes, by a straight line."""

import math
import random
from functools import partial
from itertools import pairwise
from statistics import linear_regression, mean

from llmlab.checks.exercise import Case, Exercise, Value, case
from llmlab.graphs import costs

# A mistake stands in one line or two, as in a table.
# fmt: off

ALL = "all points count: the line that is nearest to them, not one through two of them."


def _right(sizes, seconds):
    return costs.overhead(sizes, seconds)


def _otherwise(change):
    """Change what is right: change(fixed, per_element) -> both."""
    return lambda sizes, seconds: change(*_right(sizes, seconds))


def _fixed(change):
    """Keep the slope; change(sizes, seconds) is the fixed part."""
    return lambda sizes, seconds: (change(sizes, seconds), _right(sizes, seconds)[1])


def _through(choose):
    """Draw a line through two points: choose(points) gives them."""
    def mistake(sizes, seconds):
        (x, y), (u, v) = choose([*zip(sizes, seconds, strict=True)])
        slope = (v - y) / (u - x)
        return y - slope * x, slope
    return mistake


def _origin(sizes, seconds):
    """Return the slope of the line through the origin."""
    pairs = zip(sizes, seconds, strict=True)
    return sum(x * y for x, y in pairs) / sum(x * x for x in sizes)


def _ratios(sizes, seconds):
    return [y / x for x, y in zip(sizes, seconds, strict=True)]


def _with_slope(slope):
    """Take another slope, and the fixed part that goes with it through the middle."""
    def mistake(sizes, seconds):
        found = slope(sizes, seconds)
        return mean(seconds) - found * mean(sizes), found
    return mistake


def _logarithms(sizes, seconds):
    """Fit a power of the size."""
    slope, start = linear_regression(*([*map(math.log, v)] for v in (sizes, seconds)))
    return math.exp(start), slope


def _turned(sizes, seconds):
    """Fit sizes to seconds, and turn that line."""
    slope, start = linear_regression(seconds, sizes)
    return -start / slope, 1 / slope


def _steps(sizes, seconds):
    """Average the slopes between neighbours."""
    points = pairwise(zip(sizes, seconds, strict=True))
    return mean((v - y) / (u - x) for (x, y), (u, v) in points)


def _unlike(sizes, seconds):
    """Divide a covariance over n - 1 by a variance over n."""
    return _right(sizes, seconds)[1] * len(sizes) / (len(sizes) - 1)


def _drawn(seed, count, *, fixed, each, noise, shuffled=False):
    """Draw times near a line, with a share of noise that no size escapes."""
    dice = random.Random(seed)
    sizes = [1000 * 3**place + dice.randrange(500) for place in range(count)]
    if shuffled:
        dice.shuffle(sizes)
    draw = [dice.uniform(0.3, 1) * dice.choice((-1, 1)) for _ in sizes]
    times = [(fixed + each * size) * (1 + noise * off)
             for size, off in zip(sizes, draw, strict=True)]
    return case(sizes, times)


def _cases():
    yield Case(lambda: ([1000, 1_000_000], [5e-6, 105e-6]),
               sources={"sizes": "[1000, 1_000_000]", "seconds": "[5e-6, 105e-6]"})
    yield case([1, 2_000, 4_000, 16_000], [4e-6, 5e-6, 5.5e-6, 12e-6], about=ALL)
    yield _drawn(1, 5, fixed=6e-6, each=3e-10, noise=0.05)
    yield _drawn(2, 7, fixed=2e-5, each=1e-10, noise=0.1, shuffled=True)
    yield _drawn(3, 4, fixed=9e-7, each=2e-9, noise=0.02)
    yield _drawn(4, 6, fixed=3e-3, each=5e-8, noise=0.08, shuffled=True)
    yield case([1, 2, 8, 4], [2e-6, 2.3e-6, 5e-6, 2.8e-6])
    yield case([500, 500, 9000, 500, 9000], [3e-6, 4e-6, 8e-6, 3.2e-6, 8.8e-6],
               about="a size may come several times; each time is a point.")


EXERCISE = Exercise(
    name="overhead",
    right=_right,
    gives=(Value("the fixed seconds"), Value("the seconds for an element")),
    cases=lambda: [*_cases()],
    covers="two points and many, near a line, in any order",
    hints=(
        "Plot the seconds over the sizes. Where does the line stand at a size of 0, "
        "and how fast does it climb?",
        "The slope of the line of least squares is the sum of (size - mean size) * "
        "(time - mean time) over the sum of (size - mean size) ** 2; it passes through "
        "the point of both means.",
        "m, s = sum(sizes) / len(sizes), sum(seconds) / len(seconds); slope = sum((x - "
        "m) * (y - s) for x, y in zip(sizes, seconds)) / sum((x - m) ** 2 for x in "
        "sizes); return s - slope * m, slope.",
    ),
    hint="the straight line nearest to all points: its height at size 0, and its "
         "slope.",
    tolerance=1e-4,
    mistakes={
        "these are the two in another order: the fixed seconds come first, then those "
        "for an element (np.polyfit gives the slope first).":
            _otherwise(lambda fixed, each: (each, fixed)),
        "the line need not pass through the origin: at size 0 an operator still has "
        "to be started.": (
            lambda sizes, seconds: (0.0, _origin(sizes, seconds)),
            lambda sizes, seconds: (0.0, mean(_ratios(sizes, seconds))),
        ),
        "seconds / size holds a share of the fixed part; take the slope of the line, "
        "which has none.": (
            _with_slope(lambda sizes, seconds: mean(_ratios(sizes, seconds))),
            lambda *given: (_right(*given)[0], mean(_ratios(*given))),
            lambda *given: (min(given[1]), mean(_ratios(*given))),
            lambda *given: (_right(*given)[0], sum(given[1]) / sum(given[0])),
            lambda *given: (0.0, sum(given[1]) / sum(given[0])),
        ),
        "the slope of a line through the origin is too steep; subtract both means "
        "first.": (
            _with_slope(_origin),
            lambda *given: (_right(*given)[0], _origin(*given)),
        ),
        "fixed plus a part for each element is straight in sizes and seconds, not in "
        "their logarithms.": (
            _logarithms, lambda *given: (math.log(_logarithms(*given)[0]),
                                         _logarithms(*given)[1]),
        ),
        "the smallest time holds arithmetic as well; go on along the line to size 0.":
            (
                _fixed(lambda sizes, seconds: min(seconds)),
                _fixed(lambda sizes, seconds: seconds[0]),
                _fixed(lambda sizes, seconds: seconds[sizes.index(min(sizes))]),
            ),
        ALL: (
            _through(lambda points: (points[0], points[-1])),
            _through(lambda points: (min(points), max(points))),
            _through(lambda points: points[:2]),
        ),
        "this averages the slopes between neighbours, which gives a short step the "
        "weight of a long one.": (
            _with_slope(_steps), _with_slope(lambda *given: _steps(
                *zip(*sorted(zip(*given, strict=True)), strict=True))),
        ),
        "seconds follow from sizes: this is the line of sizes over seconds.": (
            _turned, lambda *given: linear_regression(*given[::-1])[::-1],
            _with_slope(lambda *given: linear_regression(*given[::-1])[0]),
        ),
        "np.cov divides by n - 1 and np.var by n: divide both sums by the same.": (
            _with_slope(_unlike),
            _with_slope(lambda sizes, seconds: _right(sizes, seconds)[1]
                        * (len(sizes) - 1) / len(sizes)),
        ),
        "the fixed part is the height at size 0: the mean of the seconds minus slope "
        "times the mean of the sizes.": (
            lambda *given: (mean(given[1]) + _right(*given)[1] * mean(given[0]),
                            _right(*given)[1]),
            _fixed(lambda sizes, seconds: mean(seconds)),
            lambda *given: (_right(*given)[1] * mean(given[0]) - mean(given[1]),
                            _right(*given)[1]),
        ),
        "both are in seconds, as the times that came in.": tuple(
            _otherwise(partial(lambda by, *both: tuple(by * v for v in both), by))
            for by in (1e3, 1e6, 1e9)
        ),
        "the second is seconds for an element, not elements a second: the slope as it "
        "is.": _otherwise(lambda fixed, each: (fixed, 1 / each)),
        "sizes count elements already; here the slope is for a byte.":
            _otherwise(lambda fixed, each: (fixed, each / 4)),
        "no rounding is asked for, and times are far below 1: return both as they "
        "are.": tuple(
            _otherwise(partial(lambda digits, *both: tuple(
                round(v, digits) for v in both), digits))
            for digits in range(10)
        ),
        "seconds below zero make no sense here; this is the line with the other sign.":
            _otherwise(lambda fixed, each: (-fixed, -each)),
    },
)
