"""Write arguments and values in a few readable words, whatever they are.

Nothing here raises: an object that breaks its own repr is shown by its kind.
"""

import inspect
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

FEW = 8  # numbers of a list that are shown in full
PAGE = 1_000  # characters of an error's message
LENGTH = 160  # characters of a text that is nobody's message
DEEP = 6  # lists inside lists that are shown


class Written(str):
    """Text that an exercise made of an answer; it is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def call(name: str, parameters: Sequence[str], arguments: Sequence[Any]) -> str:
    """Write a call with the names of its parameters and short arguments."""
    pairs = zip(parameters, arguments, strict=True)
    return f"{name}({', '.join(f'{key}={argument(one)}' for key, one in pairs)})"


def argument(value: Any) -> str:
    """Write an argument: small ones in full, of big ones how much it is."""
    return _safely(_argument, value)


def value(one: Any) -> str:
    """Write a value that came back: text in quotes, whole numbers with separators."""
    return _safely(_value, one)


def number(one: float) -> str:
    """Write a float as Python does, with six digits: 30.0, 8e9."""
    short = f"{one:.6g}"
    if "e" in short:
        digits, _, power = short.partition("e")
        return f"{digits}e{int(power)}"
    return short if "." in short or not math.isfinite(one) else f"{short}.0"


def message(error: BaseException) -> str:
    """Write an error with its message, in one line; only a page of text is cut."""
    text = f"{type(error).__name__}: {_safely(str, error)}".rstrip(": ")
    return text if len(text) <= PAGE else f"{text[:PAGE]}…"


def pair(expected: Any, got: Any) -> tuple[str, str]:
    """Write two values so that they can be told apart: digits, or where they differ."""
    if isinstance(expected, str) and isinstance(got, str):
        return _apart(expected, got)
    for digits in (6, 9, 12, 17):
        texts = _digits(expected, digits), _digits(got, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _apart(expected: str, got: str) -> tuple[str, str]:
    """Write two texts; of long ones that begin alike, from near the difference on."""
    pairs = enumerate(zip(expected, got, strict=False))
    end = min(len(expected), len(got))
    alike = next((place for place, (one, other) in pairs if one != other), end)
    if expected == got or alike < LENGTH - 60:
        return value(expected), value(got)
    start = max(expected.rfind(" ", 0, alike - 20) + 1, alike - 60)
    kind = Written if isinstance(expected, Written) else str
    return value(kind(f"…{expected[start:]}")), value(kind(f"…{got[start:]}"))


def places(value: Any) -> list:
    """Return a list or tensor as nested lists of numbers that read well."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        if value.dtype in (torch.float16, torch.bfloat16, torch.float32):
            return _shortest(value.float().numpy())
        return value.tolist()
    return [*value]


def _shortest(array: numpy.ndarray) -> Any:
    """Return the shortest numbers that float32 rounds to these."""
    if array.ndim:
        return [_shortest(row) for row in array]
    return float(str(numpy.float32(array)))


def _argument(one: Any) -> str:
    if isinstance(one, Tensor | numpy.ndarray):
        kind = "tensor" if isinstance(one, Tensor) else "array"
        sizes = tuple(one.shape)
        if math.prod(sizes) <= FEW:
            return f"{kind}({_argument(places(torch.as_tensor(one)))})"
        return f"{kind} of {' × '.join(map(str, sizes))} numbers"
    if isinstance(one, list | tuple) and not hasattr(one, "_fields"):
        inside = [*one]
        if _count(inside) > 2 * FEW:
            plain = isinstance(inside[0], numbers.Number)
            what = "numbers" if plain else "values"
            what = "lists" if isinstance(inside[0], list | tuple) else what
            return f"list of {len(inside):,} {what}"
        return f"[{', '.join(_argument(item) for item in inside)}]"
    if isinstance(one, Mapping):
        rows = (f"{key!r}: {_argument(item)}" for key, item in one.items())
        return "{" + ", ".join(rows) + "}"
    if isinstance(one, int) and not isinstance(one, bool):
        return f"{one:_}" if abs(one) >= 10_000 else f"{one}"
    if isinstance(one, float):
        return number(one)
    if inspect.isroutine(one):
        return getattr(one, "__name__", "a function")
    return _cut(repr(one))


def _count(values: Any) -> int:
    if isinstance(values, list | tuple) and not hasattr(values, "_fields"):
        return sum(_count(one) for one in values)
    return 1


def _value(one: Any) -> str:
    if isinstance(one, Tensor | numpy.ndarray):
        kind = "tensor" if isinstance(one, Tensor) else "array"
        if math.prod(one.shape) <= FEW and getattr(one, "layout", None) in (
            None,
            torch.strided,
        ):
            return f"{kind}({_value(places(torch.as_tensor(one)))})"
        return f"a {one.dtype} {kind} of shape {tuple(one.shape)}"
    if inspect.isgenerator(one):
        return "a generator"
    if inspect.iscoroutine(one):
        return "a coroutine"
    if isinstance(one, list | tuple) and _deeper(one, DEEP):
        return f"a {type(one).__name__} of lists, more than {DEEP} deep"
    if isinstance(one, list | tuple) and len(one) > 2 * FEW:
        return f"a {type(one).__name__} of {len(one):,} values"
    if isinstance(one, list):
        return f"[{', '.join(map(value, one))}]"
    if isinstance(one, tuple) and type(one) is tuple:
        return f"({', '.join(map(value, one))}{',' if len(one) == 1 else ''})"
    if isinstance(one, float) or type(one) is int:
        return _digits(one, 6)
    return _cut(" ".join(repr(one).split()))


def _deeper(values: list | tuple, levels: int) -> bool:
    """Say whether lists lie deeper in lists than so many levels, or in themselves."""
    level: list[Any] = [values]
    for _ in range(levels):
        inside = (one for part in level for one in part)
        once = {id(one): one for one in inside if isinstance(one, list | tuple)}
        level = [*once.values()]
    return bool(level)


def _digits(one: Any, digits: int) -> str:
    if isinstance(one, Tensor):
        return _digits(places(one), digits)
    if isinstance(one, list | tuple) and not _deeper(one, DEEP):
        return f"[{', '.join(_digits(item, digits) for item in one)}]"
    if type(one) is int:
        return f"{one:,}" if abs(one) < 10**40 else _safely(_huge, one)
    if isinstance(one, float):
        if one.is_integer() and 10_000 <= abs(one) < 10**15:
            return f"{one:,.1f}"
        return f"{one:.{digits}g}"
    return value(one)


def _huge(one: int) -> str:
    return f"a whole number of {int(one.bit_length() * math.log10(2)) + 1:,} digits"


def _cut(text: str) -> str:
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def _safely(write: Any, one: Any) -> str:
    try:
        return " ".join(str(write(one)).split())
    except Exception:  # whatever an object does when it is looked at
        return f"a {type(one).__name__}"
