"""A table whose cells are sentences or numbers with their intervals.

`show.table` is for records; this is for what is read side by side instead: answers,
verdicts, losses with their ends.
"""

import html
from dataclasses import dataclass

from llmlab.core import tables
from llmlab.core.records import Record


@dataclass(frozen=True)
class TextTable:
    """A table of text; `repr` is the same table for a terminal.

    facts: what the cells were written from, note: a sentence below.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    facts: tuple[Record, ...] = ()
    note: str = ""

    def records(self) -> list[Record]:
        """Return what the cells were written from."""
        return list(self.facts)

    def _repr_html_(self) -> str:
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return tables.html_grid(self.headings, self.rows) + note

    def __repr__(self) -> str:
        text = tables.text_grid(self.headings, self.rows)
        return f"{text}\n{self.note}" if self.note else text
