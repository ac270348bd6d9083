"""Read values in the right answer's own kind, whatever container they came in.

A number may be a Python, NumPy or torch one; a list may be a tuple, an array, a tensor
or anything that yields as many values. What differs then differs by value, not by type.
"""

import itertools
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy
import torch
from torch import Tensor

from llmlab.checks import shown
from llmlab.checks.exercise import MisfitError, Value

MOST = 10_000  # numbers that are looked at where fewer are expected
MORE = 3  # values pulled beyond those expected: enough to say that there are too many


class StoppedError(Exception):
    """The learner's generator stopped with an error, which is the cause of this one."""


UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)  # torch compares none of them
NOT_LISTS = (str, bytes, Mapping, set, frozenset)


def unpack(answer: Any, gives: tuple[Value, ...], name: str) -> tuple:
    """Return the values of an answer; MisfitError unless there are as many as asked."""
    if len(gives) == 1:
        return (answer,)
    values = pulled(answer, len(gives))
    if values is None or len(values) != len(gives):
        names = ", ".join(one.what for one in gives)
        raise MisfitError(
            f"{name} gives {len(gives)} values",
            expected=names,
            got=shown.value(answer),
            hint=f"return {names}, in this order.",
        )
    return tuple(values)


def read(value: Any, right: Any, spec: Value) -> Any:
    """Return a value in the kind of the right one; MisfitError where it is none."""
    try:
        if isinstance(right, Tensor):
            return _tensor(value, right, spec)
        if isinstance(right, list):
            return _list(value, right, spec)
        if isinstance(right, str):
            return _text(value, right, spec)
        return _number(value, spec)
    except (MisfitError, StoppedError):
        raise
    except Exception:  # objects of a learner may break in any way when looked at
        what = "what the text says"
        if isinstance(right, Tensor):
            what = f"numbers of the shape {tuple(right.shape)}"
        raise _misfit(spec, "as the text says", what, value) from None


def alike(got: Any, right: Any, tolerance: float) -> bool:
    """Say whether two values that were read are the same, up to a relative error.

    Entries of a list or tensor may be off by a tenth of that of the largest one, too:
    sums of large numbers that cancel are no better. Whole numbers are compared exactly.
    """
    if isinstance(right, Tensor) or isinstance(got, Tensor):
        both = isinstance(got, Tensor) and isinstance(right, Tensor)
        return (
            both and got.shape == right.shape and not len(apart(got, right, tolerance))
        )
    if isinstance(right, list) or isinstance(got, list):
        both = isinstance(got, list) and isinstance(right, list)
        return both and len(got) == len(right) and not len(apart(got, right, tolerance))
    if isinstance(right, str) or isinstance(got, str):
        return got == right
    return _close(got, right, tolerance, 0.0)


def apart(got: Any, right: Any, tolerance: float) -> list[tuple[int, ...]]:
    """Return the first place where two lists or tensors of one size differ, or none."""
    if isinstance(right, Tensor):
        return _apart_tensors(got, right, tolerance)
    sizes = [abs(one) for one in right if isinstance(one, float) and math.isfinite(one)]
    slack = tolerance / 10 * max(sizes, default=0.0)
    for place, (one, other) in enumerate(zip(got, right, strict=False)):
        if not _close(one, other, tolerance, slack):
            return [(place,)]
    return []


def _apart_tensors(got: Tensor, right: Tensor, tolerance: float):
    if not right.is_floating_point() and not got.is_floating_point():
        wrong = got != right
    else:
        one, other = got.double(), right.double()
        finite = other[other.isfinite()].abs()
        most = finite.max() if finite.numel() else other.new_zeros(())
        bound = tolerance * other.abs() + tolerance / 10 * most
        near = ((one - other).abs() <= bound) & other.isfinite()
        wrong = ~(near | (one == other) | (one.isnan() & other.isnan()))
    places = wrong.nonzero()
    return [tuple(places[0].tolist())] if len(places) else []


def _close(got: Any, right: Any, tolerance: float, slack: float) -> bool:
    if isinstance(right, int) or got == right:
        return got == right
    if math.isnan(right):
        return isinstance(got, float) and math.isnan(got)
    if math.isinf(right):  # nothing else is near
        return False
    try:
        return abs(got - right) <= tolerance * abs(right) + slack
    except OverflowError:  # a whole number beyond all floats
        return False


def _number(value: Any, spec: Value) -> int | float:
    plain = value
    if isinstance(value, Tensor | numpy.ndarray):
        count = value.numel() if isinstance(value, Tensor) else value.size
        plain = value.item() if count == 1 else None
    if isinstance(plain, bool | numpy.bool_) or plain is None:
        raise _misfit(spec, "a number", "a number", value)
    if isinstance(plain, numbers.Integral):
        return int(plain)
    if isinstance(plain, numbers.Real | Decimal):
        return float(plain)
    raise _misfit(spec, "a number", "a number", value)


def _text(value: Any, right: str, spec: Value) -> str:
    if not isinstance(value, str):
        raise MisfitError(
            f"{spec.what}: text",
            expected=shown.value(right),
            got=shown.value(value),
            hint="return the name as text, in quotes.",
        )
    return value if isinstance(value, shown.Written) else str(value)


def _list(value: Any, right: list, spec: Value) -> list:
    items = pulled(value, len(right))
    if items is None:
        raise _misfit(spec, "a list of numbers", "a list", value)
    return [_number(one, Value(f"each of {spec.what}")) for one in items]


def pulled(value: Any, count: int) -> list | None:
    """Return at most a few more values than asked for; None if there is nothing to."""
    if isinstance(value, NOT_LISTS) or not isinstance(value, Iterable):
        return None
    if isinstance(value, Tensor | numpy.ndarray):
        try:
            return [*value[: count + MORE]] if value.ndim else None
        except (RuntimeError, NotImplementedError):  # sparse, nested, without numbers
            return None
    try:
        return [*itertools.islice(value, count + MORE)]
    except Exception as error:
        raise StoppedError from error


def _tensor(value: Any, right: Tensor, spec: Value) -> Tensor:
    if not isinstance(value, Tensor):
        if spec.tensor or isinstance(value, NOT_LISTS):
            raise _misfit(spec, "a tensor", _kind(right), value, spec.tensor)
        value = torch.as_tensor(_bounded(value, right, spec))
    value = value.detach().as_subclass(Tensor)
    plain = value.layout == torch.strided and not value.is_nested
    if not plain or value.is_complex() or value.is_quantized or value.is_meta:
        raise _misfit(spec, "a plain tensor", _kind(right), value, spec.tensor)
    if value.numel() > MORE * right.numel() + MOST:
        raise _misfit(spec, "a tensor", _kind(right), value)
    if spec.dtype and value.dtype != right.dtype:
        raise MisfitError(
            f"{spec.what}: {right.dtype}",
            expected=str(right.dtype),
            got=str(value.dtype),
            hint=spec.dtype,
        )
    value = value.long() if value.dtype in UNSIGNED else value
    return value.cpu().clone()


def _bounded(value: Any, right: Tensor, spec: Value) -> Any:
    """Return numbers in a list or an array, of an iterable no more than it needs."""
    most = MORE * right.numel() + MOST
    if isinstance(value, Iterable) and not isinstance(value, Sequence | numpy.ndarray):
        value = pulled(value, right.numel())
    size = value.size if isinstance(value, numpy.ndarray) else 0
    size = len(value) if isinstance(value, Sequence) else size
    if value is None or size > most:
        raise _misfit(spec, "a tensor", _kind(right), value)
    return value


def _kind(right: Tensor) -> str:
    return f"a tensor of shape {tuple(right.shape)}"


def _misfit(spec: Value, holds: str, expected: str, got: Any, hint: str = ""):
    return MisfitError(
        f"{spec.what}: {holds}",
        expected=expected,
        got=shown.value(got),
        hint=hint or f"return {spec.what} as {expected}, not something around it.",
    )
