"""Numbers as Python's own, whichever library they come from."""

import math
from typing import Any


def finite(what: str, value: Any) -> int | float:
    """Return a finite number as Python's own; ValueError names what is none."""
    value = _item(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"{what} is {value!r}; it must be one number.")
    if not math.isfinite(value):
        raise ValueError(
            f"{what} is {value}; it must be finite, so look for the division by zero "
            "or the NaN that made it."
        )
    return value


def plain(what: str, value: Any) -> str | int | float | bool:
    """Return a word, a truth or a finite number as Python's own, else ValueError."""
    value = _item(value)
    if isinstance(value, (str, bool)):
        return value
    return finite(what, value)


def _item(value: Any) -> Any:
    """Take the one number out of an array of one; leave everything else."""
    return value.item() if getattr(value, "shape", None) == () else value
