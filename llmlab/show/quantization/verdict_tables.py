"""Verdicts as a table: what was said or expected, what is here, and whether it holds.

A result that has verdicts offers `verdicts()`: records with details["verdict"]; each
becomes a cell or a row.
"""

from dataclasses import dataclass
from typing import Any

from llmlab.core import tables
from llmlab.core.quantities import BITS_PER_BYTE, WEIGHTS
from llmlab.core.records import Record, quantity
from llmlab.quantization.quantities import (
    ADDED_BITS,
    DECODE_SPEED_UP,
    PREFILL_SPEED_UP,
)

PHASES = {"prefill": PREFILL_SPEED_UP.name, "decode": DECODE_SPEED_UP.name}
NOTHING = "no significant difference"


@dataclass(frozen=True)
class Verdicts:
    """A table of text; `repr` is the same table for a terminal."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    facts: tuple[Record, ...]
    note: str = ""

    def records(self) -> list[Record]:
        """Return what the verdicts are on."""
        return list(self.facts)

    def _repr_html_(self) -> str:
        note = f"<p>{self.note}</p>" if self.note else ""
        return tables.html_grid(self.headings, self.rows) + note

    def __repr__(self) -> str:
        text = tables.text_grid(self.headings, self.rows)
        return f"{text}\n{self.note}" if self.note else text


def verdicts(result: Any) -> Verdicts:
    """Return the table of verdicts of a race of formats, or of claims.

    result: what `experiments.formats_race` or `experiments.claims` returned.
    ValueError: something else.
    """
    facts = tuple(result.records()) if hasattr(result, "records") else ()
    if hasattr(result, "claims"):
        rows = tuple((one.quoted, one.here, one.verdict) for one in result.claims)
        return Verdicts(("what is said", "here", "verdict"), rows, facts)
    table = {name: _by_subject(facts, name) for name in PHASES.values()}
    if not all(table.values()):
        raise ValueError(
            f"result={result!r:.60} has no verdicts; hand in what "
            "quantization.experiments.formats_race or claims returned."
        )
    added = _by_subject(facts, ADDED_BITS.name)
    held = _by_subject(facts, WEIGHTS.name)
    names = list(table[DECODE_SPEED_UP.name])
    lines: tuple[tuple[str, ...], ...] = tuple(
        (
            name,
            *(_ratio(table[what][name]) for what in PHASES.values()),
            f"{added[name].value:+.2%}" if name in added else "",
            quantity(held[name].value, "B") if name in held else "",
        )
        for name in names
    )
    headings = ("against fp32", *PHASES, BITS_PER_BYTE.name, WEIGHTS.name)
    return Verdicts(headings, lines, facts, getattr(result, "note", ""))


def _by_subject(facts: tuple[Record, ...], name: str) -> dict[str, Record]:
    return {fact.subject: fact for fact in facts if fact.name == name}


def _ratio(fact: Record) -> str:
    word = fact.details["verdict"]
    word = "no clear difference" if word == NOTHING else word
    return f"{word}, {fact.value_text()} as fast ({fact.interval_text()})"
