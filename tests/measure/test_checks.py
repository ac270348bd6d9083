"""The checks of lab 01 let right answers pass, and name what is wrong in wrong ones."""

import statistics
import sys
import time
from itertools import pairwise

import numpy
import pytest
import torch

from llmlab import journal
from llmlab.checks import Todo, feedback
from llmlab.checks import measure as check
from llmlab.checks.feedback import CheckFailed

# --- right answers, two or more truly different ones for each exercise


def times_by_stamps(tokens, clock):
    stamps = [clock()]
    for _ in tokens:
        stamps.append(clock())
    gaps = [after - before for before, after in pairwise(stamps)]
    return gaps[0], gaps[1:]


def times_by_next(tokens, clock):
    tokens, now, later = iter(tokens), clock(), []
    next(tokens)
    first, now = clock() - now, clock()
    while next(tokens, None) is not None:
        later.append(clock() - now)
        now = clock()
    return first, later


def times_by_array(tokens, clock):
    stamps = numpy.array([clock(), *(clock() for _ in tokens)])
    return numpy.diff(stamps)[0], numpy.diff(stamps)[1:]


def percentile_by_hand(samples, share):
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def percentile_by_numpy(samples, share):
    return numpy.percentile(samples, 100 * share)


def percentile_by_torch(samples, share):
    return torch.tensor(samples, dtype=torch.float64).quantile(share)


def percentile_by_statistics(samples, share):
    cuts = (
        statistics.quantiles([*samples, *samples[:0]], n=1000, method="inclusive")
        if len(samples) > 1
        else samples * 999
    )
    cuts = [min(samples), *cuts, max(samples)]
    return cuts[round(share * 1000)]


def speedup_by_lists(baseline, candidate, picks):
    ratios = [slow / fast for slow, fast in zip(baseline, candidate, strict=True)]
    medians = [statistics.median(ratios[place] for place in row) for row in picks]
    ends = percentile_by_hand(medians, 0.025), percentile_by_hand(medians, 0.975)
    return statistics.median(ratios), *ends


def speedup_by_arrays(baseline, candidate, picks):
    ratios = numpy.array(baseline) / numpy.array(candidate)
    low, high = numpy.quantile(numpy.median(ratios[picks], axis=-1), [0.025, 0.975])
    return [numpy.median(ratios), low, high]


def step_at_once(parameters, shape, cached, batch, value_bytes):
    tokens = batch * (cached + 1)
    cache = tokens * shape.layers * 2 * shape.kv_heads * shape.head_width
    return (parameters + cache) * value_bytes


def step_layer_by_layer(parameters, shape, cached, batch, value_bytes):
    moved = parameters * value_bytes
    for _ in range(shape.layers):
        for _ in ("keys", "values"):
            heads = shape.kv_heads * shape.head_width
            moved += batch * heads * value_bytes * (cached + 1)
    return torch.tensor(moved)


def roofline_by_comparison(flops, moved, peak, bandwidth):
    if flops / peak > moved / bandwidth:
        return flops / peak, "compute"
    return moved / bandwidth, "bandwidth"


def roofline_by_intensity(flops, moved, peak, bandwidth):
    if flops / moved < peak / bandwidth:
        return [numpy.float64(moved / bandwidth), "bandwidth"]
    return [flops / min(peak, flops / moved * bandwidth), "compute"]


def model_by_formula(layers, width, vocabulary, context, bits):
    return (12 * layers * width**2 + (vocabulary + context) * width) * bits // 8


def model_by_matrices(layers, width, vocabulary, context, bits):
    shapes = [(width, width)] * 4 + [(width, 4 * width), (4 * width, width)]
    count = sum(rows * columns for rows, columns in shapes * layers)
    return (count + vocabulary * width + context * width) * bits / 8


RIGHT = {
    "token_times": (times_by_stamps, times_by_next, times_by_array),
    "percentile": (
        percentile_by_hand,
        percentile_by_numpy,
        percentile_by_torch,
        percentile_by_statistics,
    ),
    "speedup": (speedup_by_lists, speedup_by_arrays),
    "step_bytes": (step_at_once, step_layer_by_layer),
    "roofline": (roofline_by_comparison, roofline_by_intensity),
    "model_bytes": (model_by_formula, model_by_matrices),
}

# --- wrong answers: what the learner did -> the answer, a word of the message


def started_late(tokens, clock):
    stamps = [clock() for _ in tokens]
    return 0.0, [after - before for before, after in pairwise(stamps)]


def all_pulled_first(tokens, clock):
    start = clock()
    stamps = [clock() for _ in list(tokens)]
    return stamps[0] - start, [b - a for a, b in pairwise(stamps)]


def mean_of_all(tokens, clock):
    first, later = times_by_stamps(tokens, clock)
    return first, sum(later) / max(1, len(later))


def with_the_end(tokens, clock):
    tokens, stamps, more = iter(tokens), [clock()], True
    while more:
        more = next(tokens, None) is not None
        stamps.append(clock())
    gaps = [b - a for a, b in pairwise(stamps)]
    return gaps[0], gaps[1:]


def since_the_start(tokens, clock):
    start = clock()
    stamps = [clock() - start for _ in tokens]
    return stamps[0], stamps[1:]


def own_clock(tokens, clock):
    return times_by_stamps(tokens, time.perf_counter)


def first_in_both(tokens, clock):
    first, later = times_by_stamps(tokens, clock)
    return first, [first, *later]


def moments(tokens, clock):
    stamps = [clock() for _ in tokens]
    return stamps[0], stamps[1:]


def sorted_in_place(samples, share):
    samples.sort()
    return percentile_by_hand(samples, share)


def weights_swapped(samples, share):
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below, weight = int(place), place - int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] * weight + ordered[above] * (1 - weight)


def past_the_end(samples, share):
    ordered, below = sorted(samples), int(share * len(samples))
    return (ordered[below] + ordered[below + 1]) / 2


def ratio_of(speedup, change):
    return lambda baseline, candidate, picks: change(
        *speedup(baseline, candidate, picks)
    )


def unpaired(baseline, candidate, picks):
    middle = statistics.median(baseline) / statistics.median(candidate)
    return middle, *speedup_by_lists(baseline, candidate, picks)[1:]


def of_the_mean(baseline, candidate, picks):
    ratios = numpy.divide(baseline, candidate)
    ends = numpy.quantile(ratios[numpy.array(picks)].mean(1), [0.025, 0.975])
    return ratios.mean(), *ends


def of_the_ratios(baseline, candidate, picks):
    ratios = numpy.divide(baseline, candidate)
    return numpy.median(ratios), *numpy.quantile(ratios, [0.025, 0.975])


def down_the_columns(baseline, candidate, picks):
    ratios = numpy.divide(baseline, candidate)
    medians = numpy.median(ratios[numpy.array(picks)], axis=0)
    return numpy.median(ratios), *numpy.quantile(medians, [0.025, 0.975])


def step(parameters, shape, cached, batch, size, *, heads=None, sides=2, new=1):
    token = sides * shape.layers * (heads or shape.kv_heads) * shape.head_width * size
    return parameters * size + batch * (cached + new) * token


WRONG = {
    "token_times": {
        "clock started late": (started_late, "before you ask for the first token"),
        "list of tokens first": (all_pulled_first, "pulled before"),
        "one mean": (mean_of_all, "list"),
        "the end counted": (with_the_end, "end of the stream"),
        "all since the start": (since_the_start, "token before"),
        "another clock": (own_clock, "clock()"),
        "first token twice": (first_in_both, "not one of the later"),
        "moments, not times": (moments, "away"),
        "learnt by heart": (
            lambda t, c: (c() and 0.5, [0.125, 0.125, 0.25]),
            "expected",
        ),
        "only the first": (lambda t, c: times_by_stamps(t, c)[0], "2 values"),
        "nothing returned": (lambda t, c: None, "return"),
        "a crash": (lambda t, c: len(t), "runs"),
    },
    "percentile": {
        "not sorted": (
            lambda x, q: x[int(q * (len(x) - 1))] if len(x) < 2 else
            numpy.interp(q * (len(x) - 1), range(len(x)), x),
            "sort",
        ),
        "no interpolation": (
            lambda x, q: sorted(x)[int(q * (len(x) - 1))],
            "interpolate",
        ),
        "rounded": (lambda x, q: sorted(x)[round(q * (len(x) - 1))], "interpolate"),
        "weights swapped": (weights_swapped, "wrong way round"),
        "n for n - 1": (
            lambda x, q: numpy.interp(q * len(x), range(len(x)), sorted(x)), "n - 1",
        ),
        "past the end": (past_the_end, "expected"),
        "from the top": (lambda x, q: percentile_by_hand(x, 1 - q), "upwards"),
        "share in percent": (lambda x, q: percentile_by_hand(x, q / 100), "0 to 1"),
        "the mean": (lambda x, q: sum(x) / len(x), "mean"),
        "sorted in place": (sorted_in_place, "leaves"),
        "learnt by heart": (lambda x, q: 22.0, "expected"),
        "printed, not returned": (lambda x, q: print(end=""), "return"),
        "text": (lambda x, q: f"{percentile_by_hand(x, q)}", "number"),
        "three arguments": (lambda x, q, n: 0.0, "def"),
        "always the median": (lambda x, q: statistics.median(x), "expected"),
    },
    "speedup": {
        "upside down": (
            lambda slow, fast, picks: speedup_by_lists(fast, slow, picks),
            "upside down",
        ),
        "ratio of the medians": (unpaired, "within each round"),
        "means": (of_the_mean, "mean"),
        "ends swapped": (
            ratio_of(speedup_by_lists, lambda m, a, b: (m, b, a)),
            "before",
        ),
        "spread of the ratios": (of_the_ratios, "of their medians"),
        "columns for rows": (down_the_columns, "not of columns"),
        "the median only": (ratio_of(speedup_by_lists, lambda m, a, b: m), "3 values"),
        "no interval": (ratio_of(speedup_by_lists, lambda m, a, b: (m, m, m)), "row"),
        "learnt by heart": (lambda a, b, picks: (2.0, 1.525, 2.0), "expected"),
        "ends as text": (
            ratio_of(speedup_by_lists, lambda m, a, b: (m, str(a), str(b))), "number",
        ),
    },
    "step_bytes": {
        "new token forgotten": (lambda *a: step(*a, new=0), "cached + 1"),
        "keys only": (lambda *a: step(*a, sides=1), "a key and a value"),
        "query heads": (lambda *a: step(*a, heads=a[1].heads), "kv_heads"),
        "weights for each sequence": (
            lambda n, s, c, b, v: b * step(n, s, c, 1, v), "once for the whole batch",
        ),
        "one cache for all": (lambda n, s, c, b, v: step(n, s, c, 1, v), "own cache"),
        "one layer": (
            lambda n, s, *a: step(n, s._replace(layers=1), *a),
            "every layer",
        ),
        "values, not bytes": (
            lambda n, s, c, b, v: n * v + step(0, s, c, b, 1), "takes value_bytes",
        ),
        "no cache": (lambda n, s, c, b, v: n * v, "cache is missing"),
        "no weights": (lambda n, *a: step(0, *a), "weights are missing"),
        "learnt by heart": (lambda *a: 59_200, "expected"),
        "off by one byte": (lambda *a: step(*a) + 1, "expected"),
    },
    "roofline": {
        "the sum": (
            lambda f, m, p, w: (f / p + m / w, roofline_by_comparison(f, m, p, w)[1]),
            "not the sum",
        ),
        "the shorter": (
            lambda f, m, p, w: min((f / p, "compute"), (m / w, "bandwidth")),
            "both are",
        ),
        "upside down": (
            lambda f, m, p, w: max((p / f, "compute"), (w / m, "bandwidth")),
            "upside down",
        ),
        "crossed": (
            lambda f, m, p, w: max((f / w, "compute"), (m / p, "bandwidth")), "crossed",
        ),
        "names swapped": (
            lambda f, m, p, w: max((f / p, "bandwidth"), (m / w, "compute")), "longer",
        ),
        "another name": (
            lambda f, m, p, w: (max(f / p, m / w), "memory"),
            '"bandwidth"',
        ),
        "no name": (lambda f, m, p, w: max(f / p, m / w), "2 values"),
        "always bandwidth": (lambda f, m, p, w: (m / w, "bandwidth"), "both are"),
        "order swapped": (
            lambda *a: tuple(reversed(roofline_by_comparison(*a))), "number",
        ),
    },
    "model_bytes": {
        "parameters": (lambda *a: model_by_formula(*a[:4], 8), "bits / 8"),
        "bits": (lambda *a: 8 * model_by_formula(*a), "8 of them"),
        "narrow feed-forward": (
            lambda n, d, v, c, b: (6 * n * d * d + (v + c) * d) * b // 8, "four times",
        ),
        "one way only": (
            lambda n, d, v, c, b: (8 * n * d * d + (v + c) * d) * b // 8,
            "two matrices",
        ),
        "three matrices": (
            lambda n, d, v, c, b: (11 * n * d * d + (v + c) * d) * b // 8, "output",
        ),
        "no tables": (
            lambda n, d, v, c, b: 12 * n * d * d * b // 8,
            "tables are missing",
        ),
        "no positions": (
            lambda n, d, v, c, b: model_by_formula(n, d, v, 0, b),
            "position",
        ),
        "tables in each layer": (
            lambda n, d, v, c, b: n * (12 * d * d + (v + c) * d) * b // 8,
            "every layer",
        ),
        "one layer": (lambda n, *a: model_by_formula(1, *a), "not one"),
        "gigabytes": (lambda *a: model_by_formula(*a) / 1e9, "expected"),
        "learnt by heart": (lambda *a: 497_273_856, "expected"),
    },
}  # fmt: skip

right_answers = [(name, answer) for name in RIGHT for answer in RIGHT[name]]
wrong_answers = [(name, what) for name in WRONG for what in WRONG[name]]


@pytest.mark.parametrize(("exercise", "answer"), right_answers)
def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
    getattr(check, exercise)(answer)
    assert capsys.readouterr().out.startswith(f"✓ {exercise}")


@pytest.mark.parametrize(("exercise", "what"), wrong_answers)
def test_a_wrong_answer_is_caught_and_its_mistake_named(exercise, what):
    answer, word = WRONG[exercise][what]
    with pytest.raises(CheckFailed) as failure:
        getattr(check, exercise)(answer)
    promise, values, hint = str(failure.value).splitlines()
    assert promise.startswith("✗ ") and values.startswith("  expected ")
    assert hint.startswith("  Hint: ")
    assert word in str(failure.value)


def test_every_exercise_has_two_right_and_five_wrong_answers_and_three_hints():
    assert list(RIGHT) == list(WRONG) == list(check.HINTS)
    assert all(len(answers) >= 2 for answers in RIGHT.values())
    assert all(len(answers) >= 5 for answers in WRONG.values())
    assert all(len(levels) == feedback.LEVELS for levels in check.HINTS.values())


def test_an_exercise_that_is_not_written_says_its_one_sentence():
    def percentile(samples, share):
        raise Todo("Exercise 2: give a percentile of the samples.")

    with pytest.raises(Todo, match="Exercise 2") as stop:
        check.percentile(percentile)
    assert stop.value._render_traceback_() == [str(stop.value)]


def test_the_stub_of_a_class_without_our_settings_says_it_too():
    def percentile(samples, share):
        raise NotImplementedError

    with pytest.raises(Todo, match="percentile is not written yet"):
        check.percentile(percentile)


def leaves(samples, share):
    sys.exit(3)


def divides_by_zero(samples, share):
    return sum(samples) / (len(samples) - 5)


@pytest.mark.parametrize(
    ("answer", "line"),
    [(leaves, "sys.exit(3)"), (divides_by_zero, "return sum(samples) / (len(")],
)
def test_a_crash_shows_the_learners_line(answer, line):
    with pytest.raises(CheckFailed, match=f"{answer.__name__} runs") as failure:
        check.percentile(answer)
    assert line in str(failure.value)


def test_ctrl_c_reaches_the_learner():
    def percentile(samples, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.percentile(percentile)


@pytest.mark.parametrize("value", [None, 3, "text", [1.0]])
def test_something_that_is_no_function_is_named(value):
    with pytest.raises(CheckFailed, match="function"):
        check.percentile(value)


def test_a_value_that_cannot_be_shown_is_shown_by_its_kind():
    class Odd:
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(CheckFailed, match="a Odd"):
        check.percentile(lambda samples, share: Odd())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, [1.0, 2.0], 1j])
def test_what_is_no_finite_number_is_named(value):
    with pytest.raises(CheckFailed, match="is a number"):
        check.percentile(lambda samples, share: value)


@pytest.mark.parametrize("exercise", check.HINTS)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_hints_come_in_levels_and_the_journal_knows(exercise, level, capsys):
    journal.open("measure")
    check.hint(exercise, level=level)
    assert capsys.readouterr().out.startswith(f"Hint {level} of 3: ")
    assert [(row.exercise, row.level) for row in journal.hints.rows()] == [
        (exercise, level)
    ]


@pytest.mark.parametrize(("exercise", "level"), [("percentile", 4), ("percentil", 1)])
def test_a_hint_that_is_not_there_says_what_is(exercise, level):
    with pytest.raises(ValueError, match="choose"):
        check.hint(exercise, level=level)
