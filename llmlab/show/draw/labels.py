"""Text on its own, and the legend that says what looks mean."""

from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import SHARES, Align, Piece, row
from llmlab.show.draw.looks import Look
from llmlab.show.draw.sheet import Sheet

SWATCH = 14


@dataclass(frozen=True, eq=False)
class Words(Piece):
    """Lines of text."""

    text: str
    width: float
    height: float
    size: float
    color: str
    bold: bool
    align: Align

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        side = {"start": "left", "center": "center", "end": "right"}[self.align]
        sheet.write(
            self.text, x + SHARES[self.align] * self.width, y + self.height / 2,
            align=side, size=self.size, color=self.color, bold=self.bold,
        )  # fmt: skip


def text(
    words: str, *, width: float | None = None, align: Align = "start",
    size: float = letters.SIZE, quiet: bool = False, bold: bool = False,
) -> Piece:  # fmt: skip
    """Return text on its own.

    width: pixels that it takes, with its lines broken to fit; its natural width if
    not given. quiet: in the second voice. ValueError: one word is too wide.
    """
    if width is not None:
        words = letters.wrap(words, width, size=size, bold=bold)
    natural = letters.width_of(words, size=size, bold=bold)
    height = letters.height_of(words, size=size)
    color = style.QUIET if quiet else style.INK
    return Words(words, width or natural, height, size, color, bold, align)


@dataclass(frozen=True, eq=False)
class Swatch(Piece):
    """A small square that shows a look, or the marker of a series."""

    look: Look | int
    width: float = SWATCH
    height: float = SWATCH

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        rect = Rect(x, y, self.width, self.height)
        if isinstance(self.look, Look):
            sheet.rectangle(rect, self.look, radius=2)
        else:
            series = style.series(self.look)
            sheet.dot(*rect.middle, color=series.color, marker=series.marker)


def legend(*entries: tuple[str, Look | int]) -> Piece:
    """Say in one line what looks mean, from pairs of a word and a look.

    A number instead of a look shows the marker of that series.
    """
    named = [
        row(Swatch(look), text(word, size=letters.SMALL), gap=6)
        for word, look in entries
    ]
    return row(*named, gap=22)
