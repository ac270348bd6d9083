"""Exercise 3: a paired speed-up with its interval."""

import random
from collections.abc import Callable

import numpy

from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "One ratio for each round. All the rest is done with these ratios.",
    "A row of picks says which ratios to take. Each row gives one median.",
    "percentile(ratios, 0.5), then percentile(medians, 0.025) and (…, 0.975).",
)


def _paired(baseline, candidate, picks, *, low=0.025, high=0.975, middle=numpy.median):
    ratios = numpy.divide(baseline, candidate)
    ends = numpy.quantile(middle(ratios[numpy.array(picks)], axis=1), [low, high])
    return float(middle(ratios)), float(ends[0]), float(ends[1])


EXERCISE = Exercise(
    right=_paired,
    gives=("the median ratio", "the low end", "the high end"),
    hint="a ratio per round, the median of each row of picks, two percentiles of them.",
    mistakes={
        "upside down: how many times faster is baseline / candidate.":
            lambda slow, fast, picks: _paired(fast, slow, picks),
        "take the ratio within each round first, then the median.":
            lambda slow, fast, picks: numpy.median(slow) / numpy.median(fast),
        "take the median, not the mean: one bad round moves a mean.":
            lambda slow, fast, picks: _paired(slow, fast, picks, middle=numpy.mean),
        "low comes before high.":
            lambda slow, fast, picks: _paired(slow, fast, picks, low=0.975, high=0.025),
        "a row of picks is one draw; take the medians of rows, not of columns.":
            lambda slow, fast, picks: _paired(slow, fast, numpy.transpose(picks)),
        "these are percentiles of the ratios; take those of their medians.":
            lambda *a: tuple(numpy.quantile(numpy.divide(*a[:2]), [0.5, 0.025, 0.975])),
    },
)


def speedup(learner_function: Callable) -> None:
    """Exercise 3. A paired ratio: two lists and picks -> median, low end, high end."""
    dice = random.Random(0)
    picks = [[0, 1, 2], [0, 0, 1], [2, 2, 2], [1, 1, 2]]
    EXERCISE.run(learner_function, [4.0, 6.0, 9.0], [2.0, 2.0, 6.0], picks)
    for rounds in (1, 2, 5, 12):
        weather = [dice.uniform(1.0, 5.0) for _ in range(rounds)]
        baseline = [now * dice.uniform(1.5, 2.5) for now in weather]
        candidate = [now * dice.uniform(0.8, 1.2) for now in weather]
        picks = [dice.choices(range(rounds), k=rounds) for _ in range(60)]
        EXERCISE.run(learner_function, baseline, candidate, picks)
    print("✓ speedup: 5 comparisons, the median and both ends of the interval")
