"""Wrong answers to the later exercises of lab 01: answer, word of the hint."""

import statistics
from dataclasses import replace

import numpy
import torch
from measure import right_answers as right
from measure.wrong_answers import PERCENTILE, TIMES
from measure.wrong_decoding import CACHED, GENERATE

# --- speedup


def timed(baseline, candidate, rounds, clock):
    times = []
    for _ in range(rounds):
        for work in (baseline, candidate):
            start = clock()
            work()
            times.append(clock() - start)
    return numpy.array(times[::2]), numpy.array(times[1::2])


def made_of(change, rounds=lambda picks: len(picks[0])):
    """Return an answer that makes something else of the rounds."""

    def speedup(baseline, candidate, picks, clock):
        return change(*timed(baseline, candidate, rounds(picks), clock), picks)

    return speedup


def interval(slow, fast, picks, middle=numpy.median, ends=(0.025, 0.975)):
    ratios = slow / fast
    return middle(ratios), *numpy.quantile(middle(ratios[numpy.array(picks)], 1), ends)


def of_medians(slow, fast, picks):
    middle = statistics.median(slow) / statistics.median(fast)
    return middle, *interval(slow, fast, picks)[1:]


def first_one_then_the_other(baseline, candidate, picks, clock):
    times = []
    for work in (baseline, candidate):
        for _ in picks[0]:
            start = clock()
            work()
            times.append(clock() - start)
    half = len(times) // 2
    return interval(numpy.array(times[:half]), numpy.array(times[half:]), picks)


def warmed_up(baseline, candidate, picks, clock):
    baseline(), candidate()
    return right.speedup_by_lists(baseline, candidate, picks, clock)


def both_together(baseline, candidate, picks, clock):
    ratios = []
    for _ in picks[0]:
        start = clock()
        baseline()
        candidate()
        both = clock() - start
        ratios.append(both / both)
    return interval(numpy.array(ratios), numpy.ones(len(ratios)), picks)


SPEEDUP = {
    "upside down": (made_of(lambda a, b, picks: interval(b, a, picks)), "upside down"),
    "ratio of the medians": (made_of(of_medians), "within each round"),
    "means": (made_of(lambda *a: interval(*a, middle=numpy.mean)), "not the mean"),
    "ends swapped": (
        made_of(lambda *a: interval(*a, ends=(0.975, 0.025))),
        "low comes before high",
    ),
    "90 %": (made_of(lambda *a: interval(*a, ends=(0.05, 0.95))), "0.025 and 0.975"),
    "spread of the ratios": (
        made_of(lambda a, b, picks: numpy.quantile(a / b, [0.5, 0.025, 0.975])),
        "of their medians",
    ),
    "columns for rows": (
        made_of(lambda a, b, picks: interval(a, b, numpy.transpose(picks))),
        "not of columns",
    ),
    "the median only": (made_of(lambda *a: interval(*a)[0]), "3 values"),
    "no interval": (made_of(lambda *a: [interval(*a)[0]] * 3), "its own median"),
    "a row lost": (made_of(lambda a, b, picks: interval(a, b, picks[1:])), "first one"),
    "as many rounds as rows": (made_of(interval, rounds=len), "len(picks[0])"),
    "one after the other": (first_one_then_the_other, "one right after the other"),
    "warmed up": (warmed_up, "no warm-up"),
    "timed together": (both_together, "expected"),
    "learnt by heart": (
        lambda baseline, candidate, picks, clock: (2.0, 1.5375, 2.925),
        "expected",
    ),
    "ends as text": (
        made_of(lambda *a: (interval(*a)[0], *map(str, interval(*a)[1:]))),
        "a number",
    ),
    "never called": (
        lambda baseline, candidate, picks, clock: baseline / candidate,
        "runs",
    ),
}

# --- step_bytes


def step(parameters, shape, cached, batch, size, *, heads=None, sides=2, new=1):
    heads = shape.kv_heads if heads is None else heads
    token = sides * shape.layers * heads * shape.head_width * size
    return parameters * size + batch * (cached + new) * token


def counted(change):
    def step_bytes(parameters, shape, cached, batch, value_bytes):
        return change(parameters, shape, cached, batch, value_bytes)

    return step_bytes


STEP_BYTES = {
    "sizes as items": (
        lambda parameters, shape, cached, batch, value_bytes: shape["layers"],
        "is an attribute",
    ),
    "new token forgotten": (counted(lambda *a: step(*a, new=0)), "cached + 1"),
    "keys only": (counted(lambda *a: step(*a, sides=1)), "a key and a value"),
    "query heads": (counted(lambda *a: step(*a, heads=a[1].heads)), "fewer than heads"),
    "kv_heads forgotten": (
        counted(lambda *a: step(*a, heads=1)),
        "kv_heads is missing",
    ),
    "weights for each sequence": (
        counted(lambda n, s, c, b, v: b * step(n, s, c, 1, v)),
        "once for the whole batch",
    ),
    "one cache for all": (
        counted(lambda n, s, c, b, v: step(n, s, c, 1, v)),
        "own cache",
    ),
    "the larger of two": (
        counted(lambda n, s, *a: max(step(n, s, 0, 0, a[-1]), step(0, s, *a))),
        "both are read",
    ),
    "one layer": (
        counted(lambda n, s, *a: step(n, replace(s, layers=1), *a)),
        "every layer",
    ),
    "values, not bytes": (
        counted(lambda n, s, c, b, v: n * v + step(0, s, c, b, 1)),
        "takes value_bytes too",
    ),
    "a cache in 2 bytes": (
        counted(lambda n, s, c, b, v: n * v + step(0, s, c, b, 2)),
        "not always 2",
    ),
    "no cache": (counted(lambda n, s, c, b, v: n * v), "cache is missing"),
    "no weights": (counted(lambda n, *a: step(0, *a)), "weights are missing"),
    "learnt by heart": (counted(lambda *a: 68_800), "expected"),
    "off by one byte": (counted(lambda *a: step(*a) + 1), "68,801"),
    "in float32": (
        counted(lambda n, *a: torch.tensor(float(step(n, *a)))),
        "7 digits",
    ),
    "renamed": (lambda n, shape, cached, batch, size: 0, "by these names"),
}

# --- roofline


def bounded(change):
    def roofline(flops, moved, peak, bandwidth):
        return change(flops, moved, peak, bandwidth)

    return roofline


ROOFLINE = {
    "the sum": (
        bounded(
            lambda f, m, p, w: (f / p + m / w, right.roofline_by_dict(f, m, p, w)[1])
        ),
        "not the sum",
    ),
    "the shorter": (
        bounded(lambda f, m, p, w: min((f / p, "compute"), (m / w, "bandwidth"))),
        "both are",
    ),
    "upside down": (
        bounded(
            lambda f, m, p, w: max((p / f if f else 0, "compute"), (w / m, "bandwidth"))
        ),
        "expected",
    ),
    "crossed": (
        bounded(lambda f, m, p, w: max((f / w, "compute"), (m / p, "bandwidth"))),
        "crossed",
    ),
    "names swapped": (
        bounded(lambda f, m, p, w: max((f / p, "bandwidth"), (m / w, "compute"))),
        "longer",
    ),
    "whole seconds": (
        bounded(lambda f, m, p, w: max((f // p, "compute"), (m // w, "bandwidth"))),
        "`//`",
    ),
    "the name first": (
        bounded(lambda f, m, p, w: right.roofline_by_comparison(f, m, p, w)[::-1]),
        "in another order",
    ),
    "another name": (
        bounded(lambda f, m, p, w: (max(f / p, m / w), "memory")),
        '"bandwidth"',
    ),
    "no name": (bounded(lambda f, m, p, w: max(f / p, m / w)), "2 values"),
    "no name but None": (bounded(lambda f, m, p, w: (m / w, None)), "in quotes"),
    "always bandwidth": (bounded(lambda f, m, p, w: (m / w, "bandwidth")), "compare"),
    "order swapped": (
        bounded(lambda *a: tuple(reversed(right.roofline_by_dict(*a)))),
        "a number",
    ),
}

WRONG = {
    "generate": GENERATE,
    "token_times": TIMES,
    "generate_cached": CACHED,
    "percentile": PERCENTILE,
    "speedup": SPEEDUP,
    "step_bytes": STEP_BYTES,
    "roofline": ROOFLINE,
}
