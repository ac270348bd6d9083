"""Whatever a learner's function gives or raises, a check ends in its three lines."""

import contextlib
import importlib
import io
import pkgutil
import warnings

import pytest
from checks import factory, hostile

import llmlab
from llmlab import checks
from llmlab.checks import CheckFailed, Todo, feedback, shown
from llmlab.checks import measure as check
from llmlab.core import plain

EXERCISES = [
    (word, name)
    for word in (m.name for m in pkgutil.iter_modules(checks.__path__) if m.ispkg)
    for name in importlib.import_module(f"llmlab.checks.{word}").EXERCISES
]
any_exercise = pytest.mark.parametrize(("word", "name"), EXERCISES)


def lines(word, name, answer):
    """Return what a learner sees where every call gives or raises the same."""
    room = importlib.import_module(f"llmlab.checks.{word}")
    names = ", ".join(room.EXERCISES[name].parameters)
    function = eval(f"lambda {names}: answer()", {"answer": answer})
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        text = factory.message(getattr(room, name), function)
        feedback.trace()
    return text


@any_exercise
def test_every_value_ends_in_three_lines(word, name):
    for what, answer in hostile.VALUES.items():
        text = lines(word, name, answer)
        factory.three_lines(text)
        assert len(text) < 2_000, what


@any_exercise
def test_every_way_to_stop_ends_in_three_lines(word, name):
    for what, answer in hostile.STOPS.items():
        text = lines(word, name, answer)
        factory.three_lines(text)
        assert f"{name} runs" in text, what


def test_there_are_enough_hostile_values():
    assert len(hostile.VALUES) >= 40 and len(hostile.STOPS) >= 10
    assert {word for word, _ in EXERCISES} <= {*llmlab.WORDS}


def percentile(samples, share):
    return sum(samples) / (len(samples) - 5)


def test_a_crash_shows_the_learners_line_and_on_request_its_traceback(capsys):
    text = factory.message(check.percentile, percentile)
    assert "it stopped at `return sum(samples) / (len(samples) - 5)`" in text
    assert "ZeroDivisionError: " in text
    shown = factory.traced(capsys)
    assert "Traceback" in shown and "in percentile" in shown
    assert "llmlab/checks" not in shown


def test_a_trace_of_what_did_not_stop_says_so(capsys):
    factory.message(check.percentile, lambda samples, share: 3)
    assert "Nothing stopped" in factory.traced(capsys)


def test_a_message_of_pytorch_is_wrapped_and_not_cut():
    import torch

    def attend(queries, keys, values):
        return queries @ keys

    from llmlab.checks import attention_vs_rnn

    with pytest.raises(CheckFailed) as failure:
        attention_vs_rnn.attend(attend)
    with pytest.raises(RuntimeError) as error:
        torch.ones(3, 4) @ torch.ones(3, 4)
    assert str(error.value) in str(failure.value)
    page = failure.value._render_traceback_()
    assert all(len(line) <= plain.WIDTH for line in page) and len(page) > 3


def test_a_list_in_itself_is_shown_as_deep():
    endless = []
    endless.append(endless)
    assert shown.value(endless) == "a list of lists, more than 6 deep"
    assert shown.value([[[1]], ()]) == "[[[1]], ()]"


def test_ctrl_c_reaches_the_learner():
    def percentile(samples, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.percentile(percentile)


@pytest.mark.parametrize("value", [None, 3, "text", [1.0]])
def test_something_that_is_no_function_is_named(value):
    text = factory.message(check.percentile, value)
    factory.three_lines(text)
    assert "a function" in text


def test_an_exercise_that_is_not_written_says_its_one_sentence():
    def percentile(samples, share):
        raise Todo("Exercise 4: give a percentile of the samples.")

    with pytest.raises(Todo, match="Exercise 4") as stop:
        check.percentile(percentile)
    assert stop.value._render_traceback_() == [str(stop.value)]


def test_a_generator_that_is_not_written_says_it_too():
    def generate(model, prompt, max_tokens):
        raise Todo("Exercise 1: decode.")
        yield

    with pytest.raises(Todo, match="Exercise 1"):
        check.generate(generate)


def test_the_stub_of_a_class_without_our_settings_says_it_too():
    def percentile(samples, share):
        raise NotImplementedError

    with pytest.raises(Todo, match="percentile is not written yet"):
        check.percentile(percentile)
