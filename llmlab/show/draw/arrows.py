"""Arrows between pieces, and brackets that name a group of them."""

import itertools
from dataclasses import dataclass
from typing import Literal

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect, around
from llmlab.show.draw.layouts import End, Places, place_of
from llmlab.show.draw.sheet import Points, Sheet

Route = Literal["straight", "elbow", "loop"]
CLEAR = 3  # pixels between an arrow and what it joins
DEPTH = 22  # how far a loop runs below


@dataclass(frozen=True)
class Arrow:
    """A line with a head, from one piece or part to another."""

    start: End
    end: End
    label: str
    route: Route
    color: str
    dashed: bool

    def bounds(self, where: Places) -> Rect:
        """Return the room that it takes, so that the card is large enough."""
        xs, ys = zip(*self._points(where), strict=True)
        line = Rect(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
        return around([line, self._words(where)]) if self.label else line

    def paint(self, sheet: Sheet, where: Places) -> None:
        sheet.line(
            self._points(where), color=self.color, dashed=self.dashed, head=True,
            radius=8,
        )  # fmt: skip
        sheet.arrows.append(self._points(where))
        words = self._words(where)
        sheet.write(self.label, *words.middle, size=letters.SMALL)

    def _points(self, where: Places) -> Points:
        start, end = place_of(self.start, where), place_of(self.end, where)
        draw = {"straight": _straight, "elbow": _elbow, "loop": _loop}[self.route]
        return draw(start, end)

    def _words(self, where: Places) -> Rect:
        """Above a line that runs across, right of one that runs down."""
        points = self._points(where)
        longest = max(
            itertools.pairwise(points),
            key=lambda leg: abs(leg[0][0] - leg[1][0]),
        )
        (x, y), (to_x, to_y) = longest
        width = letters.width_of(self.label, size=letters.SMALL)
        height = letters.height_of(self.label, size=letters.SMALL)
        if abs(to_x - x) < abs(to_y - y):
            return Rect(max(x, to_x) + 7, (y + to_y - height) / 2, width, height)
        above = max(y, to_y) + 2 if self.route == "loop" else min(y, to_y) - height - 2
        return Rect((x + to_x - width) / 2, above, width, height)


def arrow(
    start: End, end: End, label: str = "", *, route: Route = "straight",
    color: int | None = None, dashed: bool = False,
) -> Arrow:  # fmt: skip
    """Return an arrow from one piece to another, or to a part such as a cell.

    route: "straight"; "elbow", across and then up or down; "loop", back below both.
    color: a number of style.SERIES, grey if not given. ValueError: an unknown route.
    """
    if route not in ("straight", "elbow", "loop"):
        raise ValueError(f"route={route!r}; take 'straight', 'elbow' or 'loop'.")
    ink = style.QUIET if color is None else style.series(color).color
    return Arrow(start, end, label, route, ink, dashed)


def _straight(start: Rect, end: Rect) -> Points:
    """Across where the gap beside them is the wider one, else down."""
    across = max(end.x - start.right, start.x - end.right)
    down = max(end.y - start.bottom, start.y - end.bottom)
    if across >= down:
        forward = start.middle[0] <= end.middle[0]
        from_x, to_x = (start.right, end.x) if forward else (start.x, end.right)
        clear = CLEAR if forward else -CLEAR
        from_y, to_y = _level(start.y, start.bottom, end.y, end.bottom)
        return [(from_x + clear, from_y), (to_x - clear, to_y)]
    downward = start.middle[1] <= end.middle[1]
    from_y, to_y = (start.bottom, end.y) if downward else (start.y, end.bottom)
    clear = CLEAR if downward else -CLEAR
    from_x, to_x = _level(start.x, start.right, end.x, end.right)
    return [(from_x, from_y + clear), (to_x, to_y - clear)]


def _level(low: float, high: float, other_low: float, other_high: float):
    """Where two sides face each other, the middle of that; else their middles."""
    common = max(low, other_low), min(high, other_high)
    if common[0] < common[1]:
        return sum(common) / 2, sum(common) / 2
    return (low + high) / 2, (other_low + other_high) / 2


def _elbow(start: Rect, end: Rect) -> Points:
    (x, y), (to_x, to_y) = start.middle, end.middle
    across, down = (1 if to_x > x else -1), (1 if to_y > y else -1)
    from_x = (start.right if across > 0 else start.x) + across * CLEAR
    last = (end.y if down > 0 else end.bottom) - down * CLEAR
    return [(from_x, y), (to_x, y), (to_x, last)]


def _loop(start: Rect, end: Rect) -> Points:
    below = max(start.bottom, end.bottom)
    (x, _), (to_x, _) = start.middle, end.middle
    low = below + DEPTH
    return [
        (x, start.bottom + CLEAR), (x, low), (to_x, low), (to_x, end.bottom + CLEAR)
    ]  # fmt: skip


@dataclass(frozen=True)
class Bracket:
    """A line along the lower edge of some pieces, their name below it."""

    ends: tuple[End, ...]
    label: str

    def bounds(self, where: Places) -> Rect:
        group = self._group(where)
        width = max(group.width, letters.width_of(self.label, size=letters.SMALL))
        height = 12 + letters.height_of(self.label, size=letters.SMALL)
        return Rect(group.middle[0] - width / 2, group.bottom + 3, width, height)

    def paint(self, sheet: Sheet, where: Places) -> None:
        group, room = self._group(where), self.bounds(where)
        legs, spine = room.y + 1, room.y + 6
        sheet.line(
            [(group.x + 1, legs), (group.x + 1, spine), (group.right - 1, spine),
             (group.right - 1, legs)]
        )  # fmt: skip
        sheet.write(
            self.label, group.middle[0], (spine + 4 + room.bottom) / 2,
            size=letters.SMALL,
        )  # fmt: skip

    def _group(self, where: Places) -> Rect:
        return around([place_of(end, where) for end in self.ends])


def bracket(*ends: End, label: str) -> Bracket:
    """Name a group of pieces or parts by a bracket below them."""
    return Bracket(ends, label)
