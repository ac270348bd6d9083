"""Judge a learner's function: the one loop that runs the cases of every exercise.

Where a case fails, the failure is shown with the hint of the mistake that explains
every case (`llmlab.checks.mistakes`), if there is one.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from llmlab.checks import calls, feedback, mistakes, shown, values
from llmlab.checks.calls import Outcome
from llmlab.checks.exercise import Exercise, Question, Value, as_it_is
from llmlab.checks.feedback import Failure

# What PyTorch says of tensors that do not go together.
DTYPES = re.compile(r"same dtype|expected scalar type|did not match|dtypes? mismatch")
DTYPE = "two dtypes meet there; make new tensors like those given: dtype=x.dtype."


def judge(exercise: Exercise, function: Callable) -> Failure | None:
    """Return why a function does not pass, or None.

    `Todo` comes out where the function is not written yet.
    """
    failure = calls.misnamed(exercise, function)
    if failure is not None:
        return failure

    def answer(question: Question) -> Outcome:
        return calls.of(exercise, function, question, named=True)

    return judge_outcomes(exercise, answer, function)


def judge_outcomes(
    exercise: Exercise,
    answer: Callable[[Question], Outcome],
    function: Callable | None = None,
) -> Failure | None:
    """Return why what came of the cases does not pass, or None.

    answer: gives the outcome of a case, wherever the function was called. function:
    finds the learner's own line in a traceback.
    """
    for place, question in enumerate(exercise.questions):
        outcome = answer(question)
        if not mistakes.is_right(exercise, question, outcome):
            outcomes = mistakes.everywhere(exercise, answer, place, outcome)
            failure = _failure(exercise, function, question, outcome)
            hint = mistakes.named(exercise, outcomes) or failure.hint
            return replace(failure, hint=hint)
    return None


def _failure(
    exercise: Exercise,
    function: Callable | None,
    question: Question,
    outcome: Outcome,
) -> Failure:
    """Return the three lines on one case, with the plain hint."""
    name, one, expected = exercise.name, question.case, question.right
    call = one.told or shown.call(name, exercise.parameters, question.before)
    if outcome.error is not None:
        line = feedback.line_of(outcome.error, function)
        where = f"it stopped at `{line}`; " if line else ""
        more = DTYPE if DTYPES.search(shown.message(outcome.error)) else one.about
        whole = len(expected) > 1 and exercise.observe is as_it_is
        result = expected if whole else expected[0]
        return Failure(
            f"{name} runs",
            call,
            shown.value(result),
            shown.message(outcome.error),
            f"{where}`check.trace()` shows how it got there. {more}".strip(),
            outcome.error,
        )
    if outcome.changed is not None:
        change = outcome.changed
        promise = f"{name} leaves {change.parameter} as it was"
        return Failure(promise, call, change.before, change.after, change.hint)
    if outcome.misfit is not None:
        misfit = outcome.misfit
        hint = one.about or misfit.hint
        return Failure(misfit.promise, call, misfit.expected, misfit.got, hint)
    for got, right, spec in zip(outcome.values, expected, exercise.gives, strict=True):
        if not values.alike(got, right, exercise.tolerance):
            texts = _difference(got, right, exercise.tolerance)
            return Failure(
                _promise(name, spec), call, *texts, one.about or exercise.hint
            )
    raise AssertionError("the outcome is right")


def _promise(name: str, spec: Value) -> str:
    return spec.promise or f"{name} gives {spec.what}"


def _difference(got: Any, right: Any, tolerance: float) -> tuple[str, str]:
    """Return what was expected and what came, where the two differ first."""
    if isinstance(right, Tensor):
        if got.shape != right.shape:
            return f"the shape {tuple(right.shape)}", f"the shape {tuple(got.shape)}"
        size = right.numel()
    elif isinstance(right, list):
        size = max(len(got), len(right))
        if size > shown.FEW and len(got) != len(right):
            more = " or more" if len(got) >= len(right) + values.MORE else ""
            return f"{len(right)} values", f"{len(got)}{more}"
    else:
        return shown.pair(right, got)
    if size <= shown.FEW:
        return shown.pair(right, got)
    (place,) = values.apart(got, right, tolerance)
    entries = [shown.places(one) for one in (right, got)]
    for step in place:
        entries = [one[step] for one in entries]
    expected, came = shown.pair(*entries)
    return f"{expected} at {list(place)}", came
