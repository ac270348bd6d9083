"""A race of formats as a table: how each fares in both phases, quality and bytes."""

from typing import Any

from llmlab.core.quantities import (
    BITS_PER_BYTE,
    DECODE_SPEED_UP,
    PREFILL_SPEED_UP,
    WEIGHTS,
)
from llmlab.core.records import Record, quantity
from llmlab.quantization.quantities import ADDED_BITS
from llmlab.show.text_tables import TextTable

PHASES = {"prefill": PREFILL_SPEED_UP.name, "decode": DECODE_SPEED_UP.name}
NOTHING = "no significant difference"


def verdicts(result: Any) -> TextTable:
    """Return the table of verdicts of a race of formats, a row for each.

    result: what `experiments.formats_race` returned. ValueError: something else.
    """
    facts = tuple(result.records()) if hasattr(result, "records") else ()
    table = {name: _by_subject(facts, name) for name in PHASES.values()}
    if not all(table.values()):
        raise ValueError(
            f"result={result!r:.60} has no verdicts; hand in what "
            "quantization.experiments.formats_race returned."
        )
    added = _by_subject(facts, ADDED_BITS.name)
    held = _by_subject(facts, WEIGHTS.name)
    names = list(table[DECODE_SPEED_UP.name])
    lines: tuple[tuple[str, ...], ...] = tuple(
        (
            name,
            *(_ratio(table[what][name]) for what in PHASES.values()),
            _share(added[name]) if name in added else "",
            quantity(held[name].value, "B") if name in held else "",
        )
        for name in names
    )
    headings = ("against fp32", *PHASES, BITS_PER_BYTE.name, WEIGHTS.name)
    return TextTable(headings, lines, facts, getattr(result, "note", ""))


def _by_subject(facts: tuple[Record, ...], name: str) -> dict[str, Record]:
    return {fact.subject: fact for fact in facts if fact.name == name}


def _share(added: Record) -> str:
    """Say what a format adds, with its interval where there is one."""
    if added.low is None or added.high is None:
        return f"{added.value:+.2%}"
    return f"{added.value:+.2%} ({100 * added.low:+.2f} to {100 * added.high:+.2f})"


def _ratio(fact: Record) -> str:
    word = fact.details["verdict"]
    word = "no clear difference" if word == NOTHING else word
    return f"{word}, {fact.value_text()} as fast ({fact.interval_text()})"
