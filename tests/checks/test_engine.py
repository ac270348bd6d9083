"""The loop behind all checks: what it names, what it shows, what it lets pass."""

import dataclasses
import importlib
import pkgutil
import subprocess

import numpy
import pytest
import torch
from checks import factory

from llmlab import checks
from llmlab.checks import (
    attention_vs_rnn,
    example_source,
    measure,
    quantization,
    shown,
    values,
)
from llmlab.checks.exercise import Value
from llmlab.checks.judging import judge

WORDS = [room.name for room in pkgutil.iter_modules(checks.__path__) if room.ispkg]
ROOMS = {word: importlib.import_module(f"llmlab.checks.{word}") for word in WORDS}
ALL = [(word, name) for word, room in ROOMS.items() for name in room.EXERCISES]


@pytest.mark.parametrize("place", range(3))
def test_a_mistake_made_in_one_case_only_is_not_named(place):
    """Right but for one case: no mistake explains this."""
    calls = iter(range(99))

    def percentile(samples, share):
        right = float(numpy.quantile(samples, share))
        return sum(samples) / len(samples) if next(calls) == place else right

    text = factory.message(measure.percentile, percentile)
    assert "mean" not in text and "share * (n - 1)" in text


def test_what_is_printed_is_seen_once(capsys):
    def percentile(samples, share):
        print("here")
        return 22.0

    factory.message(measure.percentile, percentile)
    assert capsys.readouterr().out == "here\nhere\n"  # up to the case that fails


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (0.832045, 0.8320451),
        (1.0, 1.0 + 1e-12),
        (430_632_578, 430_632_577.0),
        ([1.0, 2.0], [1.0, 2.0000001]),
        (torch.tensor([0.1]), torch.tensor([0.1], dtype=torch.float64) + 1e-9),
        ("bandwidth", "bandwidth "),
        (4, "4"),
    ],
)
def test_expected_and_got_never_read_the_same(expected, got):
    assert len({*shown.pair(expected, got)}) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([30.0, 10.0], "[30.0, 10.0]"),
        ([0.5] * 101, "list of 101 numbers"),
        (torch.zeros(33), "tensor of 33 numbers"),
        (torch.zeros(3, 4), "tensor of 3 × 4 numbers"),
        (torch.tensor([0.7, -0.3]), "tensor([0.7, -0.3])"),
        (9_441_537, "9_441_537"),
        (8e9, "8e9"),
        ("text", "'text'"),
    ],
)
def test_arguments_are_short_and_readable(value, text):
    assert shown.argument(value) == text


@pytest.mark.parametrize(
    "value",
    [
        2.5,
        numpy.float32(2.5),
        torch.tensor(2.5),
        torch.tensor([[2.5]]),
        numpy.array([2.5]),
        torch.tensor(2.5, requires_grad=True),
    ],
)
def test_a_number_may_be_anybodys(value):
    assert values.read(value, 1.0, Value("it")) == 2.5


@pytest.mark.parametrize("make", [list, tuple, iter, numpy.array, torch.tensor, dict])
def test_a_list_may_be_any_container(make):
    given = make([1.0, 2.0]) if make is not dict else {1.0: 0, 2.0: 0}.keys()
    assert values.read(given, [1.0, 2.0], Value("it")) == [1.0, 2.0]


def test_float32_passes_unless_whole_numbers_are_the_point():
    assert values.alike(1.0 + 1e-6, 1.0, 1e-5)
    assert not values.alike(2.0**25 + 1, 2**25, 1e-5)


def test_only_infinity_is_as_large_as_infinity():
    inf = float("inf")
    assert values.alike(inf, inf, 1e-5) and not values.alike(-inf, inf, 1e-5)
    assert not values.alike(0.0, inf, 1e-5)
    assert not values.alike([0.0, 1.0], [inf, 1.0], 1e-5)
    masked = torch.tensor([-inf, 1.0])
    assert values.alike(masked.clone(), masked, 1e-5)
    assert not values.alike(torch.tensor([-9.0, 1.0]), masked, 1e-5)


def test_no_more_is_pulled_than_expected_and_a_few():
    pulled = []

    def token_times(tokens, clock):
        clock()
        return (pulled.append(1) or 0.5 for _ in range(10**9))

    factory.message(measure.token_times, token_times)
    assert len(pulled) <= 10 * (2 + values.MORE)


def test_parameters_are_called_by_name():
    text = factory.message(measure.step_bytes, lambda n, s, c, b, v: 0)
    assert "takes parameters, shape, cached, batch and value_bytes" in text
    assert "got (n, s, c, b, v)" in text
    more = judge(
        measure.EXERCISES["percentile"],
        lambda share, samples, method="linear": numpy.quantile(samples, share),
    )
    assert more is None  # another order, and more with a default


@pytest.mark.parametrize(
    ("room", "name", "change", "parameter"),
    [
        (measure, "percentile", "samples.sort()", "samples"),
        (measure, "generate", "prompt.append(3)", "prompt"),
        (quantization, "absmax", "row.mul_(1.5)", "row"),
        (quantization, "mixed_precision", "losses.popitem()", "losses"),
        (attention_vs_rnn, "attend", "keys.zero_()", "keys"),
    ],
)
def test_a_changed_argument_is_named(room, name, change, parameter):
    exercise = room.EXERCISES[name]
    names = ", ".join(exercise.parameters)
    given = names.replace("prompt", "[*prompt]")
    lines = f"def answer({names}):\n    result = right({given})\n    {change}\n"
    space = {"right": exercise.right}
    exec(f"{lines}    return result\n", space)
    text = factory.message(getattr(room, name), space["answer"])
    factory.three_lines(text)
    assert f"{name} leaves {parameter} as it was" in text


def test_none_in_one_place_is_not_called_nothing():
    text = factory.message(
        measure.roofline, lambda flops, moved, peak, bandwidth: (None, "compute")
    )
    assert "gives nothing back" not in text and "a number" in text


def test_right_values_in_another_order_are_called_so():
    def roofline(flops, moved, peak, bandwidth):
        return measure.EXERCISES["roofline"].right(flops, moved, peak, bandwidth)[::-1]

    text = factory.message(measure.roofline, roofline)
    assert "the right values in another order: return the least time" in text


def test_another_order_in_some_cases_only_is_not_named():
    calls = iter(range(99))

    def speedup(baseline, candidate, picks, clock):
        right = measure.EXERCISES["speedup"].right(baseline, candidate, picks, clock)
        return right[:: -1 if next(calls) else 1]

    assert "another order" not in factory.message(measure.speedup, speedup)


@pytest.mark.parametrize(("word", "name"), ALL)
def test_the_cases_of_an_exercise_are_made_once(word, name):
    exercise = ROOMS[word].EXERCISES[name]
    made = []
    counting = dataclasses.replace(
        exercise, cases=lambda: made.append(1) or exercise.cases()
    )
    assert judge(counting, exercise.right) is None
    assert judge(counting, exercise.right) is None
    assert made == [1]


def test_two_dtypes_that_meet_are_named():
    def answer_error(weight, rounded, hessian):
        return ((weight - rounded) @ hessian.double()).sum()

    text = factory.message(quantization.answer_error, answer_error)
    assert "two dtypes meet there" in text and "hessian.double()" in text


@pytest.mark.parametrize("name", ["absmax", "affine", "by_group", "straight_through"])
def test_a_value_lies_in_the_exact_middle_of_two_levels_or_far_from_it(name):
    exercise, exact = quantization.EXERCISES[name], 0
    for question in exercise.questions:
        weight, scale = question.before[0].detach().double(), None
        if name == "straight_through":
            scale = question.before[1]
        elif name == "by_group":
            scale = question.right[1].repeat_interleave(question.before[1], 1)
        else:
            scale = question.right[1]
        steps = weight / torch.as_tensor(scale).double()
        away = (steps - steps.floor() - 0.5).abs()
        exact += int((away == 0).sum())
        assert not ((away > 0) & (away < 1e-4)).any()
    assert exact >= 2


def test_nothing_at_all_is_called_so():
    text = factory.message(measure.percentile, lambda samples, share: None)
    assert "end it with `return`" in text


@pytest.mark.parametrize("level", [True, 1.0, 99, 0, None, "1"])
def test_a_level_that_is_none_is_refused_in_a_sentence(level):
    with pytest.raises(ValueError, match="choose 1, 2 or 3") as refusal:
        measure.hint("percentile", level)
    assert refusal.value._render_traceback_() == [str(refusal.value)]


@pytest.mark.parametrize("name", ["percentil", None, ["percentile"], 4])
@pytest.mark.parametrize("ask", [measure.hint, measure.example])
def test_an_exercise_that_is_not_there_lists_those_that_are(ask, name):
    with pytest.raises(ValueError, match="'step_bytes', 'roofline'"):
        ask(name)


@pytest.mark.parametrize(("word", "name"), ALL)
def test_the_formatter_leaves_an_example_as_it_is(word, name, tmp_path):
    path = tmp_path / "example.py"
    path.write_text(example_source(word, name) + "\n", encoding="utf-8")
    before = path.read_text(encoding="utf-8")
    subprocess.run(["ruff", "format", "--quiet", "--isolated", path], check=True)
    assert path.read_text(encoding="utf-8") == before


def test_the_example_of_percentile_reads_as_in_the_text():
    assert example_source("measure", "percentile") == (
        "# The example of exercise 4; your function should give the value on the "
        "right.\npercentile([30.0, 10.0, 20.0, 50.0, 40.0], 0.3)  # 22.0"
    )
