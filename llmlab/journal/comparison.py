"""An outcome beside the guess, and what there is to say about the two.

The error of a number is a factor, because speed is multiplied: 2 against 4 is as wrong
as 8 against 4. Of choices the nearest is named, by factors as well where all are above
zero; where the interval holds another one, those that it holds.
"""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from llmlab.core import units
from llmlab.core.records import Record

CLOSE = 1.05  # a guess within 5 % is called right
HUGE = 1e6  # a factor whose digits nobody reads
LATE = " (made after the outcome)"


@dataclass(frozen=True)
class Comparison:
    """What came out, beside the guess (None without one) in the same unit."""

    name: str
    measured: Record
    guess: float | None = None
    note: str = ""  # why there is no guess, when there should be one
    typed: str = ""  # the unit as it was typed: "%"
    letter: str = ""  # of the choice
    choices: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    late: bool = False  # the outcome was known before

    @property
    def factor(self) -> float | None:
        """Guess divided by outcome: 2.0 is twice too high; None if not both above 0."""
        if self.guess is None or self.guess <= 0 or self.measured.value <= 0:
            return None
        return self.guess / self.measured.value

    @property
    def nearest(self) -> str:
        """Return the letter of the choice that came nearest, or nothing."""
        outcome = self.measured.value
        if not self.choices:
            return ""
        by_factor = min(outcome, *self.choices.values()) > 0
        scale = math.log if by_factor else float
        off = {key: abs(scale(c) - scale(outcome)) for key, c in self.choices.items()}
        return min(off, key=off.__getitem__)

    @property
    def held(self) -> list[str]:
        """Return the letters of the choices that lie inside the interval."""
        low, high = self.measured.low, self.measured.high
        if low is None or high is None:
            return []
        return [key for key, c in self.choices.items() if low <= c <= high]

    @property
    def verdict(self) -> str:
        """Say how far off it was: "was 2.1× too high"; of choices, which fits."""
        if self.guess is None:
            return "no guess"
        if self.letter:
            return self._nearest(with_number=self.nearest != self.letter)
        choice = f"; {self._nearest(with_number=True)}" if self.choices else ""
        return self._distance(self.guess) + choice

    def records(self) -> list[Record]:
        """Return what came out, under the name of the guess; with it, if there was one.

        The guess is no measurement, so it stands in the details, in the same unit.
        """
        details = dict(self.measured.details)
        if self.guess is not None:
            details["guess"] = self.guess
        return [replace(self.measured, name=self.name, details=details)]

    def __repr__(self) -> str:
        outcome = f"{self.measured.kind} {self._outcome()}"
        text = f"{outcome}, {self.verdict}"
        if self.guess is not None:
            guess = written(self.guess, self.measured.unit, self.typed)
            text = f"{outcome}, your guess {guess} {self.verdict}"
            if self.letter:
                text = f"you chose {self.letter}, {guess}; {outcome}: {self.verdict}"
        late = LATE if self.late and self.guess is not None else ""
        return f"{self.name}: {text}{late}" + (f"\n{self.note}" if self.note else "")

    def _repr_html_(self) -> str:
        lines = [html.escape(line) for line in repr(self).splitlines()]
        name = html.escape(self.name)
        outcome = html.escape(f"{self.measured.kind} {self._outcome()}")
        kind, _, value = outcome.partition(" ")
        lines[0] = lines[0].replace(name, f"<strong>{name}</strong>", 1)
        lines[0] = lines[0].replace(outcome, f"{kind} <strong>{value}</strong>", 1)
        return f"<p>{'<br>'.join(lines)}</p>"

    def _outcome(self) -> str:
        """Write the outcome, in per cent where the guess was, and at which length."""
        fact = self.measured
        if fact.unit == "×":
            tokens = fact.details.get("tokens")
            return _times(fact) + (f" at {tokens:,} tokens" if tokens else "")
        if self.typed != "%" or fact.unit != "1":
            return fact.text()
        text = written(fact.value, fact.unit, "%")
        if fact.low is None or fact.high is None:
            return text
        low, high = (written(end, "1", "%") for end in (fact.low, fact.high))
        return f"{text} ({low.removesuffix(' %')} to {high.removesuffix(' %')})"

    def _distance(self, guess: float) -> str:
        outcome = self.measured
        if outcome.low is not None and outcome.high is not None:
            if outcome.low <= guess <= outcome.high:
                return "was right, inside the interval"
        if guess == outcome.value or 1 / CLOSE < (self.factor or 0) < CLOSE:
            return "was right within 5 %"
        side = "high" if guess > outcome.value else "low"
        if self.factor is None:
            distance = written(abs(guess - outcome.value), outcome.unit, self.typed)
            return f"was {distance.replace(' %', ' percentage points')} too {side}"
        times = max(self.factor, 1 / self.factor)
        return f"was {times:,.{0 if times >= 9.95 else 1}f}× too {side}"

    def _nearest(self, *, with_number: bool) -> str:
        if {*self.held} - {self.nearest}:  # nobody can say which of them it is
            return f"the interval holds {' and '.join(self.held)}"
        number = written(self.choices[self.nearest], self.measured.unit, self.typed)
        return f"nearest is {self.nearest}" + (f", {number}" if with_number else "")


def written(value: float, unit: str, typed: str = "") -> str:
    """Write a guess as a person would: "20×", "30 %", "5.00 ms".

    value, unit: in a base unit. typed: the unit in which it was typed.
    """
    if typed == "%" and unit == "1":
        return f"{_short(100 * value)} %"
    if unit in ("×", "1") and (value == 0 or 1e-3 <= abs(value)):
        return _short(value) + unit.replace("1", "")
    return units.quantity(value, unit)


def _times(fact: Record) -> str:
    """Write a factor; of one that is huge its power of ten says all."""
    if fact.value >= HUGE and fact.low is None:
        return f"about {units.power_of_ten(fact.value)}×"
    return fact.text()


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
