"""Call a learner's function on a case, and keep whatever comes of it as an outcome."""

import contextlib
import inspect
import io
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from llmlab.checks import shown, values
from llmlab.checks.exercise import Exercise, MisfitError, Question, seen
from llmlab.checks.feedback import Failure, Plain, Todo

COPIES = {
    list: "`sorted(x)` and `[*x, more]` make a new list; `x.sort()` and `x.append()` "
    "change the one that was given.",
    Tensor: "`x = x * 2` makes a new tensor; `x *= 2` and `x.mul_(2)` change this one.",
    dict: "`dict(x)` is a copy to work on.",
    numpy.ndarray: "`x.copy()` is an array to work on; `x[1:] = …` and `x += 1` change "
    "the one that was given.",
}
GRADIENT = "ask a copy for gradients: x.detach().clone().requires_grad_(True)."


@dataclass(frozen=True)
class Change:
    """An argument that a function changed: its parameter, before and after, why not."""

    parameter: str
    before: str
    after: str
    hint: str


@dataclass(frozen=True)
class Outcome:
    """What came of a call: values, or why there are none."""

    values: tuple = ()
    misfit: MisfitError | None = None
    error: BaseException | None = None
    parts: tuple = ()  # what the values were read from, where the answer is compared
    nothing: bool = False  # None came back
    changed: Change | None = None  # an argument that is not as it was


def of(
    exercise: Exercise, function: Callable, question: Question, *, named: bool
) -> Outcome:
    """Call a function on fresh arguments, by name or by place, and read its answer.

    Whatever the function raises is part of the outcome, but for the stub's `Todo` and
    for Ctrl-C.
    """
    arguments = question.case.build()
    keywords = dict(zip(exercise.parameters, arguments, strict=True))
    answer, parts = None, ()
    try:
        with torch.enable_grad():
            if named:
                answer = question.case.answer(function, **keywords)
            else:
                answer = question.case.answer(function, *arguments)
        if answer is None and not exercise.none:
            return Outcome(misfit=_nothing(exercise), nothing=True)
        looked = seen(exercise, answer, question.case, arguments)
        given = values.unpack(looked, exercise.gives, exercise.name)
        parts = given if looked is answer else ()
        triples = zip(given, question.right, exercise.gives, strict=True)
        read = tuple(values.read(*triple) for triple in triples)
    except Plain:
        raise
    except NotImplementedError as error:
        if not named or str(error):
            return Outcome(error=error)
        # nbgrader's own stub, where ours was not set up
        raise Todo(f"{exercise.name} is not written yet.") from None
    except MisfitError as misfit:
        changed = _changed(exercise, question, arguments)
        return Outcome(misfit=misfit, parts=parts, changed=changed)
    except values.StoppedError as stopped:
        return Outcome(error=stopped.__cause__)
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        return Outcome(error=error)
    finally:
        if inspect.iscoroutine(answer):
            answer.close()
    changed = _changed(exercise, question, arguments)
    return Outcome(read, parts=parts, changed=changed)


def misnamed(exercise: Exercise, function: Any) -> Failure | None:
    """Return what is wrong with a function before it is called, or None."""
    names, name = exercise.parameters, exercise.name
    promise = f"{name} takes {_listed(names)}"
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
            promise,
            name,
            f"({', '.join(names)})",
            _named(function),
            "leave the line that starts with `def` as it was; later cells call it "
            + ("by these names." if names else "so."),
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


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "nothing in its parentheses"
    return f"{', '.join(names[:-1])} and {names[-1]}, by these names"


def _named(function: Callable) -> str:
    try:
        return f"({', '.join(inspect.signature(function).parameters)})"
    except (TypeError, ValueError):
        return "something else"


def _changed(exercise: Exercise, question: Question, after: tuple) -> Change | None:
    triples = zip(exercise.parameters, question.before, after, strict=True)
    for name, old, new in triples:
        if name in exercise.writes:
            continue
        try:
            same = _same(old, new)
        except Exception:  # what cannot be compared any more has been changed
            same = False
        if not same:
            kind = next((one for one in COPIES if isinstance(old, one)), list)
            texts = shown.argument(old), shown.argument(new)
            if texts[0] == texts[1]:
                texts = f"{name} as it was", "other values in it"
            return Change(name, *texts, COPIES[kind])
        if isinstance(old, Tensor) and _asked(new) != _asked(old):
            return Change(name, f"{name} as it was", _asked(new), GRADIENT)
    return None


def _asked(tensor: Tensor) -> str:
    """Say whether gradients are asked of a tensor, and whether it holds one."""
    held = (
        " with a gradient in it" if tensor.is_leaf and tensor.grad is not None else ""
    )
    return f"requires_grad={tensor.requires_grad}{held}"


def _same(before: Any, after: Any) -> bool:
    """Compare an argument with what it was; only plain containers can be changed."""
    if isinstance(before, Tensor):
        alike = before.shape == after.shape and before.dtype == after.dtype
        return alike and torch.equal(before.nan_to_num(), after.detach().nan_to_num())
    if isinstance(before, numpy.ndarray):
        alike = before.shape == after.shape and before.dtype == after.dtype
        return alike and numpy.array_equal(before, after)
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
