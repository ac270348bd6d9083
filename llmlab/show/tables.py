"""The numbers of a picture, as a table that a screen reader can walk through.

`table` is the one door: it takes records, and whatever offers them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from llmlab.core import records
from llmlab.core.records import Record


@dataclass(frozen=True)
class Table:
    """Records as HTML in a notebook and as aligned text elsewhere."""

    rows: tuple[Record, ...]
    columns: tuple[str, ...] | None = None
    title: str = ""

    def records(self) -> list[Record]:
        """Return what stands in the rows."""
        return list(self.rows)

    def _repr_html_(self) -> str:
        return records.html_table(self.rows, self.columns, title=self.title)

    def __repr__(self) -> str:
        text = records.table(self.rows, self.columns)
        return f"{self.title}\n{text}" if self.title else text


def table(
    result: Any, columns: Iterable[str] | None = None, *, title: str = ""
) -> Table:
    """Return a table of a result; columns as in `core.records.table`.

    result: records, or what offers them by a method `records()`, such as a speed, the
    peaks of a machine, a verdict, a training; several of these in a list; or a mapping,
    whose names then stand as subjects. What records note stands below the table.
    ValueError: no records, something else, a column that none of them has.
    """
    rows = records.collect(result)
    if not rows:
        raise ValueError(
            f"result={result!r:.60} holds no records; a table needs at least one."
        )
    made = Table(rows, None if columns is None else tuple(columns), title)
    repr(made)  # an unknown column is refused here, not when the notebook draws it
    return made
