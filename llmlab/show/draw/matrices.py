"""Matrices whose cells carry colours or numbers, and rows of tokens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.looks import BLANK, MASKED, Look
from llmlab.show.draw.sheet import Sheet

CELL = 30  # pixels
LETTER = 22  # room for a bracket and its shape letter
LABEL_GAP = 7


@dataclass(frozen=True)
class Cell:
    """What is written in a cell, and its look."""

    text: str = ""
    look: Look = BLANK


Filling = Cell | Look | str | float | None


def cell(filling: Filling) -> Cell:
    """Return a cell from a text, a number, a look (None for masked) or a cell."""
    if isinstance(filling, Cell):
        return filling
    if isinstance(filling, Look):
        return Cell(look=filling)
    if filling is None:
        return Cell(look=MASKED)
    return Cell(filling if isinstance(filling, str) else _number(filling))


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, eq=False)
class Matrix(Piece):
    """Rows of cells of one size, labels at the left and above, brackets outside."""

    rows: tuple[tuple[Cell, ...], ...]
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    letters: tuple[str, str]  # of the rows, of the columns
    size: tuple[float, float]
    gap: float
    mono: bool
    outlined: tuple[tuple[int, ...], tuple[int, ...]]  # rows, columns

    @property
    def _left(self) -> float:
        widest = max(map(letters.width_of, self.row_labels), default=0)
        return (LETTER if self.letters[0] else 0) + (widest + LABEL_GAP) * (widest > 0)

    @property
    def _top(self) -> float:
        labels = letters.line_height() if any(self.column_labels) else 0
        return (LETTER if self.letters[1] else 0) + labels

    @property
    def width(self) -> float:  # type: ignore[override]  # computed
        return self._left + self._run(len(self.rows[0]), self.size[0])

    @property
    def height(self) -> float:  # type: ignore[override]  # computed
        return self._top + self._run(len(self.rows), self.size[1])

    def _run(self, count: int, size: float) -> float:
        return count * size + (count - 1) * self.gap

    def cell(self, row: int, column: int) -> Part:
        """Return a cell as an end for an arrow."""
        return Part(self, self._rect(row, column))

    def _rect(self, row: int, column: int) -> Rect:
        (width, height), gap = self.size, self.gap
        x, y = self._left + column * (width + gap), self._top + row * (height + gap)
        return Rect(x, y, width, height)

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        for i, cells in enumerate(self.rows):
            for j, each in enumerate(cells):
                rect = self._rect(i, j).moved(x, y)
                sheet.rectangle(rect, each.look, radius=2)
                sheet.write(
                    each.text, *rect.middle, mono=self.mono, inside=rect,
                    color=each.look.ink, fill=each.look.fill,
                )  # fmt: skip
        self._paint_labels(sheet, x, y)
        self._paint_outlines(sheet, x, y)
        self._paint_letters(sheet, x, y)

    def _paint_labels(self, sheet: Sheet, x: float, y: float) -> None:
        for i, label in enumerate(self.row_labels):
            middle = self._rect(i, 0).moved(x, y).middle[1]
            sheet.write(label, x + self._left - LABEL_GAP, middle, align="right")
        for j, label in enumerate(self.column_labels):
            rect = self._rect(0, j).moved(x, y)
            above = rect.y - letters.line_height() / 2
            sheet.write(label, rect.middle[0], above, mono=self.mono)

    def _paint_outlines(self, sheet: Sheet, x: float, y: float) -> None:
        across = self._run(len(self.rows[0]), self.size[0])
        down = self._run(len(self.rows), self.size[1])
        for i in self.outlined[0]:
            first = self._rect(i, 0).moved(x, y)
            sheet.outline(Rect(first.x, first.y, across, first.height), style.INK)
        for j in self.outlined[1]:
            first = self._rect(0, j).moved(x, y)
            sheet.outline(Rect(first.x, first.y, first.width, down), style.INK)

    def _paint_letters(self, sheet: Sheet, x: float, y: float) -> None:
        """A bracket along a side: a line with two short legs, its letter outside."""
        left, top = x + self._left, y + self._top
        if self.letters[0]:
            legs, spine, bottom = x + LETTER - 2, x + LETTER - 6, y + self.height
            corners = [(legs, top), (spine, top), (spine, bottom), (legs, bottom)]
            sheet.line(corners)
            sheet.write(self.letters[0], spine - 9, (top + bottom) / 2, bold=True)
        if self.letters[1]:
            legs, spine, right = y + LETTER - 2, y + LETTER - 6, x + self.width
            corners = [(left, legs), (left, spine), (right, spine), (right, legs)]
            sheet.line(corners)
            sheet.write(self.letters[1], (left + right) / 2, spine - 9, bold=True)


def matrix(
    rows: Sequence[Sequence[Filling]], *, row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (), row_letter: str = "", column_letter: str = "",
    outlined_rows: Collection[int] = (), outlined_columns: Collection[int] = (),
    width: float = CELL, height: float = CELL, gap: float = 2, mono: bool = False,
) -> Matrix:  # fmt: skip
    """Return a matrix; a cell is a text, a number, a look, None (masked) or a Cell.

    row_letter, column_letter: shape letters, written at brackets. width, height: of
    one cell; gap: between cells, wider where arrows run. ValueError: rows of unequal
    length, a label too few or too many, a text wider than its cell.
    """
    cells = tuple(tuple(map(cell, each)) for each in rows)
    if not cells or not cells[0] or len({len(each) for each in cells}) > 1:
        raise ValueError(
            f"rows have lengths {[len(each) for each in cells]}; a matrix has at least "
            "one cell, and rows of one length: fill up with None for masked cells."
        )
    _one_for_each("row_labels", row_labels, len(cells))
    _one_for_each("column_labels", column_labels, len(cells[0]))
    for words in [each.text for line in cells for each in line] + [*column_labels]:
        letters.require(words, width - 4, mono=mono)
    outlined = tuple(outlined_rows), tuple(outlined_columns)
    return Matrix(
        cells, tuple(row_labels), tuple(column_labels), (row_letter, column_letter),
        (width, height), gap, mono, outlined,
    )  # fmt: skip


def tokens(
    words: Sequence[Filling], *, look: Look = BLANK, width: float | None = None
) -> Matrix:
    """Return a row of tokens, one cell for each.

    look: of those given as a text. width: of a cell; what the longest needs if not
    given.
    """
    cells = [Cell(w, look) if isinstance(w, str) else cell(w) for w in words]
    longest = max((letters.width_of(c.text, mono=True) for c in cells), default=0)
    return matrix([cells], width=width or max(CELL, longest + 14), gap=2, mono=True)


def _one_for_each(name: str, labels: Sequence[str], count: int) -> None:
    if labels and len(labels) != count:
        raise ValueError(
            f"{name} has {len(labels)} labels for {count}; give one for each, or none."
        )
