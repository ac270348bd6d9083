"""Base units in code, prefixes where a person reads.

Code keeps seconds, bytes, FLOPs and tokens; only `quantity` turns them into ms and GB.
`to_base` goes the other way, for the numbers that a learner types ("5 ms"). Prefixes
are decimal: 1 kB is 1,000 B, as memory bandwidth and disk sizes are sold.
"""

import math
import re
from collections.abc import Iterable

_SMALL = {"n": 1e-9, "µ": 1e-6, "m": 1e-3}
_LARGE = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}
_PREFIXES = {  # which prefixes a base unit takes
    "s": _SMALL,
    "B": _LARGE,
    "FLOP": _LARGE,
    "bit": _LARGE,
    "weight": _LARGE,
    "Hz": _LARGE,
    "J": _SMALL | _LARGE,
    "W": _SMALL | _LARGE,
}
_SPELLED = {"us": (1e-6, "s"), "min": (60.0, "s"), "h": (3600.0, "s"), "%": (0.01, "1")}
_SPELLED |= {"KB": (1e3, "B"), "KiB": (2**10, "B"), "MiB": (2**20, "B")}
_SPELLED |= {"GiB": (2**30, "B"), "": (1.0, "1"), "x": (1.0, "×")}
FAR = 2000  # times: values of a column that lie further apart have their own units
SMALL = 0.01  # of a unit: what is less is hard to read in it
_DIGITS = {"bit/B": 4, "1": 4}  # quality differs in the third digit; elsewhere 3 do


def quantity(value: float, unit: str) -> str:
    """Write a value in a base unit for a person: (0.0123, "s") -> "12.3 ms"."""
    return quantities((value,), unit)[0]


def quantities(values: tuple[float, ...], unit: str) -> tuple[str, ...]:
    """Write the first value with its unit, the others bare, all on its scale."""
    factor, shown = _scale(values[0], unit)
    decimals = _decimals(values[0] / factor, shown, unit)
    numbers = [_number(value / factor, decimals) for value in values]
    return (numbers[0] + _spoken(shown, values[0]), *numbers[1:])


def of_column(values: Iterable[float], unit: str) -> tuple[float, str] | None:
    """Return the divisor and the unit that suit all of some values.

    (0.0021, 0.0123), "s" -> (0.001, "ms"). None where they lie too far apart for one.
    """
    sizes = sorted(abs(value) for value in values if value)
    if not sizes:
        return 1.0, unit
    if sizes[-1] > FAR * sizes[0]:
        return None
    factor, shown = _scale(sizes[-1], unit)
    if sizes[0] >= SMALL * factor:
        return factor, shown
    return _scale(sizes[len(sizes) // 2], unit)


def bare(value: float, factor: float, shown: str, unit: str) -> str:
    """Write a value on the scale of its column, without the unit."""
    decimals = _decimals(value / factor, shown, unit)
    return _number(value / factor, decimals if decimals is None else min(4, decimals))


def power_of_ten(value: float) -> str:
    """Write the power of ten that is nearest: 1.2e8 -> "10⁸"."""
    digits = str(round(math.log10(value)))
    return "10" + digits.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def to_base(value: float, unit: str) -> tuple[float, str]:
    """Turn what a person writes into base units: (5, "ms") -> (0.005, "s").

    Base units and unknown words come back as they are; plurals become singular.
    """
    head, slash, rest = unit.partition("/")
    if head in _SPELLED:
        factor, base = _SPELLED[head]
    else:
        factor, base = _split(head)
    return value * factor, base + slash + rest


def check_base(unit: str) -> str:
    """Return the unit if it is a base unit; ValueError names the one to use."""
    if not isinstance(unit, str) or not unit:
        raise ValueError(
            f"unit={unit!r} is no unit; a number without one has unit='1'."
        )
    factor, base = to_base(1.0, unit)
    if base != unit:
        raise ValueError(
            f"unit={unit!r} is not a base unit; use unit={base!r} and multiply the "
            f"value by {factor:g}."
        )
    return unit


def _split(word: str) -> tuple[float, str]:
    """Take the prefix off a unit word: "kB" -> (1000.0, "B")."""
    if word in _PREFIXES:
        return 1.0, word
    for base, prefixes in _PREFIXES.items():
        prefix = word.removesuffix(base)
        if prefix != word and prefix in prefixes:
            return prefixes[prefix], base
    if _is_counted(word) and re.search("[^s]s$", word):
        return _split(word[:-1])  # "kbits" is a plural and has a prefix
    return 1.0, word


def _is_counted(word: str) -> bool:
    return len(word) > 2 and word.isalpha() and word.islower()


def _scale(value: float, unit: str) -> tuple[float, str]:
    """Choose the prefix: the divisor of the value, and the unit as shown."""
    head, slash, rest = unit.partition("/")
    size = abs(float(f"{value:.2e}"))  # 999.96 µs reads 1.00 ms, so round first
    if unit == "s" and size >= 7200:
        return 3600.0, "h"
    if unit == "s" and size >= 120:
        return 60.0, "min"
    steps = {"": 1.0} | _PREFIXES.get(head, {})
    fitting = [prefix for prefix, step in steps.items() if size >= step * (1 - 1e-9)]
    if size == 0:
        prefix = ""
    elif fitting:
        prefix = max(fitting, key=steps.__getitem__)
    else:
        prefix = min(steps, key=steps.__getitem__)
    return steps[prefix], prefix + head + slash + rest


def _decimals(scaled: float, shown: str, unit: str) -> int | None:
    """Decimals that leave three digits (four for quality); None: scientific."""
    if scaled == 0 or (shown == unit and scaled == round(scaled) and _is_whole(unit)):
        return 0
    magnitude = math.floor(math.log10(abs(float(f"{scaled:.2e}"))))
    if not -4 <= magnitude <= 15:
        return None
    return max(0, _DIGITS.get(unit, 3) - 1 - magnitude)


def _is_whole(unit: str) -> bool:
    return unit in ("B", "FLOP", "bit") or _is_counted(unit)


def _number(scaled: float, decimals: int | None) -> str:
    return f"{scaled:.3g}" if decimals is None else f"{scaled:,.{decimals}f}"


def _spoken(shown: str, value: float) -> str:
    head, slash, rest = shown.partition("/")
    if shown in ("1", "×"):
        return shown.replace("1", "")
    if _is_counted(head) and shown not in ("min", "bit/B") and value != 1:
        head += "s"
    return f" {head}{slash}{rest}"
