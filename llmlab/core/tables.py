"""Tables of text: aligned for a terminal, marked up for a notebook.

`cells` takes records apart; both grids take headings and rows of ready-made cells, in
which numbers stand to the right.
"""

import html
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"[-+<≤~]?[\d.,]+(e[-+]?\d+)?( ?\S+)?( to [-\d.,e]+)?")

Cells = tuple[list[str], list[list[str]]]  # headings, rows


def cells(
    records: Sequence[Any],
    columns: Iterable[str] | None,
    *,
    known: Collection[str],
    headings: Mapping[str, str],
) -> Cells:
    """Return headings and rows of text of some `core.records.Record`.

    columns: among `known` and the keys of details; by default those of `headings` that
    are not empty in every record. Raises ValueError for one that is unknown.
    """
    known = {*known, *(key for record in records for key in record.details)}
    names = list(headings if columns is None else columns)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"columns holds {unknown[0]!r}; choose among {', '.join(sorted(known))}."
        )
    rows = [[_cell(record, name) for name in names] for record in records]
    if columns is None:
        full = [i for i in range(len(names)) if any(row[i] for row in rows)]
        names, rows = [names[i] for i in full], [[row[i] for i in full] for row in rows]
    return [headings.get(name, name) for name in names], rows


def _cell(record: Any, name: str) -> str:
    if name in ("value", "interval"):
        return record.value_text() if name == "value" else record.interval_text()
    if name in record.details:
        cell = record.details[name]
        return f"{cell:,.4g}" if isinstance(cell, float) else str(cell)
    cell = getattr(record, name, None)
    return "" if cell is None else str(cell)


def text_grid(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align headings and rows, two spaces between columns, a line below the heading."""
    if not rows:
        return "(nothing here yet)"
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    right = _right(rows)
    lines = [headings, ["─" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def html_grid(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = ""
) -> str:
    """Mark up headings and rows as a table; cells are escaped."""
    if not rows:
        return f"<p>{html.escape(title)} (nothing here yet)</p>"
    styles = [f' style="text-align:{"right" if r else "left"}"' for r in _right(rows)]
    caption = f"<caption>{html.escape(title)}</caption>" if title else ""
    head = _html_row(headings, styles, 'th scope="col"')
    body = "".join(_html_row(row, styles, "td") for row in rows)
    return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(cells: Sequence[str], styles: Sequence[str], tag: str) -> str:
    marked = (
        f"<{tag}{style}>{html.escape(cell)}</{tag.split()[0]}>"
        for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{''.join(marked)}</tr>"


def _right(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Say for each column whether it holds numbers only."""
    return [
        any(column) and all(not cell or _NUMBER.fullmatch(cell) for cell in column)
        for column in zip(*rows, strict=True)
    ]
