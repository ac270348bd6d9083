"""Exercise 7: how long a request waits, by Pollaczek and Khinchine."""

import math
import random
import statistics
from functools import partial

import numpy

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

FULL = "at a load of 1 or more the queue grows without end: float('inf')."
SQUARES = "E[S²] is the mean of the squares, which counts the spread as well."


def squares(times):
    """Return the second moment E[S²]."""
    return sum(one * one for one in times) / len(times)


def waiting_time(rate, service_times, *, moment=squares, share=None, twice=2, late=None,
                 mean=statistics.fmean, full=None):
    """Return the mean wait. The knobs each make a typical mistake.

    share: made of the load, in the denominator. full: when the queue has no end; late:
    what comes back then.
    """
    load = rate * mean(service_times)
    if load >= 1 if full is None else full(load):
        return math.inf if late is None else late
    share = share or (lambda load: 1 - load)
    return rate * moment(service_times) / (twice * share(load))


def _right(rate, service_times):
    return waiting_time(rate, service_times)


def _then(change):
    """Change the wait: change(wait, rate, times)."""
    return lambda rate, times: change(_right(rate, times), rate, times)


def _never(load):
    return False


def _load(rate, times):
    return rate * statistics.fmean(times)


def _by_load(change):
    def mistake(rate, times):
        load = _load(rate, times)
        return math.inf if load >= 1 else change(load, statistics.fmean(times))
    return mistake


def _unending(rate, times):
    """Divide as NumPy does, by 0, too."""
    with numpy.errstate(divide="ignore"):
        return float(rate * numpy.square(times).mean() / (2 * (1 - rate * numpy.mean(
            times))))


def _cases():
    yield case(0.25, [1, 3])
    yield case(0.5, [0.3, 1.9, 0.7, 0.2])
    yield case(3.0, [0.11, 0.05, 0.32, 0.07, 0.6])
    yield case(0.5, [1.5, 2.5], about=FULL)  # a load of 1
    yield case(0.7, [1.5, 2.5, 0.5], about=FULL)  # more
    yield case(0.05, [0.8])  # all alike, and hardly any load
    yield case(1.9, [0.5, 0.5, 0.5])
    dice = random.Random(0)
    times = [dice.lognormvariate(-1, 0.7) for _ in range(60)]
    for load in (0.1, 0.6, 0.95):
        yield case(round(load / statistics.fmean(times), 3), times)
    yield case(40.0, [0.012, 0.031, 0.008])


EXERCISE = Exercise(
    name="waiting_time",
    right=_right,
    gives=(Value("the wait"),),
    cases=lambda: [*_cases()],
    covers="at loads from almost none to more than there is",
    hints=(
        "First two means, of the times and of their squares; then the load.",
        "load = rate * mean. Below 1, the wait is rate * E[S²] / (2 (1 - load)).",
        "mean = sum(times) / len(times); squares = sum(t * t for t in times) / "
        "len(times); load = rate * mean; return rate * squares / (2 * (1 - load)) if "
        "load < 1 else float('inf').",
    ),
    hint="rate * mean(S²) / (2 (1 - rate * mean(S))), and float('inf') from a load of "
         "1 on.",
    mistakes={
        SQUARES: (
            partial(waiting_time, moment=statistics.pvariance),
            partial(waiting_time, moment=lambda times: (
                statistics.variance(times) if len(times) > 1 else math.nan)),
            partial(waiting_time, moment=lambda times: (
                statistics.variance(times) if len(times) > 1 else 0.0)),
        ),
        "E[S²] is the mean of the squares; here it is their sum.":
            partial(waiting_time, moment=lambda times: sum(one * one for one in times)),
        "E[S²] is the mean of the squares; here the times are not squared.":
            partial(waiting_time, moment=statistics.fmean),
        "this takes the root of E[S²]; the formula has E[S²] itself.":
            partial(waiting_time, moment=lambda times: math.sqrt(squares(times))),
        "the load is rate times the mean; here it is rate times the sum.":
            partial(waiting_time, mean=sum),
        "this is the wait for service; the service itself comes on top of it.":
            _then(lambda wait, rate, times: wait + statistics.fmean(times)),
        "this is how many wait; the time that one waits is this divided by rate.":
            _then(lambda wait, rate, times: wait * rate),
        "the factor rate is missing: the wait grows with it.":
            _then(lambda wait, rate, times: wait / rate),
        "the load belongs there in the place of 1 - load only if a server were idle "
        "all that time: divide by 1 - load.": (
            partial(waiting_time, share=lambda load: load),
        ),
        "the denominator is 2 (1 - load); here it is 2 (1 + load).":
            partial(waiting_time, share=lambda load: 1 + load),
        "1 - load is missing: the wait grows without end towards a load of 1.": (
            partial(waiting_time, share=lambda load: 1),
            partial(waiting_time, share=lambda load: load - 1),
        ),
        "the load is rate * mean, not rate / mean or mean / rate.": (
            lambda rate, times: waiting_time(
                rate, times, mean=lambda t: 1 / statistics.fmean(t)),
            lambda rate, times: waiting_time(
                rate, times, mean=lambda t: statistics.fmean(t) / rate**2),
        ),
        "the 2 is missing: on average half of a service is left.":
            partial(waiting_time, twice=1),
        "the 2 belongs to the denominator: divide by it.":
            partial(waiting_time, twice=0.5),
        "divide by all of 2 (1 - load): `/ 2 * (1 - load)` multiplies by the second.":
            partial(waiting_time, share=lambda load: 1 / (1 - load)),
        "this is M/M/1; these times have a spread of their own, E[S²] knows it.":
            _by_load(lambda load, mean: load * mean / (1 - load)),
        "the square of the mean takes all services for equal (M/D/1); E[S²] is the "
        "mean of the squares.":
            partial(waiting_time, moment=lambda times: statistics.fmean(times) ** 2),
        "a load of exactly 1 has no end either: float('inf') from 1 on.": (
            partial(waiting_time, full=lambda load: load > 1),
        ),
        FULL: (
            partial(waiting_time, full=_never), _unending,
            partial(waiting_time, full=_never, share=lambda load: max(0.0, 1 - load)),
            partial(waiting_time, full=_never, share=lambda load: max(1e-9, 1 - load)),
            partial(waiting_time, full=_never, share=lambda load: abs(1 - load)),
            partial(waiting_time, late=0.0), partial(waiting_time, late=-1.0),
            partial(waiting_time, late=math.nan),
            partial(waiting_time, late=-math.inf),
        ),
        "the rate says whether it is too much only together with the times: load >= 1.":
            (
                lambda rate, times: math.inf if rate >= 1 else waiting_time(
                    rate, times, full=_never),
                lambda rate, times: waiting_time(
                    rate, times, full=lambda load: rate >= 1),
            ),
        "milliseconds are not asked for: seconds.":
            _then(lambda wait, rate, times: 1000 * wait),
    },
)
