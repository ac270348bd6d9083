"""Wrong answers to the first exercises of lab 01: answer, word of the hint."""

import statistics
import time
from itertools import pairwise

import numpy
import torch
from measure import right_answers as right

# --- token_times


def started_late(tokens, clock):
    stamps = [clock() for _ in tokens]
    return 0.0, [after - before for before, after in pairwise(stamps)]


def all_pulled_first(tokens, clock):
    start = clock()
    stamps = [clock() for _ in list(tokens)]
    return stamps[0] - start, [b - a for a, b in pairwise(stamps)]


def mean_of_all(tokens, clock):
    first, later = right.times_by_stamps(tokens, clock)
    return first, sum(later) / max(1, len(later))


def with_the_end(tokens, clock):
    tokens, stamps, more = iter(tokens), [clock()], True
    while more:
        more = next(tokens, None) is not None
        stamps.append(clock())
    gaps = [b - a for a, b in pairwise(stamps)]
    return gaps[0], gaps[1:]


def until_zero(tokens, clock):
    tokens, stamps = iter(tokens), [clock()]
    next(tokens)
    stamps.append(clock())
    while next(tokens, None):
        stamps.append(clock())
    gaps = [b - a for a, b in pairwise(stamps)]
    return gaps[0], gaps[1:]


def since_the_start(tokens, clock):
    start = clock()
    stamps = [clock() - start for _ in tokens]
    return stamps[0], stamps[1:]


def own_clock(tokens, clock):
    return right.times_by_stamps(tokens, time.perf_counter)


def first_in_both(tokens, clock):
    first, later = right.times_by_stamps(tokens, clock)
    return first, [first, *later]


def moments(tokens, clock):
    stamps = [clock() for _ in tokens]
    return stamps[0], stamps[1:]


def clock_after_the_wait(tokens, clock):
    tokens, later = iter(tokens), []
    next(tokens)
    start = clock()
    first, now = clock() - start, clock()
    for _ in tokens:
        later.append(clock() - now)
        now = clock()
    return first, later


def stamps_in_float32(tokens, clock):
    stamps = torch.tensor([clock(), *(clock() for _ in tokens)])
    return stamps.diff()[0], stamps.diff()[1:]


TIMES = {
    "clock started late": (started_late, "before you ask for the first token"),
    "clock read after the wait": (clock_after_the_wait, "before you ask for the first"),
    "list of tokens first": (all_pulled_first, "pulled before"),
    "one mean": (mean_of_all, "list"),
    "the end counted": (with_the_end, "end of the stream"),
    "stops at token 0": (until_zero, "token 0"),
    "all since the start": (since_the_start, "token before"),
    "another clock": (own_clock, "clock()"),
    "first token twice": (first_in_both, "not one of the later"),
    "moments, not times": (moments, "away"),
    "stamps in float32": (stamps_in_float32, "float32"),
    "learnt by heart": (
        lambda tokens, clock: (clock() and 0.5, [0.125, 0.125, 0.25]),
        "expected",
    ),
    "only the first": (
        lambda tokens, clock: right.times_by_stamps(tokens, clock)[0],
        "2 values",
    ),
    "nothing returned": (lambda tokens, clock: None, "return"),
    "a crash": (lambda tokens, clock: len(tokens), "runs"),
    "renamed": (lambda stream, clock: (0.5, []), "by these names"),
}

# --- percentile


def sorted_in_place(samples, share):
    samples.sort()
    return right.percentile_by_hand(samples, share)


def weights_swapped(samples, share):
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below, weight = int(place), place - int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] * weight + ordered[above] * (1 - weight)


def past_the_end(samples, share):
    ordered, below = sorted(samples), int(share * len(samples))
    return (ordered[below] + ordered[below + 1]) / 2


PERCENTILE = {
    "not sorted": (
        lambda samples, share: numpy.interp(
            share * (len(samples) - 1), range(len(samples)), samples
        ),
        "sort",
    ),
    "no interpolation": (
        lambda samples, share: sorted(samples)[int(share * (len(samples) - 1))],
        "one of the samples",
    ),
    "rounded": (
        lambda samples, share: sorted(samples)[round(share * (len(samples) - 1))],
        "nearest",
    ),
    "midpoint": (
        lambda samples, share: numpy.quantile(samples, share, method="midpoint"),
        "half way",
    ),
    "without ties": (
        lambda samples, share: right.percentile_by_hand(sorted({*samples}), share),
        "not a set",
    ),
    "weights swapped": (weights_swapped, "wrong way round"),
    "n for n - 1": (
        lambda samples, share: numpy.interp(
            share * len(samples), range(len(samples)), sorted(samples)
        ),
        "n - 1",
    ),
    "n for n - 1, and no interpolation": (
        lambda samples, share: sorted(samples)[
            min(int(share * len(samples)), len(samples) - 1)
        ],
        "two things",
    ),
    "another definition": (
        lambda samples, share: numpy.quantile(samples, share, method="weibull"),
        "share * (n - 1)",
    ),
    "past the end": (past_the_end, "n - 1"),
    "from the top": (
        lambda samples, share: right.percentile_by_hand(samples, 1 - share),
        "upwards",
    ),
    "share in percent": (
        lambda samples, share: right.percentile_by_hand(samples, share / 100),
        "0 to 1",
    ),
    "magnitudes": (
        lambda samples, share: right.percentile_by_hand(map(abs, samples), share),
        "share * (n - 1)",
    ),
    "the mean": (lambda samples, share: sum(samples) / len(samples), "mean"),
    "sorted in place": (sorted_in_place, "leaves samples as it was"),
    "learnt by heart": (lambda samples, share: 22.0, "expected"),
    "printed, not returned": (lambda samples, share: print("22.0"), "return"),
    "text": (lambda samples, share: f"{statistics.median(samples)}", "a number"),
    "renamed": (lambda x, q: 0.0, "samples and share"),
    "always the median": (lambda samples, share: statistics.median(samples), "median"),
}
