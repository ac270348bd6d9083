"""Labelled boxes, and frames round what belongs together."""

from collections.abc import Iterator
from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import Piece
from llmlab.show.draw.looks import BLANK, FADED, Look
from llmlab.show.draw.sheet import Sheet

PADDING = 12  # between the words and the edge, left and right
HEADROOM = 7  # above and below them


@dataclass(frozen=True, eq=False)
class Box(Piece):
    """A label and, below it, a note in the second voice."""

    label: str
    note: str
    look: Look
    width: float
    height: float

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        rect = Rect(x, y, self.width, self.height)
        sheet.rectangle(rect, self.look)
        above = letters.height_of(self.label)
        below = letters.height_of(self.note, size=letters.SMALL)
        top, centre = y + (self.height - above - below) / 2, x + self.width / 2
        ink, fill = self.look.ink, self.look.fill
        sheet.write(
            self.label, centre, top + above / 2, color=ink, fill=fill, inside=rect
        )
        sheet.write(
            self.note, centre, top + above + below / 2, size=letters.SMALL, color=ink,
            fill=fill, inside=rect,
        )  # fmt: skip


def box(
    label: str, *, note: str = "", look: Look = BLANK,
    width: float | None = None, height: float | None = None,
) -> Piece:  # fmt: skip
    """Return a box with a label, as large as its words need or as said.

    note: smaller, below the label. Both may have several lines; with a width they are
    broken to fit. ValueError: the words do not fit.
    """
    if width is not None:
        room = width - 2 * PADDING
        label = letters.wrap(label, room)
        note = letters.wrap(note, room, size=letters.SMALL)
    widest = max(letters.width_of(label), letters.width_of(note, size=letters.SMALL))
    lines = letters.height_of(label) + letters.height_of(note, size=letters.SMALL)
    needed = lines + 2 * HEADROOM
    if height is not None and height < needed:
        raise ValueError(
            f"height={height:g} is too low for the words of box {label!r}, they need "
            f"{needed:.0f}; give it that, or leave height out."
        )
    return Box(label, note, look, width or widest + 2 * PADDING, height or needed)


@dataclass(frozen=True, eq=False)
class Frame(Piece):
    """A piece inside a larger box whose label stands at the upper left."""

    piece: Piece
    label: str
    look: Look
    width: float
    height: float

    def inside(self) -> Iterator[tuple[Piece, float, float]]:
        left = (self.width - self.piece.width) / 2
        yield self.piece, left, self.height - PADDING - self.piece.height

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        rect = Rect(x, y, self.width, self.height)
        sheet.rectangle(rect, self.look, radius=6)
        sheet.write(
            self.label, x + PADDING, y + PADDING + letters.line_height() / 2,
            align="left", color=style.QUIET, fill=self.look.fill, inside=rect,
        )  # fmt: skip


def frame(piece: Piece, label: str, *, look: Look = FADED) -> Piece:
    """Put a piece into a labelled frame, for example what one process holds."""
    width = max(piece.width, letters.width_of(label)) + 2 * PADDING
    height = piece.height + letters.height_of(label) + 2.5 * PADDING
    return Frame(piece, label, look, width, height)
