"""What a learner sees after running a check.

A right answer is one line with ✓. A wrong one is three lines, without a traceback:
what should hold, what was expected against what came, and a hint that names the
mistake. `run` calls the learner's function, `fail` says what is wrong, `hint` shows
the three hints of an exercise. How an answer is compared stands in `compare`.
"""

import copy
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import torch

from llmlab import journal
from llmlab.core.plain import Plain

LEVELS = 3  # hints per exercise: a nudge, the rule, almost the code
FORGOTTEN = "the function gives nothing back: end it with `return`."


class Todo(Plain):
    """An exercise is not written yet; the stub of every exercise raises it."""


class CheckFailed(Plain):
    """An exercise is not right yet; the message is all that the learner sees."""


def fail(promise: str, *, expected: object, got: object, hint: str) -> NoReturn:
    """Stop with the three lines. Text is shown as it is, other values as one line."""
    if got is None:
        hint = FORGOTTEN
    expected, got = _one_line(expected), _one_line(got)
    raise CheckFailed(f"✗ {promise}\n  expected {expected}, got {got}\n  Hint: {hint}")


def run(function: Callable, *arguments: Any) -> Any:
    """Call the learner's function on copies and turn whatever goes wrong into lines.

    Lists, tuples, dicts and tensors are copied, and must be afterwards as they were
    before: an answer is something new. The stub's `Todo` passes through, and Ctrl-C.
    """
    name = _name(function, len(arguments))
    copies = [_copy(argument) for argument in arguments]
    try:
        answer = function(*copies)
    except Plain:
        raise
    except NotImplementedError:  # nbgrader's own stub, where ours was not set up
        raise Todo(f"{name} is not written yet.") from None
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        line = _line(error, function)
        text = f"{type(error).__name__}: {error}"
        hint = f"it stopped at `{line}`." if line else "run it on one example."
        fail(f"{name} runs", expected="a result", got=text, hint=hint)
    for before, after in zip(arguments, copies, strict=True):
        if not _same(before, after):
            hint = (
                "work on something new: `sorted(x)` gives a new list, `x.sort()` not."
            )
            promise = f"{name} leaves what it is given as it was"
            fail(promise, expected=before, got=after, hint=hint)
    return answer


def hint(table: Mapping[str, Sequence[str]], exercise: str, level: int = 1) -> None:
    """Print one hint of an exercise, from 1 (a nudge) to 3, and note it in the journal.

    ValueError: an exercise that is not in the table, or a level that is not 1, 2 or 3.
    """
    if exercise not in table:
        raise ValueError(
            f"exercise={exercise!r} is not in this lab; choose one of {list(table)}."
        )
    if level not in range(1, LEVELS + 1):
        raise ValueError(f"level={level!r} is not a hint; choose 1, 2 or {LEVELS}.")
    print(f"Hint {level} of {LEVELS}: {table[exercise][level - 1]}")
    journal.hint_used(exercise, level)


def _one_line(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, torch.Tensor) and value.numel() > 4:
        return f"a {value.dtype} tensor of shape {tuple(value.shape)}"
    if inspect.isgenerator(value):
        return "a generator"
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # a learner's class may break its own repr
        text = f"a {type(value).__name__}"
    line = " ".join(text.split())
    return line if len(line) <= 70 else line[:69] + "…"


def _copy(argument: Any) -> Any:
    if isinstance(argument, torch.Tensor):
        return argument.clone()
    plain = isinstance(argument, list | tuple | dict)
    return copy.deepcopy(argument) if plain else argument


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, torch.Tensor):
        alike = before.shape == after.shape and before.dtype == after.dtype
        return alike and torch.allclose(before, after, rtol=0, atol=0, equal_nan=True)
    if isinstance(before, list | tuple | dict):
        pairs = before.items() if isinstance(before, dict) else enumerate(before)
        return len(before) == len(after) and all(
            _same(value, after[key]) for key, value in pairs
        )
    return before is after or before == after


def _name(function: object, count: int) -> str:
    """Return the function's name, once it is sure that it takes `count` arguments."""
    if not callable(function):
        hint = "run the cell of the exercise again; another line took its name."
        fail(
            "the exercise is a function", expected="a function", got=function, hint=hint
        )
    name = getattr(function, "__name__", "your function")
    try:
        signature = inspect.signature(function)
        signature.bind(*range(count))
    except TypeError:
        hint = "leave the line that starts with `def` as it was."
        fail(
            f"{name} takes {count} arguments", expected=count, got=signature, hint=hint
        )
    except ValueError:  # a function written in C may not tell its arguments
        pass
    return name


def _line(error: BaseException, function: Callable) -> str:
    """Return the learner's own line where the error came up, or nothing."""
    code = getattr(function, "__code__", None)
    step, found = error.__traceback__, ""
    while step is not None and code is not None:
        if step.tb_frame.f_code.co_filename == code.co_filename:
            found = linecache.getline(code.co_filename, step.tb_lineno).strip()
        step = step.tb_next
    return found
