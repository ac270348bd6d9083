"""A guess before the number appears, and the number beside it.

A guess belongs to a learner, so it is kept by lab, name and model, and found again
whatever folder, threads or memory the notebook runs with. The outcome is kept as well:
a guess that is made or changed when it is known says so.
"""

import contextlib
import datetime
import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from llmlab.core import quantities, records
from llmlab.core.numbers import finite
from llmlab.core.records import Record
from llmlab.journal import guesses, store
from llmlab.journal.comparison import Comparison
from llmlab.journal.guesses import Guess, Prediction
from llmlab.journal.lab import chosen

KEY = "lab = :lab AND name = :name AND model = :model"


def predict(
    name: str,
    guess: float | str | None,
    *,
    unit: str,
    choices: Mapping[str, float] | None = None,
    lab: str | None = None,
    model: str = "",
) -> Prediction:
    """Keep a guess: a number, or a letter of the choices.

    None is an open guess. It stops the notebook once in each kernel, by OpenGuess; then
    it passes, and takes an earlier guess back. See `skip`.

    unit: a base unit, or one with a prefix ("ms"), of the guess and of the choices.
    choices: letter -> number. Raises ValueError for a guess that is neither, or named
    like a quantity that has another unit, and JournalError if it cannot be kept.
    """
    key = _key(name, lab, model)
    made = guesses.read(name, guess, unit, choices)
    if made is None:
        ways = guesses.wanted(unit, tuple(str(c).upper() for c in choices or ()))
        guesses.stop(tuple(key.values()), name, ways)
        _forget(key)
        return Prediction(name, None, unit)
    quantities.check(name, made.unit, ())
    late = _keep(key, made)
    return Prediction(name, made.value, made.unit, made.typed, made.letter, late)


def skip(*, lab: str | None = None) -> None:
    """Let all open guesses of this notebook pass, as long as its kernel runs."""
    guesses.pass_all(chosen(lab))
    print("Open guesses pass from here on. One in place of None is still kept.")


def measured(
    name: str,
    value: float | Record,
    *,
    unit: str | None = None,
    kind: str = "measured",
    lab: str | None = None,
    model: str = "",
) -> Comparison:
    """Put what came out beside the guess of that name.

    value: a Record, or a number with its unit and its kind ("estimated" for a formula).
    The outcome is shown even when the journal cannot be read; the note then says why
    the guess is missing.
    """
    key = _key(name, lab, model)
    if not isinstance(value, Record):
        if unit is None:
            raise ValueError(f'unit of {name!r} is missing; for a factor, unit="×".')
        number, base = guesses.number(name, value, unit)
        value = replace(records.measured(name, number, base), kind=kind)
    quantities.check(name, value.unit, value.details)
    typed = unit if unit == "%" else ""
    alone = Comparison(name, value, typed=typed)
    try:
        found = store.query(f"SELECT * FROM predictions WHERE {KEY}", key)
        compared = _beside(alone, dict(found[0])) if found else alone
    except store.JournalError as error:
        return replace(alone, note=str(error))
    try:
        _know(key, value)
    except store.JournalError as error:
        return replace(compared, note=str(error))
    return compared


def rows() -> tuple[Comparison, ...]:
    """Return every guess whose outcome is known, the oldest guess first."""
    query = (
        "SELECT * FROM predictions WHERE measured IS NOT NULL AND guess IS NOT NULL "
        "ORDER BY date, name"
    )
    found = [dict(row) for row in store.query(query)]
    return tuple(
        _beside(Comparison(row["name"], store.one_record(row["measured"])), row)
        for row in found
    )


def _beside(alone: Comparison, row: dict[str, Any]) -> Comparison:
    """Return the outcome with the guess of a row, if it holds one that fits."""
    if row["guess"] is None:
        return alone
    if row["unit"] != alone.measured.unit:
        note = f"You guessed in {row['unit']}, which cannot be compared; guess again."
        return replace(alone, note=note)
    try:
        choices = json.loads(row["choices"])
        return replace(
            alone,
            guess=finite("guess", row["guess"]),
            typed=str(row["typed"]),
            letter=str(row["letter"]),
            choices=MappingProxyType(
                {str(letter): finite(letter, n) for letter, n in choices.items()}
            ),
            late=_late(row),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise store.damaged(f"the guess of {alone.name!r}: {error}") from error


def _late(row: dict[str, Any]) -> bool:
    """Say whether a guess is younger than its outcome; one without a date is not."""
    return row["known"] is not None and str(row["date"] or "") > str(row["known"])


def _keep(key: dict[str, str], made: Guess) -> bool:
    """Write a guess down, dated now unless it is the same; say whether it is late."""
    found = store.query(f"SELECT * FROM predictions WHERE {KEY}", key)
    row: dict[str, Any] = dict(found[0]) if found else {"known": None}
    fields = {
        "guess": made.value,
        "unit": made.unit,
        "typed": made.typed,
        "letter": made.letter,
    }
    same = all(row.get(name) == value for name, value in fields.items())
    fields["date"] = row["date"] if same else _now(after=row["known"])
    fields["choices"] = json.dumps(dict(made.choices))
    _upsert(key, fields)
    return _late(row | fields)


def _know(key: dict[str, str], outcome: Record) -> None:
    """Write an outcome down; it was known when there first was one."""
    known = f"(SELECT known FROM predictions WHERE {KEY})"
    fields = {"measured": records.to_json([outcome]), "known": _now()}
    _upsert(key, fields, slots={"known": f"coalesce({known}, :known)"})


def _upsert(
    key: dict[str, str], fields: dict[str, Any], slots: Mapping[str, str] | None = None
) -> None:
    """Write some fields of a row and leave the others as they are."""
    row = key | fields
    values = ", ".join((slots or {}).get(name, f":{name}") for name in row)
    changes = ", ".join(f"{name} = excluded.{name}" for name in fields)
    store.write(
        f"INSERT INTO predictions ({', '.join(row)}) VALUES ({values}) "
        f"ON CONFLICT (lab, name, model) DO UPDATE SET {changes}",
        row,
    )


def _forget(key: dict[str, str]) -> None:
    """Take a guess back; that its outcome is known stays."""
    try:
        if store.query(
            f"SELECT 1 FROM predictions WHERE {KEY} AND guess NOT NULL", key
        ):
            store.write(f"UPDATE predictions SET guess = NULL WHERE {KEY}", key)
    except store.JournalError:
        pass  # no guess needs no journal; `measured` tells what is wrong with it


def _key(name: str, lab: str | None, model: str) -> dict[str, str]:
    if not isinstance(name, str) or not name.strip() or not _encodes(name):
        raise ValueError(f'name={name!r}; say what is guessed, such as "speed-up".')
    return {"lab": chosen(lab), "name": name, "model": store.text("model", model)}


def _encodes(text: str) -> bool:
    return text == text.encode("utf-8", "replace").decode("utf-8")


def _now(*, after: str | None = None) -> str:
    """Return the date, behind another one even where the clock was put back."""
    now = datetime.datetime.now(datetime.UTC)
    with contextlib.suppress(ValueError, TypeError):  # a date that is none
        moment = datetime.datetime.fromisoformat(after or "")
        now = max(now, moment + datetime.timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")
