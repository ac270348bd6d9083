"""How sure a number is: percentiles, and intervals that hold it 95 times in 100.

A median of rounds gets the interval of its ranks: exact for any distribution, and what
a bootstrap of the median settles on when it has rounds enough (with few it comes out
too narrow, so ranks are used here). A ratio of sums is bootstrapped over what was
drawn at random: files, or stretches of one text. A share of successes gets Wilson's.

Sources: Efron, Tibshirani, An Introduction to the Bootstrap, 1993; Hesterberg, What
Teachers Should Know about the Bootstrap, 2015; Wilson, JASA 22, 1927.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy

from llmlab.core.arguments import is_number, shown

RESAMPLES = 2000
LEAST_ROUNDS = 6  # with fewer, not even smallest to largest holds 95 %
TAIL = 0.025  # on either side

Interval = tuple[float, float]


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the samples lie, 0 <= share <= 1.

    Between two samples it interpolates; its place is share * (n - 1), counted from 0.
    Raises ValueError for no samples, or a share outside 0 to 1.
    """
    samples = _numbers(samples)
    if not len(samples):
        raise ValueError("samples is empty; a percentile needs at least one.")
    if not is_number(share) or not 0 <= share <= 1:
        raise ValueError(
            f"share={shown(share)} is not between 0 and 1; the 95th percentile "
            "is share=0.95."
        )
    return float(numpy.quantile(numpy.asarray(samples, dtype=float), share))


def _numbers(samples: Sequence[float]) -> Sequence[float]:
    """Return samples as they came; ValueError for what is no list of numbers."""
    if isinstance(samples, str | bytes) or not hasattr(samples, "__len__"):
        raise ValueError(
            f"samples={shown(samples)} is no list of numbers; give one for each call, "
            "such as [0.1, 0.2]."
        )
    return samples


def median(samples: Sequence[float]) -> float:
    """Return the middle sample, or the mean of the two in the middle."""
    return percentile(samples, 0.5)


def of_median(samples: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of the median, between two of the samples.

    Whatever the distribution, n samples fall above and below its median like n coins,
    so the k-th smallest and k-th largest hold it unless fewer than k coins fall one
    way. None below six samples, where no k is enough.
    """
    samples = _numbers(samples)
    count, rank, chance = len(samples), 0, 0.0
    while (chance := chance + math.comb(count, rank) / 2**count) <= TAIL:
        rank += 1
    if not rank:
        return None
    ordered = sorted(map(float, samples))
    return ordered[rank - 1], ordered[-rank]


def bootstrap(
    parts: numpy.ndarray,
    statistic: Callable[[numpy.ndarray], numpy.ndarray],
    *,
    seed: int = 0,
) -> Interval | None:
    """Return the 95 % interval of a statistic of sums over parts drawn at random.

    parts: (parts, quantities), such as bits and bytes of each file; statistic: from
    sums (resamples, quantities) to (resamples,). The percentiles are moved outwards as
    Student's t asks for few parts (Hesterberg, section 5.3). None for a single part,
    and where no draw has a value.
    """
    count = len(parts)
    if count < 2:
        return None
    draws = numpy.random.default_rng(seed).multinomial(
        count, numpy.full(count, 1 / count), size=RESAMPLES
    )  # (resamples, parts): how often each part was drawn
    with numpy.errstate(divide="ignore", invalid="ignore"):
        values = statistic(draws @ numpy.asarray(parts, dtype=float))
    values = values[numpy.isfinite(values)]  # a draw of parts without a token has none
    if not len(values):
        return None
    reach = math.sqrt(count / (count - 1)) * student(count - 1)
    tail = NormalDist().cdf(-reach)
    low, high = numpy.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def of_share(successes: int, trials: int) -> Interval:
    """Return Wilson's 95 % interval of a share; it stays within 0 and 1."""
    if not (is_number(successes) and is_number(trials)) or not (
        0 <= successes <= trials >= 1
    ):
        raise ValueError(
            f"successes={shown(successes)} of trials={shown(trials)} is no share; "
            "there must be at least one trial, and no more successes than trials."
        )
    z = NormalDist().inv_cdf(1 - TAIL)
    share, extra = successes / trials, z * z / trials
    middle = (share + extra / 2) / (1 + extra)
    reach = z * math.sqrt(share * (1 - share) / trials + extra / trials / 4)
    reach /= 1 + extra
    return max(0.0, middle - reach), min(1.0, middle + reach)


def student(freedom: int) -> float:
    """Return Student's 97.5 % point from the normal one (Cornish and Fisher, 1938).

    Too small by 0.7 % for three degrees of freedom, by 0.1 % for five.
    """
    z = NormalDist().inv_cdf(1 - TAIL)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
