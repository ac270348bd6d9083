"""Errors that are the answer, and parameters that an answer writes."""

import dataclasses

import pytest

from llmlab.checks.exercise import Case, Exercise, Raised, Value, case
from llmlab.checks.judging import judge


def half(numbers, total):
    if not total:
        raise ValueError("nothing to divide by")
    numbers[:] = [one / total for one in numbers]
    return sum(numbers) / 2


def observed(answer, numbers, total):
    return "an error" if isinstance(answer, Raised) else f"{answer}", numbers


HALF = Exercise(
    name="half",
    right=half,
    gives=(Value("what comes"), Value("the numbers")),
    cases=lambda: [case([2, 3], 4), Case(lambda: ([1], 0), refuses=ValueError)],
    covers="one that is refused",
    hints=("a", "b", "c"),
    hint="half of the sum.",
    mistakes={},
    observe=observed,
    writes=("numbers",),
)


def test_an_error_can_be_the_answer_and_a_parameter_may_be_written():
    assert judge(HALF, half) is None


def test_who_does_not_refuse_is_told_what_came():
    failure = judge(HALF, lambda numbers, total: half(numbers, total or 1))
    assert (failure.expected, failure.got) == ("'an error'", "'0.5'")


def divided(numbers, total):
    numbers[:] = [one / total for one in numbers]
    return sum(numbers) / 2


def strict(numbers, total):
    raise ValueError("never")


@pytest.mark.parametrize(
    ("answer", "message"),
    [(divided, "ZeroDivisionError: division by zero"), (strict, "ValueError: never")],
)
def test_another_error_or_one_where_none_is_asked_for_is_shown(answer, message):
    assert judge(HALF, answer).got == message


def test_an_error_that_is_returned_is_not_raised():
    def returned(numbers, total):
        return half(numbers, total) if total else ValueError("nothing to divide by")

    assert judge(HALF, returned).expected == "'an error'"


def test_what_is_not_to_be_written_stays_as_it_was():
    kept = dataclasses.replace(HALF, writes=())
    assert judge(kept, half).promise == "half leaves numbers as it was"
