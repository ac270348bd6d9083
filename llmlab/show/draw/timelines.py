"""Time lines: lanes of spans above one axis of time, with nothing measured on it.

Times are in a unit of the drawing's own. The axis has no numbers, so nobody takes a
drawing for a measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import extents
from llmlab.show.draw import words as letters
from llmlab.show.draw.extents import Extent
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import ROOM, Part, Piece
from llmlab.show.draw.sheet import Sheet
from llmlab.show.draw.spans import Band, Lane, Moment, Span

LANE = 30  # height of a span
EXTENT = 20  # and of a lane that only measures those above
BETWEEN = 10  # lanes
LABEL_GAP = 14
AXIS = 24
HEADING = 26  # above the lanes, for the words of bands and moments


@dataclass(frozen=True, eq=False)
class Timeline(Piece):
    """Lanes, one above the other."""

    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    moments: tuple[Moment, ...]
    width: float
    label_width: float
    end: float
    axis: bool
    note: str

    @property
    def _top(self) -> float:
        return HEADING if self.bands or self.moments else 0

    @property
    def _bottom(self) -> float:
        return self._lane_top(len(self.lanes))

    def _lane_top(self, index: int) -> float:
        above = [LANE if each.works else EXTENT for each in self.lanes[:index]]
        return self._top + sum(above) + BETWEEN * len(above)

    @property
    def height(self) -> float:  # type: ignore[override]  # computed
        return self._bottom + (AXIS if self.axis else -BETWEEN)

    @property
    def _worked(self) -> float:
        """How far down the last lane with spans ends; below it are extents."""
        last = max((i for i, each in enumerate(self.lanes) if each.works), default=-1)
        return self._lane_top(last + 1) - BETWEEN / 2

    def at(self, time: float) -> float:
        """Return where a time lies, in pixels from the left edge."""
        return self.label_width + time * (self.width - self.label_width) / self.end

    def item(self, lane: int, index: int) -> Part:
        """Return a span as an end for an arrow."""
        return Part(self, self._rect(lane, self.lanes[lane].items[index]))

    def _rect(self, lane: int, item: Span | Extent) -> Rect:
        start, y = self.at(item.start), self._lane_top(lane)
        height = LANE if self.lanes[lane].works else EXTENT
        return Rect(start, y, self.at(item.end) - start, height)

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        for band in self.bands:
            self._paint_band(sheet, band, x, y)
        for moment in self.moments:
            self._paint_moment(sheet, moment, x, y)
        for index, each in enumerate(self.lanes):
            middle = y + self._lane_top(index) + (LANE if each.works else EXTENT) / 2
            sheet.write(each.label, x, middle, align="left")
            for item in each.items:
                rect = self._rect(index, item).moved(x, y)
                if isinstance(item, Extent):
                    extents.paint(sheet, item.label, rect)
                else:
                    _paint_span(sheet, item, rect)
        if self.axis:
            self._paint_axis(sheet, x, y + self._bottom)

    def _paint_band(self, sheet: Sheet, band: Band, x: float, y: float) -> None:
        start, end = x + self.at(band.start), x + self.at(band.end)
        sheet.shadow(Rect(start, y, end - start, self._worked), style.BAND)
        middle = (start + end) / 2, y + HEADING / 2
        sheet.write(band.label, *middle, size=letters.SMALL, fill=style.BAND)

    def _paint_moment(self, sheet: Sheet, moment: Moment, x: float, y: float) -> None:
        """Its words stand above the line, moved where the drawing ends."""
        time = x + self.at(moment.time)
        sheet.line([(time, y + HEADING - 9), (time, y + self._worked)], dashed=True)
        half = letters.width_of(moment.label, size=letters.SMALL) / 2
        middle = max(x + half, min(time, x + self.width - half))
        sheet.write(moment.label, middle, y + HEADING / 2 - 5, size=letters.SMALL)

    def _paint_axis(self, sheet: Sheet, x: float, y: float) -> None:
        sheet.line([(x + self.label_width, y), (x + self.width, y)], head=True)
        below = y + AXIS / 2 + 3
        sheet.write(
            "time", x + self.width, below, align="right", size=letters.SMALL,
            color=style.QUIET,
        )  # fmt: skip
        sheet.write(
            self.note, x + self.label_width, below, align="left", size=letters.SMALL,
            color=style.QUIET,
        )  # fmt: skip


def _paint_span(sheet: Sheet, span: Span, rect: Rect) -> None:
    inner = Rect(rect.x + 1, rect.y, rect.width - 2, rect.height)
    sheet.rectangle(inner, span.look)
    sheet.write(
        span.label, *rect.middle, inside=inner, color=span.look.ink, fill=span.look.fill
    )


def timeline(
    *lanes: Lane, width: float = ROOM, bands: Sequence[Band] = (),
    moments: Sequence[Moment] = (), end: float | None = None,
    label_width: float | None = None, axis: bool = True,
    note: str = "not to scale",
) -> Timeline:  # fmt: skip
    """Return lanes above one axis of time, from 0 to `end`.

    end: a little after the last item if not given. label_width: pixels for the names
    of the lanes; give two time lines the same. axis: drawn, or left to the time line
    below. note: under the axis, empty where the lengths are right. ValueError: no
    items, one that ends before it starts, a label longer than its span.
    """
    items = [item for each in lanes for item in each.items]
    if not items:
        raise ValueError("no lane has an item; a time line needs at least one span.")
    for item in items:
        if not 0 <= item.start < item.end:
            raise ValueError(
                f"item {item.label!r} goes from {item.start:g} to {item.end:g}; "
                "it must start at 0 or later, and end after that."
            )
    widest = max(letters.width_of(each.label) for each in lanes)
    if label_width is None:
        label_width = widest + LABEL_GAP if widest else 0
    end = end or 1.03 * max(item.end for item in items)
    drawn = Timeline(
        tuple(lanes), tuple(bands), tuple(moments), width, label_width, end, axis, note
    )
    for item in items:
        if isinstance(item, Span):
            letters.require(item.label, drawn.at(item.end) - drawn.at(item.start) - 6)
    return drawn
