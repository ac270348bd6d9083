"""Exercise 5: a paired speed-up with its interval."""

import random

import numpy

from llmlab.checks.exercise import Case, Exercise, Value
from llmlab.checks.measure.clock import Clock

# A mistake stands in one line or two, as in a table.
# fmt: off


def speedup(baseline, candidate, picks, clock):
    """Return the median ratio and both ends of its interval."""
    slow, fast = _rounds(baseline, candidate, len(picks[0]), clock)
    return _interval(slow, fast, picks)


def _rounds(baseline, candidate, rounds, clock):
    """Time both in turn; return the seconds of one and of the other."""
    stamps = [clock()]
    for _ in range(rounds):
        for work in (baseline, candidate):
            work()
            stamps.append(clock())
    times = numpy.diff(stamps)
    return times[::2], times[1::2]


def _interval(slow, fast, picks, *, ends=(0.025, 0.975), middle=numpy.median):
    ratios = numpy.divide(slow, fast)
    low, high = numpy.quantile(middle(ratios[numpy.array(picks)], axis=1), ends)
    return float(middle(ratios)), float(low), float(high)


def _with(change):
    """Return the mistake of making something else of the times of the rounds."""
    def mistake(baseline, candidate, picks, clock):
        times = _rounds(baseline, candidate, len(picks[0]), clock)
        return change(*times, picks)

    return mistake


def _one_after_the_other(baseline, candidate, picks, clock):
    times = []
    for work in (baseline, candidate):
        stamps = [clock()]
        for _ in picks[0]:
            work()
            stamps.append(clock())
        times.append(numpy.diff(stamps))
    return _interval(times[0], times[1], picks)


def _warmed_up(baseline, candidate, picks, clock):
    baseline()
    candidate()
    return speedup(baseline, candidate, picks, clock)


def _as_many_as_rows(baseline, candidate, picks, clock):
    times = _rounds(baseline, candidate, len(picks), clock)
    return _interval(times[0], times[1], picks)


def _unpaired(slow, fast, picks):
    rows = numpy.array(picks)
    medians = numpy.median(slow[rows], axis=1) / numpy.median(fast[rows], axis=1)
    ends = numpy.quantile(medians, [0.025, 0.975])
    return numpy.median(slow) / numpy.median(fast), *ends


def _of_ratios(slow, fast, picks):
    return tuple(numpy.quantile(numpy.divide(slow, fast), [0.5, 0.025, 0.975]))


def _standing(slow, fast, picks):
    middle, _, _ = _interval(slow, fast, picks)
    return middle, middle, middle


def _case(slow, fast, picks, weather=(1.0,), setup=""):
    def build():
        clock = Clock(weather)
        return clock.work(slow), clock.work(fast), [[*row] for row in picks], clock

    return Case(build, setup, {"clock": "clock"} if setup else {})


def _cases():
    dice = random.Random(0)
    picks = [[0, 1, 2], [0, 0, 1], [2, 2, 2], [1, 1, 2]]
    setup = "clock = check.clock()"
    yield _case([4.0, 6.0, 9.0], [2.0, 2.0, 6.0], picks, setup=setup)
    for rounds in (1, 2, 5, 12):
        weather = [dice.uniform(1.0, 5.0) for _ in range(rounds)]
        slow = [dice.uniform(1.5, 2.5) for _ in range(rounds)]
        fast = [dice.uniform(0.8, 1.2) for _ in range(rounds)]
        picks = [dice.choices(range(rounds), k=rounds) for _ in range(60)]
        yield _case(slow, fast, picks, weather)


EXERCISE = Exercise(
    name="speedup",
    right=speedup,
    gives=(Value("the median ratio"), Value("the low end"), Value("the high end")),
    cases=lambda: [*_cases()],
    covers="of one round to twelve, the median and both ends of the interval",
    hints=(
        "One ratio for each round. All the rest is done with these ratios.",
        "A row of picks says which ratios to take. Each row gives one median.",
        "percentile(ratios, 0.5), then percentile(medians, 0.025) and (…, 0.975).",
    ),
    hint="a ratio per round, the median of each row of picks, two percentiles of them.",
    mistakes={
        "upside down: how many times faster is baseline / candidate.":
            _with(lambda slow, fast, picks: _interval(fast, slow, picks)),
        "call both in each round, one right after the other.": _one_after_the_other,
        "the first call counts too: no warm-up here.": _warmed_up,
        "4 rounds were run; a row of picks is 3 long, so run 3, len(picks[0]).":
            _as_many_as_rows,
        "take the ratio within each round first, then the median.": _with(_unpaired),
        "take the ratio within each round first, for the median as for its ends.":
            _with(lambda *a: (_unpaired(*a)[0], *_interval(*a)[1:])),
        "take the median, not the mean: one bad round moves a mean.":
            _with(lambda *a: _interval(*a, middle=numpy.mean)),
        "low comes before high.":
            _with(lambda *a: _interval(*a, ends=(0.975, 0.025))),
        "of a 95 % interval 2.5 % lie outside at each end: 0.025 and 0.975.":
            _with(lambda *a: _interval(*a, ends=(0.05, 0.95))),
        "the ends are those of all medians: the smallest and the largest go too far.":
            _with(lambda *a: _interval(*a, ends=(0.0, 1.0))),
        "a row of picks is one draw; take the medians of rows, not of columns.":
            _with(lambda slow, fast, picks:
                      _interval(slow, fast, numpy.transpose(picks))),
        "these are percentiles of the ratios; take those of their medians.":
            _with(_of_ratios),
        "each row of picks has its own median; the ends come from all of these.":
            _with(_standing),
        "every row of picks counts, the last one too.":
            _with(lambda slow, fast, picks: _interval(slow, fast, picks[:-1])),
        "every row of picks counts, the first one too.":
            _with(lambda slow, fast, picks: _interval(slow, fast, picks[1:])),
    },
)
