"""Records as grids for reading: subjects down and facts across where there are both.

Which way a table is turned follows from what tells its records apart: their subjects,
their names, or a detail such as the phase or the number of tokens. A column has one
unit, a share is in per cent, and a long table leaves out its middle and says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.core import quantities, records, units
from llmlab.core.records import Record

MOST = 12  # rows of a table that is read at a glance
ACROSS = 6  # values of a detail that stand side by side, at most
FACTS = 4  # more of them stand below each other, and the subjects side by side
CURVES = ("position",)  # details along which a fact is a curve, for a picture
ASIDE = {"note", "guess", "rounds", "calls", "verdict", "bound"}  # tell nothing apart

Key = Callable[[Record], Any]
Family = tuple[set[str], set[str], list[Record]]  # names, subjects, their records


@dataclass(frozen=True)
class Pivot:
    """Headings and rows of text, and sentences that stand below."""

    headings: list[str]
    rows: list[list[str]]
    below: tuple[str, ...] = ()


def grids(
    facts: Sequence[Record], *, along: str | None = None, most: int | None = MOST
) -> list[Pivot]:
    """Return the grids of some records, one for all that have facts in common.

    along: a detail whose values stand below each other. most: rows of a grid, None for
    all of them. Raises ValueError for a detail that no record has.
    """
    if along is not None:
        facts = [fact for fact in facts if along in fact.details]
        if not facts:
            raise ValueError(f"along={along!r} is a detail of none of these records.")
        return [_cut(_along(facts, along), most)]
    curves = [fact for fact in facts if _is_curve(fact)]
    rest = [fact for fact in facts if not _is_curve(fact)]
    said = _curves(curves) if curves and rest else ()
    rest = rest or list(facts)
    made = [_cut(_turned(group), most) for group in _families(rest)]
    last = made[-1]
    return [*made[:-1], Pivot(last.headings, last.rows, (*last.below, *said))]


def _is_curve(fact: Record) -> bool:
    return any(key in fact.details for key in CURVES)


def _curves(curves: Sequence[Record]) -> tuple[str, ...]:
    key = next(key for key in CURVES if key in curves[0].details)
    names = ", ".join(dict.fromkeys(fact.name for fact in curves))
    return (f"Left out: {names}, see the picture or show.table(…, along={key!r}).",)


def _families(facts: Sequence[Record]) -> list[list[Record]]:
    """Part records whose subjects share no name: times here, ratios there."""
    groups: list[Family] = []
    for fact in facts:
        same = [g for g in groups if fact.name in g[0] or fact.subject in g[1]]
        joined: Family = ({fact.name}, {fact.subject}, [])
        for group in same:
            joined[0].update(group[0])
            joined[1].update(group[1])
            joined[2].extend(group[2])
            groups.remove(group)
        joined[2].append(fact)
        groups.append(joined)
    if not all(_is_wide(group) for *_, group in groups):
        return [list(facts)]
    order = {id(fact): place for place, fact in enumerate(facts)}
    return [sorted(group, key=lambda fact: order[id(fact)]) for *_, group in groups]


def _is_wide(facts: Sequence[Record]) -> bool:
    """Say whether several subjects have facts, so that a grid of their own pays."""
    return len({fact.subject for fact in facts}) > 1


def _turned(facts: Sequence[Record]) -> Pivot:
    """Choose what stands below each other and what side by side."""
    subjects = {fact.subject for fact in facts}
    names = {fact.name for fact in facts}
    if len({(fact.subject, fact.name) for fact in facts}) == len(facts):
        is_full = 2 * len(facts) > len(subjects) * len(names)
        if len(subjects) < 2 or len(names) < 2 or not is_full:
            return _long(facts)
        if len(names) > FACTS and len(subjects) < len(names):
            return _pivot(facts, "what", _name, _subject)
        return _pivot(facts, "of", _subject, _name)
    keys = _telling(facts)
    if not keys:
        return _long(facts)
    if len(keys) == 1 and len(_values(facts, keys[0])) <= ACROSS:
        across = _of_key(keys[0])
        if len(names) == 1 and len(subjects) > 1:
            return _pivot(facts, "of", _subject, across)
        if len(subjects) == 1:
            return _pivot(facts, "what", _name, across)

    def place(fact: Record) -> str:
        details = (_spoken(key, fact.details[key]) for key in keys)
        return ", ".join([fact.subject] * (len(subjects) > 1) + list(details))

    return _pivot(facts, "of", place, _name)


def _telling(facts: Sequence[Record]) -> tuple[str, ...]:
    """Return the fewest details that tell records of one name and subject apart."""
    shared = set.intersection(*(set(fact.details) for fact in facts)) - ASIDE
    ordered = [key for key in facts[0].details if key in shared]
    varied = [key for key in ordered if len(_values(facts, key)) > 1]
    chosen: tuple[str, ...] = ()
    for key in sorted(varied, key=lambda key: -_apart(facts, (key,))):
        if _apart(facts, (*chosen, key)) > _apart(facts, chosen):
            chosen = (*chosen, key)
        if _apart(facts, chosen) == len(facts):
            return tuple(key for key in ordered if key in chosen)
    return ()


def _apart(facts: Sequence[Record], keys: tuple[str, ...]) -> int:
    places = {
        (fact.name, fact.subject, *(fact.details[key] for key in keys))
        for fact in facts
    }
    return len(places)


def _values(facts: Sequence[Record], key: str) -> list[Any]:
    return list(dict.fromkeys(fact.details[key] for fact in facts))


def _along(facts: Sequence[Record], key: str) -> Pivot:
    many = len({fact.subject for fact in facts}) > 1
    several = len({fact.name for fact in facts}) > 1

    def across(fact: Record) -> str:
        if many and several:
            return f"{fact.subject}: {fact.name}"
        return fact.subject if many else fact.name

    return _pivot(facts, key, lambda fact: fact.details[key], across)


def _pivot(facts: Sequence[Record], corner: str, down: Key, across: Key) -> Pivot:
    """Turn records into a grid; where two meet in one cell, the later one counts."""
    cells = {(down(fact), across(fact)): fact for fact in facts}
    rows = list(dict.fromkeys(down(fact) for fact in facts))
    columns = list(dict.fromkeys(across(fact) for fact in facts))
    by_column = {c: [f for (_, at), f in cells.items() if at == c] for c in columns}
    kinds = {c: {fact.kind for fact in by_column[c]} for c in columns}
    by_row = {r: {f.kind for (at, _), f in cells.items() if at == r} for r in rows}
    every = set().union(*kinds.values())
    one = _scale(facts) if len({fact.name for fact in facts}) == 1 else None
    scales = {c: one or _scale(by_column[c]) for c in columns}
    headings, below = [corner], tuple[str, ...]()
    for column in columns:
        scale = scales[column]
        unit = scale[1] if scale else ""
        notes = [note for note in (unit,) if note not in ("", "1")]
        if len(every) > 1 and all(len(kind) == 1 for kind in kinds.values()):
            notes += kinds[column]
        headings.append(", ".join([str(column), *notes]))
    if len(every) == 1:
        below = (f"All of it is {every.pop()}.",)
    said = [
        [_shown(row)] + [_cell(cells.get((row, c)), scales[c]) for c in columns]
        for row in rows
    ]
    if not below and any(len(kind) > 1 for kind in kinds.values()):
        headings.append("kind")
        for line, row in zip(said, rows, strict=True):
            line.append(" or ".join(sorted(by_row[row])))
    return Pivot(headings, said, below)


def _long(facts: Sequence[Record]) -> Pivot:
    """Return a row for each record: what, of, value, interval and kind."""
    scale = _scale(facts) if len({fact.name for fact in facts}) == 1 else None
    rows = []
    for fact in facts:
        own = scale or _scale([fact])
        value, interval = _value(fact, own), _interval(fact, own)
        unit = own[1] if own and own[1] not in ("1", "×") else ""
        unit = own[1] if own and own[1] == "×" else f" {unit}" if unit else ""
        row = [fact.name, fact.subject, _with_unit(fact, own, value, unit)]
        rows.append([*row, interval, fact.kind])
    headings = list(records.COLUMNS.values())
    full = [i for i in range(len(headings)) if any(row[i] for row in rows)]
    return Pivot([headings[i] for i in full], [[row[i] for i in full] for row in rows])


def _with_unit(fact: Record, scale: tuple[float, str] | None, value: str, unit) -> str:
    return value + unit if quantities.is_share(fact.name) else fact.value_text()


def _scale(facts: Sequence[Record]) -> tuple[float, str] | None:
    """Return the divisor and the unit of a column; None where none suits all."""
    if all(quantities.is_share(fact.name) for fact in facts):
        return 0.01, "%"
    if len({fact.unit for fact in facts}) > 1:
        return None
    return units.of_column([fact.value for fact in facts], facts[0].unit)


def _cell(fact: Record | None, scale: tuple[float, str] | None) -> str:
    if fact is None:
        return ""
    interval = _interval(fact, scale)
    return _value(fact, scale) + (f" ({interval})" if interval else "")


def _value(fact: Record, scale: tuple[float, str] | None) -> str:
    if scale is None:
        return fact.value_text()
    return _bare(fact.value, scale, fact.unit)


def _interval(fact: Record, scale: tuple[float, str] | None) -> str:
    if fact.low is None or fact.high is None:
        return ""
    if scale is None:
        return fact.interval_text()
    return " to ".join(_bare(end, scale, fact.unit) for end in (fact.low, fact.high))


def _bare(value: float, scale: tuple[float, str], unit: str) -> str:
    if scale[1] == "%":
        return f"{100 * value:.1f}"
    return units.bare(value, *scale, unit)


def _cut(grid: Pivot, most: int | None) -> Pivot:
    """Leave out the middle of a long grid, in a row that says how much."""
    if most is None or len(grid.rows) <= most:
        return grid
    first = most // 2
    last = most - first - 1
    left_out = len(grid.rows) - first - last
    gap = [f"… {left_out} more"] + [""] * (len(grid.headings) - 1)
    rows = [*grid.rows[:first], gap, *grid.rows[-last:]]
    said = (
        f"{left_out} of {len(grid.rows)} rows are left out; rows=None shows them all."
    )
    return Pivot(grid.headings, rows, (*grid.below, said))


def _subject(fact: Record) -> str:
    return fact.subject


def _name(fact: Record) -> str:
    return fact.name


def _of_key(key: str) -> Key:
    return lambda fact: _spoken(key, fact.details[key])


def _spoken(key: str, value: Any) -> str:
    return value if isinstance(value, str) else f"{key} {_shown(value)}"


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
