"""What a learner sees after running a check.

A right answer is one line with ✓. A wrong one is three lines, without a traceback: what
should hold; on which arguments, and what was expected against what came; a hint. Where
the learner's code itself stopped, `trace` shows the traceback on request.
"""

import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from llmlab.core.plain import Plain


class Todo(Plain):
    """An exercise is not written yet; the stub of every exercise raises it."""


class CheckFailed(Plain):
    """An exercise is not right yet; the message is all that the learner sees."""


class Refused(Plain, ValueError):
    """A check was asked for what it does not have; one sentence says what there is."""


@dataclass(frozen=True)
class Failure:
    """Why an answer does not pass: the parts of the three lines."""

    promise: str  # what should hold
    call: str  # the arguments of the case
    expected: str
    got: str
    hint: str
    error: BaseException | None = None  # that stopped the learner's code

    def __str__(self) -> str:
        values = f"expected {self.expected}, got {self.got}"
        lines = f"✗ {self.promise}", f"  {self.call}: {values}", f"  Hint: {self.hint}"
        return "\n".join(" ".join(line.split("\n")) for line in lines)


_last: list[tuple[Failure, Callable]] = []  # the last failure, and whose it was


def stop(failure: Failure, learner_function: Callable) -> CheckFailed:
    """Keep a failure for `trace` and return the exception that shows it."""
    _last[:] = [(failure, learner_function)]
    return CheckFailed(str(failure))


def trace() -> None:
    """Print the traceback of the last failed call, from the learner's lines on."""
    if not _last:
        print("No check has failed yet.")
        return
    failure, function = _last[-1]
    if failure.error is None:
        print(f"Nothing stopped: the function ran and gave {failure.got}.")
        return
    error = failure.error
    start = _first_step(error, function) or error.__traceback__
    lines = traceback.format_exception(type(error), error, start, chain=False)
    print("".join(lines), end="")


def line_of(error: BaseException, function: Callable | None) -> str:
    """Return the learner's line that an error came from, or nothing."""
    step, found = _first_step(error, function), ""
    name = step.tb_frame.f_code.co_filename if step else ""
    while step is not None:
        if step.tb_frame.f_code.co_filename == name:
            found = linecache.getline(name, step.tb_lineno).strip()
        step = step.tb_next
    return found


def _first_step(error: BaseException, function: Callable | None):
    """Return the first step of a traceback that lies in the learner's file."""
    code, step = getattr(function, "__code__", None), error.__traceback__
    while step is not None and code is not None:
        if step.tb_frame.f_code.co_filename == code.co_filename:
            return step
        step = step.tb_next
    return None
