"""Call a learner's function on a case, and keep whatever comes of it as an outcome."""

import contextlib
import inspect
import io
import numbers
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.checks import shown, values
from llmlab.checks.exercise import Case, Exercise, MisfitError
from llmlab.checks.feedback import Failure, Plain, Todo


@dataclass(frozen=True)
class Change:
    """An argument that a function changed: its parameter, before and after."""

    parameter: str
    before: str
    after: str


@dataclass(frozen=True)
class Outcome:
    """What came of a call: values, or why there are none."""

    values: tuple = ()
    misfit: MisfitError | None = None
    error: BaseException | None = None
    nothing: bool = False  # None came back
    changed: Change | None = None  # an argument that is not as it was


def of(exercise: Exercise, function: Callable, one: Case, *, named: bool) -> Outcome:
    """Call a function on fresh arguments, by name or by place, and read its answer.

    Whatever the function raises is part of the outcome, but for the stub's `Todo` and
    for Ctrl-C.
    """
    arguments, right = one.build(), exercise.expected(one)
    keywords = dict(zip(exercise.parameters, arguments, strict=True))
    answer = None
    try:
        with torch.enable_grad():
            answer = function(**keywords) if named else function(*arguments)
        if answer is None:
            return Outcome(misfit=_nothing(exercise), nothing=True)
        seen = exercise.observe(answer, *arguments)
        parts = values.unpack(seen, exercise.gives, exercise.name)
        pairs = zip(parts, right, exercise.gives, strict=True)
        read = tuple(values.read(*triple) for triple in pairs)
    except Plain:
        raise
    except NotImplementedError as error:
        if not named or str(error):
            return Outcome(error=error)
        # nbgrader's own stub, where ours was not set up
        raise Todo(f"{exercise.name} is not written yet.") from None
    except MisfitError as misfit:
        return Outcome(misfit=misfit, changed=_changed(exercise, one, arguments))
    except values.StoppedError as stopped:
        return Outcome(error=stopped.__cause__)
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        return Outcome(error=error)
    finally:
        if inspect.iscoroutine(answer):
            answer.close()
    return Outcome(read, changed=_changed(exercise, one, arguments))


def misnamed(exercise: Exercise, function: Any) -> Failure | None:
    """Return what is wrong with a function before it is called, or None."""
    names, name = exercise.parameters, exercise.name
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    if not callable(function):
        return Failure(
            f"{name} is a function",
            f"check.{name}",
            "a function",
            shown.value(function),
            "run the cell of the exercise again; another line took its name.",
        )
    try:
        signature = inspect.signature(function)
        signature.bind(**dict.fromkeys(names))
    except TypeError:
        return Failure(
            f"{name} takes {listed}, by these names",
            name,
            f"({', '.join(names)})",
            _named(function),
            "leave the line that starts with `def` as it was; later cells call it by "
            "these names.",
        )
    except ValueError:  # a function written in C may not tell its arguments
        pass
    return None


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Let nothing that is printed be seen."""
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        yield


def _nothing(exercise: Exercise) -> MisfitError:
    what = " and ".join(one.what for one in exercise.gives)
    promise = f"{exercise.name} gives something back"
    return MisfitError(promise, expected=what, got="None", hint=exercise.hint)


def _named(function: Callable) -> str:
    try:
        return f"({', '.join(inspect.signature(function).parameters)})"
    except (TypeError, ValueError):
        return "something else"


def _changed(exercise: Exercise, one: Case, after: tuple) -> Change | None:
    before = one.build()
    for name, old, new in zip(exercise.parameters, before, after, strict=True):
        try:
            same = _same(old, new)
        except Exception:  # what cannot be compared any more has been changed
            same = False
        if not same:
            texts = shown.argument(old), shown.argument(new)
            if texts[0] == texts[1]:
                texts = f"{name} as it was", "other values in it"
            return Change(name, *texts)
    return None


def _same(before: Any, after: Any) -> bool:
    """Compare an argument with what it was; only plain containers can be changed."""
    if isinstance(before, Tensor):
        alike = before.shape == after.shape and before.dtype == after.dtype
        return alike and torch.equal(before.nan_to_num(), after.detach().nan_to_num())
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, Mapping):
        return [*before] == [*after] and all(
            _same(row, after[key]) for key, row in before.items()
        )
    return (
        not isinstance(before, numbers.Number | str)
        or before is after
        or (type(before) is type(after) and before == after)
    )
