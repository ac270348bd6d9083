"""Pieces, and how they come to stand beside and below each other.

A piece knows its size when it is made; where it stands is computed once the whole
drawing is known, so arrows can name the pieces that they join.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from llmlab.show import style
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.sheet import Sheet
from llmlab.show.figures import PIXELS_PER_INCH

Align = Literal["start", "center", "end"]
SHARES = {"start": 0.0, "center": 0.5, "end": 1.0}
WIDTH = round(style.WIDTH * PIXELS_PER_INCH)
MARGIN = 24  # pixels round everything
ROOM = WIDTH - 2 * MARGIN  # what a piece may take


class Piece:
    """Something with a size, in pixels of the page, that can be painted."""

    width: float
    height: float

    def inside(self) -> Iterator[tuple["Piece", float, float]]:
        """Yield the pieces it is made of, and where they stand in it."""
        yield from ()

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        """Paint it with its upper left corner here, without the pieces inside."""


@dataclass(frozen=True, eq=False)
class Part:
    """A place inside a piece, such as a cell: an end for an arrow."""

    piece: Piece
    rect: Rect


End = Piece | Part
Places = dict[Piece, Rect]


def places(piece: Piece, x: float, y: float) -> Places:
    """Return where a piece and all that is inside it stand.

    ValueError: one piece stands at two places.
    """
    found = {piece: Rect(x, y, piece.width, piece.height)}
    for child, right, down in piece.inside():
        deeper = places(child, x + right, y + down)
        if found.keys() & deeper.keys():
            raise ValueError(
                "one piece stands in the drawing twice, so an arrow to it has two "
                "ends; make a second piece."
            )
        found |= deeper
    return found


def place_of(end: End, where: Places) -> Rect:
    """Return where a piece or a part of one stands. ValueError: it is not drawn."""
    piece = end.piece if isinstance(end, Part) else end
    if piece not in where:
        raise ValueError(
            f"an arrow ends at a {type(piece).__name__.lower()} that is not in the "
            "drawing; put it into its row or column."
        )
    rect = where[piece]
    return end.rect.moved(rect.x, rect.y) if isinstance(end, Part) else rect


@dataclass(frozen=True, eq=False)
class Stack(Piece):
    """Pieces along one direction."""

    pieces: tuple[Piece, ...]
    gap: float
    align: Align
    across: bool

    @property
    def width(self) -> float:  # type: ignore[override]  # computed
        return self._extent(self.across, [each.width for each in self.pieces])

    @property
    def height(self) -> float:  # type: ignore[override]  # computed
        return self._extent(not self.across, [each.height for each in self.pieces])

    def _extent(self, along: bool, sizes: list[float]) -> float:
        gaps = self.gap * (len(sizes) - 1)
        return sum(sizes) + gaps if along else max(sizes)

    def inside(self) -> Iterator[tuple[Piece, float, float]]:
        share, passed = SHARES[self.align], 0.0
        for piece in self.pieces:
            if self.across:
                yield piece, passed, share * (self.height - piece.height)
                passed += piece.width + self.gap
            else:
                yield piece, share * (self.width - piece.width), passed
                passed += piece.height + self.gap


def row(*pieces: Piece, gap: float = 16, align: Align = "center") -> Piece:
    """Stand pieces side by side. align: "start" is their upper edges."""
    return Stack(pieces, gap, align, across=True)


def column(*pieces: Piece, gap: float = 12, align: Align = "start") -> Piece:
    """Stand pieces one below the other. align: "start" is their left edges."""
    return Stack(pieces, gap, align, across=False)


@dataclass(frozen=True, eq=False)
class Gap(Piece):
    """Empty room of a fixed size."""

    width: float
    height: float


def space(width: float = 0, height: float = 0) -> Piece:
    """Return empty room, for example where a column of a row has nothing."""
    return Gap(width, height)
