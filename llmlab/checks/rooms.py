"""The face of a lab's checks, made from the one list of its exercises."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmlab import journal
from llmlab.checks import examples, feedback
from llmlab.checks.exercise import Exercise, known
from llmlab.checks.feedback import Refused
from llmlab.checks.judging import judge
from llmlab.core import faces


def of(
    room: str,
    names: Sequence[str],
    *,
    second: Sequence[str] = (),
    parts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the names of a lab's checks: functions, hint, example, trace, `__all__`.

    room: its `__name__`; names: of the exercises in the order of the text, each of
    which has a module with its `EXERCISE`. second: those of the word's second notebook,
    which counts from 1 again. parts: what the examples are written with.
    """
    notebooks = tuple(
        {name: importlib.import_module(f"{room}.{name}").EXERCISE for name in listed}
        for listed in (names, second)
        if listed
    )
    exercises = {name: one for part in notebooks for name, one in part.items()}
    shown = {
        **{name: _check(exercise) for name, exercise in exercises.items()},
        **(parts or {}),
        "EXERCISES": exercises,
        "NOTEBOOKS": notebooks,
        "hint": _hints(exercises),
        "example": _examples(notebooks),
        "trace": feedback.trace,
    }
    public = [*shown]
    get, names_shown = faces.of(room, public)
    return shown | {"__all__": public, "__getattr__": get, "__dir__": names_shown}


def _check(exercise: Exercise) -> Callable[[Callable], None]:
    def check(learner_function: Callable) -> None:
        if reason := exercise.absent():
            print(f"{exercise.name} is not checked here: {reason}")
            return
        failure = judge(exercise, learner_function)
        if failure is not None:
            raise feedback.stop(failure, learner_function) from None
        count = len(exercise.questions)
        print(f"✓ {exercise.name}: {count} cases, {exercise.covers}")

    check.__name__ = check.__qualname__ = exercise.name
    check.__doc__ = f"Check {exercise.name}({', '.join(exercise.parameters)})."
    return check


def _hints(exercises: Mapping[str, Exercise]) -> Callable[..., None]:
    def hint(exercise: str, level: int = 1) -> None:
        """Show a hint of an exercise, from 1 (a nudge) to 3; the journal notes it.

        Refused, a ValueError: an exercise of another lab, a level that is not 1, 2, 3.
        """
        hints = known(exercises, exercise).hints
        if type(level) is not int or level not in range(1, len(hints) + 1):
            raise Refused(f"level={level!r} is not a hint; choose 1, 2 or 3.")
        print(f"Hint {level} of {len(hints)}: {hints[level - 1]}")
        journal.hint_used(exercise, level)

    return hint


def _examples(notebooks: Sequence[Mapping[str, Exercise]]) -> Callable[[str], None]:
    def example(exercise: str) -> None:
        """Print the worked example of an exercise, to be pasted and tried."""
        print(examples.source_of(notebooks, exercise))

    return example
