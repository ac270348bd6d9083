"""Arguments at the public door: what each must be, and one sentence where it is not.

A whole number is Python's or NumPy's, and no truth value. Texts are a list, for a bare
string in their place would be read letter by letter. The sentence names the argument,
its value, the rule and the way out. `core.wanted` says what kind of model is wanted.
"""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    """Say whether a value is a whole number, NumPy's among them, and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number, NumPy's among them, and no truth value.

    One too large for a float is none.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def whole(
    name: str, value: object, *, least: int = 0, most: int | None = None, way: str = ""
) -> int:
    """Return a whole number from `least` to `most`; ValueError names what is none."""
    if is_whole(value) and least <= value and (most is None or value <= most):
        return int(value)
    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise ValueError(
        f"{name}={shown(value)} must be a whole number {span}{way and '; '}{way}."
    )


def number(name: str, value: object, *, above: float, way: str = "") -> float:
    """Return a finite number above a bound; ValueError names what is none."""
    if is_number(value) and value > above:
        return float(value)
    raise ValueError(
        f"{name}={shown(value)} must be a number above {above:g}{way and '; '}{way}."
    )


def wholes(
    name: str, value: Any, *, least: int = 0, most: int | None = None, way: str
) -> list[int]:
    """Return whole numbers as a list, one at least; ValueError for all else.

    way: what to hand in, such as "such as (1, 8)".
    """
    listed = list(value) if isinstance(value, Iterable) else []
    is_text = isinstance(value, str | bytes)
    if is_text or not listed or not all(map(is_whole, listed)):
        raise ValueError(
            f"{name}={shown(value)} must be whole numbers, one at least; {way}."
        )
    return [whole(name, one, least=least, most=most, way=way) for one in listed]


def function(name: str, value: Any, *, way: str) -> Any:
    """Return what can be called; ValueError names what cannot."""
    if callable(value):
        return value
    raise ValueError(f"{name}={shown(value)} is no function; {way}.")


def tensor(name: str, value: Any) -> Any:
    """Return a tensor of torch; ValueError names what is none."""
    import torch  # what reads words of a command line does without

    if isinstance(value, torch.Tensor):
        return value
    raise ValueError(
        f"{name}={shown(value)} is no tensor; hand in one, such as torch.tensor(rows)."
    )


def texts(name: str, value: Any) -> list[str]:
    """Return texts as a list; ValueError for one bare string and for what is no text.

    A mapping gives its values.
    """
    if isinstance(value, str | bytes):
        raise ValueError(
            f"{name}={shown(value)} is one text, and a list of texts is wanted; put it "
            f"into one: [{shown(value)}]."
        )
    if not isinstance(value, Iterable):
        raise ValueError(
            f"{name}={shown(value)} is no list of texts; hand in one, such as "
            "['one', 'two']."
        )
    listed = list(value.values() if isinstance(value, Mapping) else value)
    for place, text in enumerate(listed):
        if not isinstance(text, str):
            raise ValueError(
                f"{name} holds {shown(text)} at place {place}, which is no text; give "
                "strings."
            )
        encodable(f"{name}[{place}]", text)
    return listed


def encodable(name: str, text: str) -> str:
    """Return a text that UTF-8 can say; ValueError for one with half a character."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} holds half of a character, {text[error.start]!a}, at place "
            f"{error.start}, which UTF-8 cannot say; read the file with the encoding "
            "that it has, or take it out: text.encode('utf-8', 'ignore').decode()."
        ) from None
    return text


def shown(value: object) -> str:
    """Write a value as it was typed, in one line, cut where it is long."""
    try:
        text = " ".join(map(str.strip, repr(value).splitlines()))
    except ValueError:  # a whole number of more digits than Python writes
        return f"a {type(value).__name__} of too many digits"
    return text if len(text) <= 60 else f"{text[:57]}…"
