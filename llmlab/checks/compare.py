"""Compare a learner's answer with the right one, and name the mistake in a wrong one.

An `Exercise` holds the right answer as a function, and typical mistakes as functions
of the same arguments. Every value that comes back is compared. Where one differs, it
is compared with what each mistake would have given: the first that fits is the hint.
"""

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from llmlab.checks import feedback


@dataclass(frozen=True)
class Exercise:
    """What an answer is compared with.

    right returns one value, or a tuple of them: a number, a name, a list of numbers, a
    tensor. gives says what each is, in the words of the text. mistakes maps a hint to
    the function that makes this mistake; hint is shown when none of them fits.
    """

    right: Callable[..., Any]
    gives: tuple[str, ...]
    hint: str
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    tolerance: float = 1e-9  # relative

    def run(self, learner_function: Callable, *arguments: Any) -> None:
        """Run the learner's function on one case and compare all that it returns."""
        self.compare(feedback.run(learner_function, *arguments), *arguments)

    def compare(self, answer: object, *arguments: Any) -> None:
        """Compare an answer with the right one for these arguments."""
        right = _tuple(self.right(*arguments))
        named = zip(self.gives, self._values(answer), right, strict=True)
        got = tuple(_plain(what, one, other) for what, one, other in named)
        for place, what in enumerate(self.gives):
            if not _same(got[place], right[place], self.tolerance):
                where = _first_difference(got[place], right[place], self.tolerance)
                hint = self._hint(place, got, right, arguments)
                feedback.fail(
                    what + where[0], expected=where[1], got=where[2], hint=hint
                )

    def _values(self, answer: object) -> tuple:
        if len(self.gives) == 1:
            return (answer,)
        if isinstance(answer, tuple | list) and len(answer) == len(self.gives):
            return tuple(answer)
        hint = f"return {', '.join(self.gives)}, in this order."
        expected = f"{len(self.gives)} values"
        feedback.fail(f"{expected} come back", expected=expected, got=answer, hint=hint)

    def _hint(self, place: int, got: tuple, right: tuple, arguments: tuple) -> str:
        """Return the mistake that explains all values, else this one, else the hint."""
        found = []
        for hint, mistake in self.mistakes.items():
            try:
                wrong = _tuple(mistake(*arguments))
            except (ArithmeticError, LookupError, ValueError):
                continue  # this mistake cannot be made in this case
            pairs = zip(got, wrong, strict=False)  # a mistake may give the first alone
            fits = [_same(one, other, self.tolerance) for one, other in pairs]
            if fits[place : place + 1] == [True] and not _same(
                wrong[place], right[place], self.tolerance
            ):
                found.append((-sum(fits), len(found), hint))
        return min(found)[2] if found else self.hint


def number(what: str, value: object) -> float:
    """Return a value as a float; fail unless it is one finite number."""
    shape = getattr(value, "shape", None)
    plain = value.item() if shape is not None and math.prod(shape) == 1 else value
    if isinstance(plain, numbers.Real) and not isinstance(plain, bool):
        if math.isfinite(plain):
            return float(plain)
    feedback.fail(f"{what} is a number", expected="a number", got=value,
                hint="return the number itself, not text or a list.")  # fmt: skip


def _plain(what: str, value: object, right: object) -> Any:
    """Return a value in the right answer's own type; fail where it has none of it."""
    if isinstance(right, torch.Tensor):
        return _tensor(what, value, right)
    if isinstance(right, list):
        value = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(value, tuple | list):
            return [number(f"each value of {what}", one) for one in value]
        hint = f"{what}: a list of numbers, one for each."
        feedback.fail(f"{what} are a list", expected="a list", got=value, hint=hint)
    if isinstance(right, str):
        hint = "return the name as text, in quotes."
        if not isinstance(value, str):
            feedback.fail(f"{what} is a name", expected="text", got=value, hint=hint)
        return value
    return number(what, value)


def _tensor(what: str, value: object, right: torch.Tensor) -> torch.Tensor:
    kind = f"{right.dtype} {tuple(right.shape)}"
    if not isinstance(value, torch.Tensor):
        hint = "return a tensor."
        feedback.fail(f"{what} is a tensor", expected=kind, got=value, hint=hint)
    if (value.dtype, value.shape) != (right.dtype, right.shape):
        got = f"{value.dtype} {tuple(value.shape)}"
        hint = "look at the shape and the dtype of what you return."
        feedback.fail(
            f"{what} has its shape and dtype", expected=kind, got=got, hint=hint
        )
    return value


def _same(got: Any, right: Any, tolerance: float) -> bool:
    if isinstance(right, torch.Tensor):
        bound = tolerance * right.double().abs().clamp(min=1e-12)
        return bool(((got.double() - right.double()).abs() <= bound).all())
    if isinstance(right, list):
        return len(got) == len(right) and all(
            _same(one, other, tolerance) for one, other in zip(got, right, strict=True)
        )
    if isinstance(right, str):
        return got == right
    return abs(got - right) <= tolerance * max(abs(right), 1e-12)


def _first_difference(got: Any, right: Any, tolerance: float) -> tuple[str, Any, Any]:
    """Return where in an answer it differs, and the two values there."""
    if isinstance(right, torch.Tensor) and not right.dim():
        return "", right.item(), got.item()
    if not isinstance(right, list | torch.Tensor):
        return "", right, got
    if len(got) != len(right):
        return ": how many", len(right), len(got)
    for place, (one, other) in enumerate(zip(got, right, strict=True)):
        if not _same(one, other, tolerance):
            rest = _first_difference(one, other, tolerance)
            return f"[{place}]{rest[0]}", *rest[1:]
    return "", right, got


def _tuple(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)
