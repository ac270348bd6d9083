"""The numbers of a picture, as a table that a screen reader can walk through."""

from collections.abc import Iterable
from dataclasses import dataclass

from llmlab.core import records
from llmlab.core.records import Record


@dataclass(frozen=True)
class Table:
    """Records as HTML in a notebook and as aligned text elsewhere."""

    records: tuple[Record, ...]
    columns: tuple[str, ...] | None = None
    title: str = ""

    def _repr_html_(self) -> str:
        return records.html_table(self.records, self.columns, title=self.title)

    def __repr__(self) -> str:
        text = records.table(self.records, self.columns)
        return f"{self.title}\n{text}" if self.title else text


def table(
    rows: Iterable[Record], columns: Iterable[str] | None = None, *, title: str = ""
) -> Table:
    """Return a table of records; columns as in `core.records.table`.

    ValueError: no records, a column that none of them has.
    """
    rows = tuple(rows)
    if not rows:
        raise ValueError("rows is empty; a table needs at least one record.")
    made = Table(rows, None if columns is None else tuple(columns), title)
    repr(made)  # an unknown column is refused here, not when the notebook draws it
    return made
