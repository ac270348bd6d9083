"""Checks for labs/01_measure.ipynb, one function per exercise.

Each begins with the worked example of the text and goes on to seeded random cases. A
table of mistakes says what typical wrong answers give, so that a hint can name them.
"""

import random
from collections import namedtuple
from collections.abc import Callable

import numpy

from llmlab.checks import report
from llmlab.checks.clock import Clock
from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = {  # exercise -> three levels, shown by check.hint("percentile", level=1)
    "token_times": (
        "Look at the clock once before you ask for a token, and once after each one.",
        "With these looks in a list, a time is one look minus the one before it.",
        "stamps = [clock()], then `for _ in tokens: stamps.append(clock())`.",
    ),
    "percentile": (
        "Sort a copy. Which place in it would the value have, counted from 0?",
        "The place is share * (n - 1). It often lies between two neighbours.",
        "ordered[below] * (1 - weight) + ordered[below + 1] * weight; mind the end.",
    ),
    "speedup": (
        "One ratio for each round. All the rest is done with these ratios.",
        "A row of picks says which ratios to take. Each row gives one median.",
        "percentile(ratios, 0.5), then percentile(medians, 0.025) and (…, 0.975).",
    ),
    "step_bytes": (
        "Two things are read: every weight, and what attention looks back at.",
        "A token leaves a key and a value in each layer; the new one sees itself too.",
        "2 * layers * kv_heads * head_width numbers for each of cached + 1 tokens.",
    ),
    "roofline": (
        "How long would the arithmetic take alone, and how long the reading alone?",
        "flops / peak and moved / bandwidth, both in seconds. They overlap.",
        'Return the longer of the two, with its name: "compute" or "bandwidth".',
    ),
    "model_bytes": (
        "Count the numbers in one layer, then in all, then add the two tables.",
        "Attention has four matrices of width², the feed-forward part two of 4 width².",
        "layers * 12 * width**2 + (vocabulary + context) * width; bits / 8 bytes each.",
    ),
}


def hint(exercise: str, *, level: int = 1) -> None:
    """Show a hint of an exercise: level 1 nudges, level 3 almost says it."""
    report.hint(HINTS, exercise, level)


_TIMES = Exercise(
    right=lambda waits: (waits[0], waits[1:]),
    gives=("the time to first token", "the times of the later tokens"),
    hint="each time counts from the token before it, the first from the start.",
    tolerance=1e-6,  # the clock stands at 1000 seconds
    mistakes={
        "start the clock before you ask for the first token.": lambda w: (0.0, w[1:]),
        "take the time at the start away from it.": lambda w: (1000.0 + w[0], []),
        "all tokens were pulled before the first look at the clock.":
            lambda w: (sum(w) + 8.0, [0.0] * len(w[1:])),
        "the first token is not one of the later ones.": lambda w: (w[0], w),
        "the end of the stream is not a token.": lambda w: (w[0], [*w[1:], 8.0]),
        "count from the token before, not from the first one.":
            lambda w: (w[0], list(numpy.cumsum(w[1:]))),
        "count from the token before, not from the start.":
            lambda w: (w[0], list(numpy.cumsum(w)[1:])),
        "take the earlier look from the later one.":
            lambda w: (-w[0], [-wait for wait in w[1:]]),
    },
)


def token_times(learner_function: Callable) -> None:
    """Exercise 1. Times of a stream of tokens: (tokens, clock) -> (seconds, list)."""
    dice = random.Random(0)
    cases = [[0.5, 0.125, 0.125, 0.25]]  # the example in the text comes first
    cases += [[dice.uniform(0.01, 2.0) for _ in range(n)] for n in (1, 2, 5, 40)]
    for waits in cases:
        clock = Clock()
        answer = report.run(learner_function, clock.stream(waits), clock)
        if answer is not None and not clock.looks:
            hint = "read the time by calling `clock()`, the one that is handed in."
            report.fail("the clock is read", expected="looks", got="none", hint=hint)
        _TIMES.compare(answer, waits)
    print("✓ token_times: 5 streams, every first token and every later one")


def _at(values: list[float], place: float, *, turned: bool = False) -> float:
    """Read a list at a place that may lie between two of its items."""
    below = int(place)
    weight = 1 - (place - below) if turned else place - below
    above = values[min(below + 1, len(values) - 1)]
    return values[below] * (1 - weight) + above * weight


_PERCENTILE = Exercise(
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
    _PERCENTILE.run(learner_function, [30.0, 10.0, 20.0, 50.0, 40.0], 0.3)
    for count in (1, 2, 3, 10, 101):
        samples = [dice.lognormvariate(0.0, 1.0) for _ in range(count)]
        for share in (0.0, 0.025, 0.5, 0.61, 0.95, 1.0):
            _PERCENTILE.run(learner_function, samples, share)
    print("✓ percentile: 31 cases, from one sample to a hundred and one")


def _paired(baseline, candidate, picks, *, low=0.025, high=0.975, middle=numpy.median):
    ratios = numpy.divide(baseline, candidate)
    ends = numpy.quantile(middle(ratios[numpy.array(picks)], axis=1), [low, high])
    return float(middle(ratios)), float(ends[0]), float(ends[1])


_SPEEDUP = Exercise(
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
    _SPEEDUP.run(learner_function, [4.0, 6.0, 9.0], [2.0, 2.0, 6.0], picks)
    for rounds in (1, 2, 5, 12):
        weather = [dice.uniform(1.0, 5.0) for _ in range(rounds)]
        baseline = [now * dice.uniform(1.5, 2.5) for now in weather]
        candidate = [now * dice.uniform(0.8, 1.2) for now in weather]
        picks = [dice.choices(range(rounds), k=rounds) for _ in range(60)]
        _SPEEDUP.run(learner_function, baseline, candidate, picks)
    print("✓ speedup: 5 comparisons, the median and both ends of the interval")


_Shape = namedtuple("DecoderConfig", "layers heads kv_heads head_width")


def _step(parameters, shape, cached, batch, value_bytes):
    token = 2 * shape.layers * shape.kv_heads * shape.head_width * value_bytes
    return parameters * value_bytes + batch * (cached + 1) * token


_STEP = Exercise(
    right=_step,
    gives=("the bytes of the step",),
    hint="the weights once, and the keys and values of every token of each sequence.",
    tolerance=0.0,
    mistakes={
        "the new token attends to itself too: cached + 1.":
            lambda n, shape, cached, b, size: _step(n, shape, cached - 1, b, size),
        "a token leaves a key and a value: twice as much cache.":
            lambda n, s, *rest: _step(n, s._replace(layers=s.layers / 2), *rest),
        "the cache holds kv_heads, which are fewer than heads.":
            lambda n, s, *rest: _step(n, s._replace(kv_heads=s.heads), *rest),
        "every layer has its own keys and values.":
            lambda n, s, *rest: _step(n, s._replace(layers=1), *rest),
        "the weights are read once for the whole batch.":
            lambda n, shape, cached, b, size: b * _step(n, shape, cached, 1, size),
        "each sequence of the batch has its own cache.":
            lambda n, shape, cached, b, size: _step(n, shape, cached, 1, size),
        "a number in the cache takes value_bytes too.":
            lambda n, *rest: n * rest[-1] + _step(0, *rest[:-1], 1),
        "a parameter takes value_bytes.": lambda n, *rest: n + _step(0, *rest),
        "the weights are missing.": lambda n, *rest: _step(0, *rest),
        "the cache is missing.": lambda n, *rest: n * rest[-1],
    },
)


def step_bytes(learner_function: Callable) -> None:
    """Exercise 4. Bytes that a decode step moves, from sizes alone."""
    dice = random.Random(0)
    _STEP.run(learner_function, 10_000, _Shape(3, 6, 2, 8), 9, 5, 4)
    for cached in (0, 1, 77, 1000):
        kv_heads = dice.randint(2, 4)
        shape = _Shape(dice.randint(3, 9), 3 * kv_heads, kv_heads, dice.randint(5, 64))
        for batch, size in ((1, 4), (7, 2)):
            count = dice.randint(9, 9999)
            _STEP.run(learner_function, count, shape, cached, batch, size)
    print("✓ step_bytes: 9 steps, to the byte")


def _bound(flops, moved, peak, bandwidth):
    return max((flops / peak, "compute"), (moved / bandwidth, "bandwidth"))


_ROOFLINE = Exercise(
    right=_bound,
    gives=("the least time of the step", "the name of its bound"),
    hint='the longer of flops / peak ("compute") and moved / bandwidth ("bandwidth").',
    mistakes={
        "the two overlap: take the longer one, not the sum.":
            lambda flops, moved, peak, width: flops / peak + moved / width,
        "the step is not done before both are: take the longer one.":
            lambda flops, moved, peak, width: min(flops / peak, moved / width),
        "upside down: work divided by speed gives seconds.":
            lambda flops, moved, peak, width: max(peak / flops, width / moved),
        "crossed: FLOPs belong to the peak, bytes to the bandwidth.":
            lambda flops, moved, peak, width: max(flops / width, moved / peak),
        "the name belongs to the longer time.":
            lambda *work: (0.0, *{"compute", "bandwidth"} - {_bound(*work)[1]}),
    },
)


def roofline(learner_function: Callable) -> None:
    """Exercise 5. The bound of a step: (flops, moved, peak, bandwidth) -> (s, name)."""
    dice = random.Random(0)
    _ROOFLINE.run(learner_function, 8e9, 4e9, 2e11, 4e10)  # the example in the text
    for lean in (1e-3, 0.2, 0.9, 1.1, 5.0, 1e3):  # below 1 the arithmetic is short
        peak, bandwidth = dice.uniform(1e10, 1e14), dice.uniform(1e9, 4e12)
        moved = dice.uniform(1e6, 1e11)
        flops = lean * moved * peak / bandwidth
        _ROOFLINE.run(learner_function, flops, moved, peak, bandwidth)
    print("✓ roofline: 7 steps, the time and the name of what bounds it")


def _gpt(layers, width, vocabulary, context, bits, *, square=12, copies=1):
    tables = copies * (vocabulary + context) * width
    return (layers * square * width**2 + tables) * bits / 8


_MODEL = Exercise(
    right=_gpt,
    gives=("the bytes of the model",),
    hint="12 × width² numbers in a layer, and two tables for the whole model.",
    tolerance=0.0,
    mistakes={
        "these are parameters; each takes bits / 8 bytes.": lambda *a: _gpt(*a[:4], 8),
        "these are bits; 8 of them make a byte.": lambda *a: 8 * _gpt(*a),
        "the feed-forward part is four times as wide as the model.":
            lambda *a: _gpt(*a, square=6),
        "the feed-forward part has two matrices, there and back.":
            lambda *a: _gpt(*a, square=8),
        "attention has four matrices: query, key, value and output.":
            lambda *a: _gpt(*a, square=11),
        "the two tables are missing.": lambda *a: _gpt(*a, copies=0),
        "the table of positions is missing.": lambda *a: _gpt(*a[:3], 0, a[4]),
        "the table of words is missing.": lambda *a: _gpt(*a[:2], 0, *a[3:]),
        "the tables stand once in the model, not in every layer.":
            lambda *a: _gpt(*a, copies=a[0]),
        "there are `layers` layers, not one.": lambda *a: _gpt(1, *a[1:]),
    },
)


def model_bytes(learner_function: Callable) -> None:
    """Exercise 6. Bytes of a GPT's weights, from its configuration alone."""
    dice = random.Random(0)
    _MODEL.run(learner_function, 12, 768, 50_257, 1024, 32)  # GPT-2, as in the text
    for bits in (4, 8, 16, 32, 64):
        layers, width = dice.randint(2, 99), 64 * dice.randint(2, 200)
        vocabulary, context = dice.randint(1000, 99_999), dice.randint(100, 9000)
        _MODEL.run(learner_function, layers, width, vocabulary, context, bits)
    print("✓ model_bytes: 6 configurations, to the byte")
