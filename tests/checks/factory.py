"""The tests that the checks of every lab have to pass, made from its answers.

RIGHT: exercise -> answers that are right, truly different ones. WRONG: exercise ->
what the learner did -> the answer and a word of the message. A lab's test file says

    globals().update(factory.tests(check, RIGHT, WRONG))
"""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest

from llmlab import journal
from llmlab.checks import CheckFailed, feedback
from llmlab.checks.judging import judge

Right = Mapping[str, Sequence[Callable]]
Wrong = Mapping[str, Mapping[str, tuple[Callable, str]]]
LEAST_RIGHT, LEAST_WRONG = 4, 6


def part(room: ModuleType, names: Sequence[str]) -> ModuleType:
    """Return a room of checks with these exercises only: those of one notebook."""
    made = ModuleType(room.__name__)
    made.__dict__.update(vars(room))
    made.__dict__["EXERCISES"] = {name: room.EXERCISES[name] for name in names}
    return made


def by_name(room: ModuleType, table: Mapping[str, Any]) -> dict[str, Any]:
    """Let answers that take their arguments by place be called with the names."""
    return {
        name: {
            what: (_named(room.EXERCISES[name].parameters, answer), word)
            for what, (answer, word) in row.items()
        }
        for name, row in table.items()
    }


def _named(parameters: Sequence[str], answer: Callable) -> Callable:
    names = ", ".join(parameters)
    return eval(f"lambda {names}: answer({names})", {"answer": answer})


def message(check: Callable, answer: Callable) -> str:
    """Return what a learner sees of a wrong answer; fail where it passes."""
    with pytest.raises(CheckFailed) as failure:
        check(answer)
    return str(failure.value)


def three_lines(text: str) -> None:
    """Assert that a message is a promise, values and a hint."""
    promise, values, hint = text.splitlines()
    assert promise.startswith("✗ ") and len(promise) >= 10
    assert values.startswith("  ") and ": expected " in values and ", got " in values
    assert hint.startswith("  Hint: ") and len(hint) > 20
    assert "Traceback" not in text


def tests(room: ModuleType, right: Right, wrong: Wrong) -> dict[str, Callable]:
    """Return the tests of a lab's checks by name."""
    made = (
        _right_answers(room, right),
        _wrong_answers(room, wrong),
        _reference(room),
        _enough(room, right, wrong),
        _mistakes(room),
        _hints(room),
        _examples_of(room),
    )
    return {test.__name__: test for test in made}


def _right_answers(room: ModuleType, right: Right) -> Callable:
    pairs = [(name, answer) for name in right for answer in right[name]]
    names = [f"{name}-{answer.__name__}" for name, answer in pairs]

    @pytest.mark.parametrize(("exercise", "answer"), pairs, ids=names)
    def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
        getattr(room, exercise)(answer)
        assert capsys.readouterr().out.startswith(f"✓ {exercise}: ")

    return test_right_answers_pass_however_they_are_written


def _wrong_answers(room: ModuleType, wrong: Wrong) -> Callable:
    pairs = [(name, what) for name in wrong for what in wrong[name]]

    @pytest.mark.parametrize(("exercise", "what"), pairs)
    def test_a_wrong_answer_is_caught_and_its_mistake_named(exercise, what):
        answer, word = wrong[exercise][what]
        text = message(getattr(room, exercise), answer)
        three_lines(text)
        assert word in text

    return test_a_wrong_answer_is_caught_and_its_mistake_named


def _reference(room: ModuleType) -> Callable:
    @pytest.mark.parametrize("exercise", room.EXERCISES)
    def test_the_right_answer_of_the_check_itself_passes(exercise):
        one = room.EXERCISES[exercise]
        assert judge(one, one.right) is None

    return test_the_right_answer_of_the_check_itself_passes


def _enough(room: ModuleType, right: Right, wrong: Wrong) -> Callable:
    def test_every_exercise_has_enough_answers_and_three_hints():
        assert list(right) == list(wrong) == list(room.EXERCISES)
        assert all(len(answers) >= LEAST_RIGHT for answers in right.values())
        assert all(len(answers) >= LEAST_WRONG for answers in wrong.values())
        for one in room.EXERCISES.values():
            assert len(set(one.hints)) == 3

    return test_every_exercise_has_enough_answers_and_three_hints


def _mistakes(room: ModuleType) -> Callable:
    pairs = [(name, hint) for name, e in room.EXERCISES.items() for hint in e.mistakes]

    @pytest.mark.parametrize(("exercise", "hint"), pairs)
    def test_a_mistake_of_the_table_is_named_as_itself(exercise, hint):
        one = room.EXERCISES[exercise]
        listed = one.mistakes[hint]
        for mistake in listed if isinstance(listed, tuple) else (listed,):
            answer = _named(one.parameters, mistake)
            assert judge(one, answer).hint == hint

    return test_a_mistake_of_the_table_is_named_as_itself


def _hints(room: ModuleType) -> Callable:
    word = room.__name__.rpartition(".")[2]

    @pytest.mark.parametrize("exercise", room.EXERCISES)
    @pytest.mark.parametrize("level", [1, 2, 3])
    def test_hints_come_in_levels_and_the_journal_knows(exercise, level, capsys):
        journal.open(word)
        room.hint(exercise, level)
        assert capsys.readouterr().out.startswith(f"Hint {level} of 3: ")
        assert [(row.exercise, row.level) for row in journal.hints.rows()] == [
            (exercise, level)
        ]

    return test_hints_come_in_levels_and_the_journal_knows


def _examples_of(room: ModuleType) -> Callable:
    @pytest.mark.parametrize("exercise", room.EXERCISES)
    def test_the_example_runs_as_it_is_pasted_and_fits_the_page(exercise, capsys):
        import numpy
        import torch

        room.example(exercise)
        source = capsys.readouterr().out
        assert source.startswith("# The example of exercise ")
        assert all(len(line) <= 80 for line in source.splitlines())
        right = room.EXERCISES[exercise].right
        space = {"check": room, "np": numpy, "torch": torch, exercise: right}
        space[exercise.title().replace("_", "")] = right  # the name of a class
        exec(source, space)

    return test_the_example_runs_as_it_is_pasted_and_fits_the_page


def traced(capsys) -> str:
    """Return what `check.trace()` prints."""
    capsys.readouterr()
    feedback.trace()
    return capsys.readouterr().out
