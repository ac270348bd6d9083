"""The numbers of a picture, as a table that a screen reader can walk through.

`table` is the one door: it takes records, and whatever offers them. How they are turned
for reading: `pivots`.
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from llmlab.core import records, tables
from llmlab.core.quantities import CLAIM
from llmlab.core.records import Record
from llmlab.show import pivots

SENTENCES = ("claim", "measured", "verdict")  # the columns of claims


@dataclass(frozen=True)
class Table:
    """Records as HTML in a notebook and as aligned text elsewhere."""

    facts: tuple[Record, ...]
    columns: tuple[str, ...] | None = None
    title: str = ""
    along: str | None = None
    rows: int | None = pivots.MOST

    def records(self) -> list[Record]:
        """Return what it was made of."""
        return list(self.facts)

    def _grids(self) -> list[pivots.Pivot]:
        return pivots.grids(self.facts, along=self.along, most=self.rows)

    def _repr_html_(self) -> str:
        if self.columns is not None:
            return records.html_table(self.facts, self.columns, title=self.title)
        made, title = [], self.title
        for grid in self._grids():
            made.append(tables.html_grid(grid.headings, grid.rows, title=title))
            made += [f"<p>{html.escape(line)}</p>" for line in grid.below]
            title = ""
        notes = records.notes(self.facts)
        return "".join(made) + "".join(f"<p>{html.escape(note)}</p>" for note in notes)

    def __repr__(self) -> str:
        if self.columns is not None:
            text = records.table(self.facts, self.columns)
        else:
            made = [
                "\n".join([tables.text_grid(grid.headings, grid.rows), *grid.below])
                for grid in self._grids()
            ]
            text = "\n".join(["\n\n".join(made), *records.notes(self.facts)])
        return f"{self.title}\n{text}" if self.title else text


def table(
    result: Any,
    columns: Iterable[str] | None = None,
    *,
    title: str = "",
    along: str | None = None,
    rows: int | None = pivots.MOST,
) -> Table:
    """Return a table of a result, turned for reading.

    result: records, or what offers them by a method `records()`, such as a speed, the
    peaks of a machine, a verdict, a training; several of these in a list; or a mapping,
    whose names then stand as subjects. Subjects stand below each other and their facts
    side by side, where there are several of both. along: a detail whose values stand
    below each other instead, such as "position". rows: a longer table leaves out its
    middle; None shows all. columns: a row for each record instead, with these columns,
    as in `core.records.table`. Claims of texts are shown so, with their verdicts. What
    records note stands below.
    ValueError: no records, something else, a column or detail that none of them has,
    fewer than three rows.
    """
    facts = records.collect(result)
    if not facts:
        raise ValueError(
            f"result={result!r:.60} holds no records; a table needs at least one."
        )
    if rows is not None and rows < 3:
        raise ValueError(f"rows={rows} must be 3 or more, or None for all of them.")
    if columns is None and all(fact.name == CLAIM.name for fact in facts):
        columns = SENTENCES
    chosen = None if columns is None else tuple(columns)
    made = Table(facts, chosen, title, along, rows)
    repr(made)  # an unknown column is refused here, not when the notebook draws it
    return made
