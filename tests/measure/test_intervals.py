"""Percentiles and intervals: what they hold, and how often."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab import measure
from llmlab.measure import intervals

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(NUMBERS, st.floats(0, 1))
def test_a_percentile_is_numpys(samples, share):
    assert measure.percentile(samples, share) == numpy.quantile(samples, share)


def test_a_percentile_lies_between_two_samples_in_proportion():
    assert measure.percentile([30.0, 10.0, 20.0, 50.0, 40.0], 0.3) == pytest.approx(22)


@pytest.mark.parametrize("samples, share", [([], 0.5), ([1.0], 95), ([1.0], -0.1)])
def test_a_percentile_of_nothing_or_beyond_the_ends_is_refused(samples, share):
    with pytest.raises(ValueError, match=r"samples|share"):
        measure.percentile(samples, share)


def ratios(draws, rounds, seed=0):
    """Return rounds with a heavy tail on both sides and the median 1."""
    dice = numpy.random.default_rng(seed)
    tails = dice.standard_t(df=1, size=(draws, rounds)) / 20
    return numpy.exp(tails.clip(-9, 9))


@pytest.mark.parametrize("rounds", [6, 7, 15, 40, 100])
def test_the_interval_of_a_median_holds_it_95_times_in_100(rounds):
    found = [intervals.of_median(row) for row in ratios(2000, rounds)]
    held = sum(low <= 1 <= high for low, high in found) / len(found)
    assert 0.94 <= held  # exact intervals of whole ranks hold more, never less
    assert rounds < 15 or held < 0.99


def test_a_mean_under_the_same_outliers_would_be_useless():
    rows = ratios(200, 40)
    errors = [abs(numpy.mean(row) - 1) for row in rows]
    widths = [high - low for low, high in map(intervals.of_median, rows)]
    assert numpy.median(widths) < 0.1 and numpy.percentile(errors, 95) > 1


@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=60))
def test_a_median_lies_in_its_interval(samples):
    low, high = intervals.of_median(samples)
    assert low <= intervals.median(samples) <= high


def test_five_rounds_give_no_interval():
    assert intervals.of_median([1.0, 2.0, 3.0, 4.0, 5.0]) is None


@pytest.mark.parametrize("parts, least", [(5, 0.88), (12, 0.91), (40, 0.92)])
def test_the_bootstrap_of_a_ratio_holds_it_about_95_times_in_100(parts, least):
    dice = numpy.random.default_rng(1)
    held = 0
    for seed in range(150):
        sizes = dice.uniform(500, 4000, parts)
        bits = sizes * dice.normal(1.5, 0.2, parts)
        table = numpy.stack([bits, sizes], axis=1)
        low, high = intervals.bootstrap(table, lambda s: s[:, 0] / s[:, 1], seed=seed)
        held += low <= 1.5 <= high
    assert least <= held / 150 <= 0.995


def test_a_bootstrap_repeats_itself():
    table = numpy.random.default_rng(0).uniform(1, 2, (20, 2))
    first, second = (intervals.bootstrap(table, lambda s: s[:, 0]) for _ in range(2))
    assert first == second


def test_one_part_alone_gives_no_interval():
    assert intervals.bootstrap(numpy.ones((1, 2)), lambda s: s[:, 0]) is None


@pytest.mark.parametrize(  # from Wilson's formula, worked by hand
    "successes, trials, low, high",
    [(0, 10, 0.0, 0.27754), (5, 10, 0.23659, 0.76341), (10, 10, 0.72246, 1.0)],
)
def test_a_share_has_wilsons_interval(successes, trials, low, high):
    assert intervals.of_share(successes, trials) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize("successes, trials", [(1, 0), (3, 2), (-1, 5)])
def test_an_impossible_share_is_refused(successes, trials):
    with pytest.raises(ValueError, match="is no share"):
        intervals.of_share(successes, trials)


@pytest.mark.parametrize("freedom, point", [(4, 2.776), (9, 2.262), (30, 2.042)])
def test_students_point_is_that_of_the_tables(freedom, point):
    assert intervals.student(freedom) == pytest.approx(point, abs=0.01)
