"""Judge a learner's function: the one loop that runs the cases of every exercise.

A mistake is named only if it explains every case: where one fails, the others run
quietly, and what they gave is compared with what each mistake gives.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from llmlab.checks import calls, feedback, shown, values
from llmlab.checks.calls import Outcome
from llmlab.checks.exercise import Case, Exercise, Value, as_it_is
from llmlab.checks.feedback import Failure

SECONDS = 3.0  # for the cases that run quietly; a slow answer gets the plain hint
FORGOTTEN = "the function gives nothing back: end it with `return`."
COPIES = {
    list: "`sorted(x)` and `[*x, more]` make a new list; `x.sort()` and `x.append()` "
    "change the one that was given.",
    Tensor: "`x = x * 2` makes a new tensor; `x *= 2` and `x.mul_(2)` change this one.",
    dict: "`dict(x)` is a copy to work on.",
}


def judge(exercise: Exercise, function: Callable) -> Failure | None:
    """Return why a function does not pass, or None.

    `Todo` comes out where the function is not written yet.
    """
    failure = calls.misnamed(exercise, function)
    if failure is not None:
        return failure
    cases = exercise.cases()
    for place, one in enumerate(cases):
        outcome = calls.of(exercise, function, one, named=True)
        if not _right(exercise, one, outcome):
            outcomes = _everywhere(exercise, function, cases, place, outcome)
            failure = _failure(exercise, function, one, outcome)
            return replace(failure, hint=_hint(exercise, cases, outcomes, failure))
    return None


def _right(exercise: Exercise, one: Case, outcome: Outcome) -> bool:
    expected = Outcome(exercise.expected(one))
    return not outcome.changed and _alike(outcome, expected, exercise.tolerance)


def _alike(one: Outcome, other: Outcome, tolerance: float) -> bool:
    if one.error or other.error:
        return _same_error(one.error, other.error)
    if one.misfit or other.misfit:
        told = [(m.expected, m.got) for m in (one.misfit, other.misfit) if m]
        return len(told) == 2 and told[0] == told[1]
    pairs = zip(one.values, other.values, strict=True)
    return all(values.alike(*pair, tolerance) for pair in pairs)


def _same_error(one: BaseException | None, other: BaseException | None) -> bool:
    if one is None or other is None:
        return False
    return shown.message(one) == shown.message(other)


def _everywhere(
    exercise: Exercise,
    function: Callable,
    cases: Sequence[Case],
    place: int,
    outcome: Outcome,
) -> list[Outcome]:
    """Return the outcomes of all cases, or none where that takes too long."""
    before = [Outcome(exercise.expected(one)) for one in cases[:place]]
    outcomes, end = [*before, outcome], time.monotonic() + SECONDS
    with calls.quietly():
        for one in cases[place + 1 :]:
            if time.monotonic() > end:
                return []
            outcomes.append(calls.of(exercise, function, one, named=True))
    return outcomes


def _hint(
    exercise: Exercise,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    failure: Failure,
) -> str:
    """Return the hint of the first mistake that explains all, else the failure's."""
    if any(one.changed for one in outcomes):
        return failure.hint
    if outcomes and all(one.nothing for one in outcomes):
        return FORGOTTEN
    for hint, mistake in exercise.mistakes.items():
        ways = mistake if isinstance(mistake, tuple) else (mistake,)
        if outcomes and any(_explains(exercise, w, cases, outcomes) for w in ways):
            return hint
    return failure.hint


def _explains(
    exercise: Exercise,
    mistake: Callable,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
) -> bool:
    with calls.quietly():
        return all(
            _alike(
                outcome,
                calls.of(exercise, mistake, one, named=False),
                exercise.tolerance,
            )
            for one, outcome in zip(cases, outcomes, strict=True)
        )


def _failure(
    exercise: Exercise, function: Callable, one: Case, outcome: Outcome
) -> Failure:
    """Return the three lines on one case, with the plain hint."""
    name, expected = exercise.name, exercise.expected(one)
    call = shown.call(name, exercise.parameters, one.build())
    if outcome.error is not None:
        line = feedback.line_of(outcome.error, function)
        where = f"it stopped at `{line}`; " if line else ""
        about = f" {one.about}" if one.about else ""
        whole = len(expected) > 1 and exercise.observe is as_it_is
        result = expected if whole else expected[0]
        return Failure(
            f"{name} runs",
            call,
            shown.value(result),
            shown.message(outcome.error),
            f"{where}`check.trace()` shows how it got there.{about}",
            outcome.error,
        )
    if outcome.changed is not None:
        change = outcome.changed
        place = exercise.parameters.index(change.parameter)
        kind = next((k for k in COPIES if isinstance(one.build()[place], k)), list)
        promise = f"{name} leaves {change.parameter} as it was"
        return Failure(promise, call, change.before, change.after, COPIES[kind])
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
