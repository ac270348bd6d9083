"""What passes between the grader and a learner's process: plain data, never a pickle.

The grader sends of each right value only its kind (a tensor of this shape, a list of so
many numbers), which is what an answer is read by. Back come the values that the
learner's function gave; whether they are right is judged where no learner's code ran.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.checks import shown
from llmlab.checks.calls import Change, Outcome
from llmlab.checks.exercise import Exercise, MisfitError, Question
from llmlab.checks.feedback import Failure

TEXT = "?"  # stands for the right text, which stays with the grader
LARGEST = 2**4096  # of whole numbers; no answer is near
LONGEST = 2_000  # characters of a message


def kind(right: Any) -> Any:
    """Describe the kind of a right value, and nothing of what it is."""
    if isinstance(right, Tensor):
        return ["tensor", str(right.dtype), list(right.shape)]
    if isinstance(right, list):
        return ["list", len(right)]
    return ["text"] if isinstance(right, str) else ["number"]


def kinds(exercise: Exercise, question: Question) -> list[Any]:
    """Describe the kinds of a case's right values; a program's text comes as text."""
    if exercise.examine is not None:
        return [["text"] for _ in exercise.gives]
    return [kind(one) for one in question.right]


def blank(described: Sequence[Any]) -> Any:
    """Return a value of a kind, to read an answer by."""
    word, *rest = described
    if word == "tensor":
        return torch.zeros(rest[1], dtype=_dtype(rest[0]))
    if word == "list":
        return [0.0] * rest[0]
    return TEXT if word == "text" else 0.0


def of_outcome(outcome: Outcome, line: str = "") -> dict[str, Any]:
    """Write what came of a call. line: where the learner's code stopped."""
    written: dict[str, Any] = {"values": [_written(one) for one in outcome.values]}
    written["nothing"] = outcome.nothing
    if outcome.misfit is not None:
        misfit = outcome.misfit
        parts = (str(misfit.args[0]), misfit.expected, misfit.got, misfit.hint)
        written["misfit"] = [_short(one) for one in parts]
    if outcome.error is not None:
        name, text = type(outcome.error).__name__, shown.message(outcome.error)
        written["error"] = [_short(name), _short(text), _short(line)]
    if outcome.changed is not None:
        changed = outcome.changed
        parts = (changed.parameter, changed.before, changed.after, changed.hint)
        written["changed"] = [_short(one) for one in parts]
    return written


def outcome_of(written: Mapping[str, Any], right: tuple) -> Outcome:
    """Read what came of a call; ValueError, KeyError or TypeError where it is none."""
    misfit = error = changed = None
    if "misfit" in written:
        promise, expected, got, hint = _texts(written["misfit"], 4)
        if expected == shown.value(TEXT):
            expected = shown.value(next(one for one in right if isinstance(one, str)))
        misfit = MisfitError(promise, expected=expected, got=got, hint=hint)
    if "error" in written:
        error = StoppedThere(*_texts(written["error"], 3))
    if "changed" in written:
        changed = Change(*_texts(written["changed"], 4))
    values = tuple(_read(one) for one in written["values"])
    if not (misfit or error) and len(values) != len(right):
        raise ValueError(f"{len(values)} values came, {len(right)} were asked for")
    nothing = written["nothing"] is True
    return Outcome(values, misfit, error, nothing=nothing, changed=changed)


def of_failure(failure: Failure) -> list[str]:
    """Write why a function was not even called."""
    parts = failure.promise, failure.call, failure.expected, failure.got, failure.hint
    return [_short(one) for one in parts]


def failure_of(written: Any) -> Failure:
    """Read why a function was not even called."""
    promise, call, expected, got, hint = _texts(written, 5)
    return Failure(promise, call, expected, got, hint)


class StoppedThere(Exception):
    """An error that stopped a learner's code in its own process."""

    def __new__(cls, name: str, text: str, line: str) -> "StoppedThere":
        """Return it under the name that it had, as messages begin with it."""
        return super().__new__(type(name, (cls,), {}))

    def __init__(self, name: str, text: str, line: str):
        super().__init__(text.removeprefix(name).removeprefix(": "))
        self.line = line


def is_out_of_memory(error: BaseException) -> bool:
    """Know Python's way to say so and torch's, also of an error that came over."""
    named = type(error).__name__ in ("MemoryError", "OutOfMemoryError")
    return named or "can't allocate memory" in shown.message(error)


def _written(value: Any) -> Any:
    if isinstance(value, Tensor):
        flat = value.detach().contiguous().reshape(-1).view(torch.uint8)
        data = base64.b64encode(bytes(flat.numpy())).decode()
        return ["tensor", str(value.dtype), list(value.shape), data]
    if isinstance(value, list):
        return ["list", [_written(one) for one in value]]
    if isinstance(value, str):
        return ["written" if isinstance(value, shown.Written) else "text", value]
    if isinstance(value, int):
        return ["int", hex(max(-LARGEST, min(LARGEST, value)))]
    return ["float", float(value)]


def _read(written: Any) -> Any:
    word, *rest = written
    if word == "tensor":
        dtype, shape, data = rest
        content = bytearray(base64.b64decode(data))
        if not content and 0 in shape:
            return torch.zeros(shape, dtype=_dtype(dtype))
        return torch.frombuffer(content, dtype=_dtype(dtype)).reshape(shape)
    if word == "list":
        return [_read(one) for one in rest[0] if one[0] in ("int", "float")]
    if word in ("text", "written"):
        return shown.Written(rest[0]) if word == "written" else str(rest[0])
    return int(rest[0], 16) if word == "int" else float(rest[0])


def _dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, str(name).removeprefix("torch."))
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"{name!r} is no dtype")
    return dtype


def _texts(written: Any, count: int) -> list[str]:
    texts = [one for one in written if isinstance(one, str)]
    if len(texts) != count or len(written) != count:
        raise ValueError(f"{len(written)} parts came, {count} texts were asked for")
    return texts


def _short(text: Any) -> str:
    return str(text)[:LONGEST]
