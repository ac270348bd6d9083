"""Number lines: levels, points, where a point is rounded to, and intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import extents
from llmlab.show.draw import words as letters
from llmlab.show.draw.extents import Extent
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import ROOM, Piece
from llmlab.show.draw.sheet import Sheet

DOT = 10  # pixels that a dot takes, and dots of one value above each other
LIFT = 28  # height of a point that falls onto a level
PAD = 18  # beyond the outermost values
EXTENT = 26


@dataclass(frozen=True)
class Tick:
    """A level on the line, named below it."""

    value: float
    label: str = ""


@dataclass(frozen=True)
class Point:
    """A value above the line, or below it; with `to`, an arrow falls to that value.

    Points of one value stand above each other. color: a number of style.SERIES.
    """

    value: float
    label: str = ""
    to: float | None = None
    color: int = 0
    below: bool = False


@dataclass(frozen=True, eq=False)
class NumberLine(Piece):
    """A horizontal line from low to high."""

    low: float
    high: float
    width: float
    ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    extents: tuple[Extent, ...]
    arrows: bool

    @property
    def _line(self) -> float:
        """How far below the upper edge the line lies."""
        counts = Counter(each.value for each in self.points if not each.below)
        lift = LIFT if any(each.to is not None for each in self.points) else 4
        words = letters.line_height() if any(e.label for e in self.points) else 0
        return words + lift + DOT * max(counts.values(), default=0)

    @property
    def _hang(self) -> float:
        """How far below the line the words of its levels begin."""
        return 8 + (DOT + 4) * any(each.below for each in self.points)

    @property
    def _below(self) -> float:
        labelled = any(each.label for each in self.ticks)
        any(each.below for each in self.points)
        return self._hang + letters.line_height(letters.SMALL) * labelled

    @property
    def height(self) -> float:  # type: ignore[override]  # computed
        return self._line + self._below + EXTENT * len(self.extents)

    def at(self, value: float) -> float:
        """Return where a value lies, in pixels from the left edge."""
        share = (value - self.low) / (self.high - self.low)
        return PAD + share * (self.width - 2 * PAD)

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        line = y + self._line
        ends = [(x, line), (x + self.width, line)]
        sheet.line(ends, head=self.arrows, tail=self.arrows)
        for tick in self.ticks:
            place = x + self.at(tick.value)
            sheet.line([(place, line - 5), (place, line + 5)], color=style.INK)
            middle = line + self._hang + letters.line_height(letters.SMALL) / 2
            sheet.write(tick.label, place, middle, size=letters.SMALL)
        stacked: Counter[float] = Counter()
        for point in self.points:
            self._paint_point(sheet, point, x, line, stacked[point.value])
            stacked[point.value] += not point.below
        for index, each in enumerate(self.extents):
            start, end = self.at(each.start), self.at(each.end)
            top = line + self._below + index * EXTENT
            extents.paint(sheet, each.label, Rect(x + start, top, end - start, EXTENT))

    def _paint_point(
        self, sheet: Sheet, point: Point, x: float, line: float, passed: int
    ) -> None:
        """passed: how many points of this value are drawn already."""
        place, look = x + self.at(point.value), style.series(point.color)
        height = 4 + DOT / 2 + DOT * passed + (LIFT - 4) * (point.to is not None)
        y = line + 11 if point.below else line - height
        size = 7 if point.below else 6
        sheet.dot(place, y, color=look.color, marker=look.marker, size=size)
        if point.to is not None:
            ends = [(place, y + 5), (x + self.at(point.to), line - 6)]
            sheet.line(ends, color=look.color, head=True)
        above = y - DOT / 2 - letters.line_height() / 2
        sheet.write(point.label, place, above)


def number_line(
    low: float, high: float, *, width: float = ROOM, ticks: Sequence[Tick] = (),
    points: Sequence[Point] = (), extents: Sequence[Extent] = (), arrows: bool = False,
) -> NumberLine:  # fmt: skip
    """Return a number line with levels, points above it and extents below.

    arrows: heads at both ends, for a line that goes on. ValueError: high not above
    low, something outside them.
    """
    if not low < high:
        raise ValueError(f"low={low:g} is not below high={high:g}; exchange them.")
    values = [each.value for each in ticks] + [each.value for each in points]
    values += [each.to for each in points if each.to is not None]
    values += [end for each in extents for end in (each.start, each.end)]
    for value in values:
        if not low <= value <= high:
            raise ValueError(
                f"{value:g} lies outside the line from {low:g} to {high:g}; give the "
                "line a wider range."
            )
    return NumberLine(
        low, high, width, tuple(ticks), tuple(points), tuple(extents), arrows
    )
