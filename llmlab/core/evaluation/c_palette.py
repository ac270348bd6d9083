from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Colour(NamedTuple):
    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: str) -> Colour:
        digits = text.lstrip("#")
        if len(digits) == 3:
            digits = "".join(2 * d for d in digits)
        if len(digits) != 6:
            raise ValueError(f"{text!r} is not #rgb or #rrggbb")
        return cls(*bytes.fromhex(digits))

    def __str__(self) -> str:
        return "#%02x%02x%02x" % self

    def luminance(self) -> float:
        """Relative luminance between black (0.0) and white (1.0)."""
        linear = []
        for channel in self:
            value = channel / 255
            if value <= 0.03928:
                linear.append(value / 12.92)
            else:
                linear.append(((value + 0.055) / 1.055) ** 2.4)
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def mix(self, other: Colour, weight: float = 0.5) -> Colour:
        pairs = zip(self, other)
        return Colour(*(round(a + (b - a) * weight) for a, b in pairs))


def contrast(first: Colour, second: Colour) -> float:
    light, dark = sorted((first.luminance(), second.luminance()), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(background: Colour, choices: Iterable[Colour]) -> Colour:
    return max(choices, key=lambda colour: contrast(colour, background))


def gradient(start: Colour, end: Colour, steps: int) -> list[Colour]:
    if steps < 2:
        raise ValueError("a gradient needs at least two steps")
    return [start.mix(end, n / (steps - 1)) for n in range(steps)]
