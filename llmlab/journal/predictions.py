"""A guess before the number appears, and the number beside it.

Who commits to a guess first learns more from the answer. The error is a factor,
because speed is multiplied: 2 against 4 is as wrong as 8 against 4.
"""

import html
from dataclasses import dataclass, replace

from llmlab.core import machine, quantities, records, units
from llmlab.core.numbers import finite
from llmlab.core.records import Record
from llmlab.journal import store
from llmlab.journal.lab import chosen

CLOSE = 1.05  # a guess within 5 % is called right
KEY = "lab = :lab AND name = :name AND model = :model AND machine = :machine"


@dataclass(frozen=True)
class Prediction:
    """A committed guess in a base unit, or None."""

    name: str
    guess: float | None
    unit: str

    def __repr__(self) -> str:
        if self.guess is None:
            return f"{self.name}: no guess (a number in place of None makes one)"
        return f"{self.name}: your guess is {units.quantity(self.guess, self.unit)}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


@dataclass(frozen=True)
class Comparison:
    """What came out, beside the guess (None without one) in the same unit."""

    name: str
    measured: Record
    guess: float | None = None
    note: str = ""  # why there is no guess, when there should be one
    lab: str = ""

    @property
    def factor(self) -> float | None:
        """Guess divided by outcome: 2.0 is twice too high; None if not both above 0."""
        if self.guess is None or self.guess <= 0 or self.measured.value <= 0:
            return None
        return self.guess / self.measured.value

    @property
    def verdict(self) -> str:
        """Say how far off the guess was: "was 2.1× too high"."""
        if self.guess is None:
            return "no guess"
        outcome = self.measured
        if outcome.low is not None and outcome.low <= self.guess <= outcome.high:
            return "was right, inside the interval"
        if self.guess == outcome.value or 1 / CLOSE < (self.factor or 0) < CLOSE:
            return "was right within 5 %"
        side = "high" if self.guess > outcome.value else "low"
        if self.factor is None:
            distance = abs(self.guess - outcome.value)
            return f"was {units.quantity(distance, outcome.unit)} too {side}"
        times = max(self.factor, 1 / self.factor)
        return f"was {times:,.{0 if times >= 9.95 else 1}f}× too {side}"

    def records(self) -> list[Record]:
        """Return what came out, under the name of the guess; with it, if there was one.

        The guess is no measurement, so it stands in the details, in the same unit.
        """
        details = dict(self.measured.details)
        if self.guess is not None:
            details["guess"] = self.guess
        return [replace(self.measured, name=self.name, details=details)]

    def __repr__(self) -> str:
        outcome = f"{self.name}: {self.measured.kind} {self.measured.text()}"
        guess = self.verdict
        if self.guess is not None:
            written = units.quantity(self.guess, self.measured.unit)
            guess = f"your guess {written} {self.verdict}"
        return f"{outcome}, {guess}" + (f"\n{self.note}" if self.note else "")

    def _repr_html_(self) -> str:
        lines = [html.escape(line) for line in repr(self).splitlines()]
        name, outcome = html.escape(self.name), html.escape(self.measured.text())
        lines[0] = lines[0].replace(name, f"<strong>{name}</strong>", 1)
        lines[0] = lines[0].replace(f" {outcome}", f" <strong>{outcome}</strong>", 1)
        return f"<p>{'<br>'.join(lines)}</p>"


def predict(
    name: str,
    guess: float | None,
    *,
    unit: str,
    lab: str | None = None,
    model: str = "",
) -> Prediction:
    """Keep a guess; None takes an earlier guess back and always works.

    unit: a base unit, or one with a prefix ("ms"). Raises ValueError for a guess that
    is no number, or named like a quantity that has another unit, and JournalError if it
    cannot be kept.
    """
    key = _key(name, lab, model)
    if guess is None:
        _forget(key)
        return Prediction(name, None, unit)
    guess, unit = _number(name, guess, unit)
    quantities.check(name, unit, ())
    store.upsert("predictions", key | {"guess": guess, "unit": unit})
    return Prediction(name, guess, unit)


def measured(
    name: str,
    value: float | Record,
    *,
    unit: str | None = None,
    lab: str | None = None,
    model: str = "",
) -> Comparison:
    """Put what came out beside the guess of that name.

    value: a Record, or a number with its unit. The outcome is shown even when the
    journal cannot be read; the note then says why the guess is missing.
    """
    key = _key(name, lab, model)
    if not isinstance(value, Record):
        if unit is None:
            raise ValueError(f'unit of {name!r} is missing; for a factor, unit="×".')
        value = records.measured(name, *_number(name, value, unit))
    quantities.check(name, value.unit, value.details)
    alone = Comparison(name, value, lab=key["lab"])
    try:
        return _beside_guess(alone, key)
    except store.JournalError as error:
        return replace(alone, note=str(error))


def rows() -> tuple[Comparison, ...]:
    """Return every guess whose outcome is known, the oldest guess first."""
    query = "SELECT * FROM predictions WHERE measured IS NOT NULL ORDER BY date, name"
    found = store.query(query)
    return tuple(
        Comparison(
            row["name"], store.one_record(row["measured"]), row["guess"], lab=row["lab"]
        )
        for row in found
    )


def _beside_guess(alone: Comparison, key: dict[str, str]) -> Comparison:
    found = store.query(f"SELECT guess, unit FROM predictions WHERE {KEY}", key)
    if not found:
        return alone
    guess, unit = found[0]
    if unit != alone.measured.unit:
        note = f"You guessed in {unit}, which cannot be compared; guess again."
        return replace(alone, note=note)
    compared = replace(alone, guess=guess)
    row = key | {"measured": records.to_json([alone.measured])}
    try:
        store.write(f"UPDATE predictions SET measured = :measured WHERE {KEY}", row)
    except store.JournalError as error:
        return replace(compared, note=str(error))
    return compared


def _forget(key: dict[str, str]) -> None:
    try:
        if store.query(f"SELECT 1 FROM predictions WHERE {KEY}", key):
            store.write(f"DELETE FROM predictions WHERE {KEY}", key)
    except store.JournalError:
        pass  # no guess needs no journal; `measured` tells what is wrong with it


def _key(name: str, lab: str | None, model: str) -> dict[str, str]:
    if not isinstance(name, str) or not name:
        raise ValueError(f'name={name!r}; say what is guessed, such as "speed-up".')
    here = machine.describe().label
    return {"lab": chosen(lab), "name": name, "model": model, "machine": here}


def _number(name: str, value: float, unit: str) -> tuple[float, str]:
    """Turn a number as a person writes it into base units, checked."""
    number = finite(f"the guess or value of {name!r}", value)
    value, base = units.to_base(number, unit)
    return value, units.check_base(base)
