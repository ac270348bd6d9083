"""Name the mistake of an answer: the one that explains what came of every case.

Where one case fails, the others run quietly, and what they gave is compared with what
each mistake of the exercise gives there, which is worked out once.
"""

import functools
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmlab.checks import calls, shown, values
from llmlab.checks.calls import Outcome
from llmlab.checks.exercise import Exercise, MisfitError, Question
from llmlab.checks.values import StoppedError

# For the cases that run quietly; a slow answer gets the plain hint.
SECONDS = 3.0  # of the processor, whatever else the machine does
PATIENCE = 20.0  # seconds for an answer that sleeps


def is_right(exercise: Exercise, question: Question, outcome: Outcome) -> bool:
    """Say whether what came of a case is what should come."""
    expected = Outcome(question.right)
    return not outcome.changed and _alike(outcome, expected, exercise.tolerance)


def everywhere(
    exercise: Exercise,
    answer: Callable[[Question], Outcome],
    place: int,
    outcome: Outcome,
) -> list[Outcome]:
    """Return the outcomes of all cases, or none where that takes too long.

    answer: gives the outcome of a case. place, outcome: of the first that failed.
    """
    before = [question.right for question in exercise.questions[:place]]
    outcomes = [*(Outcome(right, parts=right) for right in before), outcome]
    end, late = time.process_time() + SECONDS, time.monotonic() + PATIENCE
    with calls.quietly():
        for question in exercise.questions[place + 1 :]:
            if time.process_time() > end or time.monotonic() > late:
                return []
            outcomes.append(answer(question))
    return outcomes


def named(exercise: Exercise, outcomes: Sequence[Outcome]) -> str:
    """Return the hint of the first mistake that explains all outcomes, or nothing."""
    if not outcomes or any(one.changed for one in outcomes):
        return ""
    if all(one.nothing for one in outcomes):
        return exercise.forgotten
    for hint, mistake in exercise.mistakes.items():
        ways = mistake if isinstance(mistake, tuple) else (mistake,)
        if any(_explains(exercise, way, outcomes) for way in ways):
            return hint
    return _reordered(exercise, outcomes)


def _explains(
    exercise: Exercise, mistake: Callable, outcomes: Sequence[Outcome]
) -> bool:
    pairs = zip(exercise.questions, outcomes, strict=True)
    return all(
        _alike(outcome, _made(exercise, mistake, question), exercise.tolerance)
        for question, outcome in pairs
    )


@functools.cache
def _made(exercise: Exercise, mistake: Callable, question: Question) -> Outcome:
    """Return what comes of a mistake, without the frames that it came through."""
    with calls.quietly():
        outcome = calls.of(exercise, mistake, question, named=False)
    if outcome.error is not None:
        outcome = replace(outcome, error=outcome.error.with_traceback(None))
    return outcome


def _reordered(exercise: Exercise, outcomes: Sequence[Outcome]) -> str:
    """Return a hint where the right values came back in another order."""
    count = len(exercise.gives)
    if any(len(one.parts) != count for one in outcomes):
        return ""
    orders = itertools.permutations(range(count))
    for order in itertools.islice(orders, 1, None):
        pairs = zip(exercise.questions, outcomes, strict=True)
        if all(_is_right_by(exercise, *pair, order) for pair in pairs):
            names = ", ".join(one.what for one in exercise.gives)
            return f"these are the right values in another order: return {names}."
    return ""


def _is_right_by(
    exercise: Exercise, question: Question, outcome: Outcome, order: Sequence[int]
) -> bool:
    triples = zip(order, question.right, exercise.gives, strict=True)
    try:
        return all(
            values.alike(
                values.read(outcome.parts[place], right, spec),
                right,
                exercise.tolerance,
            )
            for place, right, spec in triples
        )
    except (MisfitError, StoppedError):
        return False


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
