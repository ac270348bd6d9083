"""What is drawn can be read: no text leaves its shape, meets another or is crossed."""

import itertools

from llmlab.show import style
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.looks import READABLE, contrast
from llmlab.show.draw.sheet import Lettering, Points, Sheet
from llmlab.show.draw.words import SMALL

BESIDE = 4  # pixels; an arrow ends a little before what it joins
TOLERANCE = 0.75  # pixels of the page, half of one on the screen


def complaints(sheet: Sheet) -> list[str]:
    """Return what keeps a reader from some of the text, nothing where all is well."""
    extents = [(each, extent_of(each, sheet)) for each in sheet.written]
    told = [line for each, rect in extents for line in _alone(each, rect, sheet)]
    for (one, rect), (other, its) in itertools.combinations(extents, 2):
        if rect.grown(-TOLERANCE).meets(its.grown(-TOLERANCE)):
            told.append(f"{_quoted(one)} overlaps {_quoted(other)}")
    if any(_crosses(points, edge) for points in sheet.arrows for edge in sheet.edges):
        told.append("an arrow runs over a shape that it does not join")
    return told


def _crosses(points: Points, edge: Rect) -> bool:
    """A shape near an end is one that the arrow joins, or a frame round it."""
    room, (start, *_, end) = edge.grown(BESIDE), points
    if any(room.holds(Rect(*point, 0, 0)) for point in (start, end)):
        return False
    return any(map(edge.grown(-TOLERANCE).meets, _legs(points)))


def extent_of(written: Lettering, sheet: Sheet) -> Rect:
    """Return what the letters cover, in pixels of the page, as they are rendered."""
    box = written.artist.get_window_extent().transformed(
        sheet.axes.transData.inverted()
    )
    return Rect(box.x0, min(box.y0, box.y1), box.width, abs(box.height))


def _alone(written: Lettering, rect: Rect, sheet: Sheet) -> list[str]:
    told, inner = [], rect.grown(-TOLERANCE)
    if not sheet.card.grown(-style.MARGIN).holds(rect):
        told.append("leaves the card")
    if written.inside and not written.inside.holds(inner):
        told.append("leaves its shape")
    if any(edge.meets(inner) and not edge.holds(inner) for edge in sheet.edges):
        told.append("meets an edge")
    for points in sheet.lines:
        if any(map(inner.meets, _legs(points))):
            told.append("is crossed by a line")
    if contrast(written.color, written.fill) < READABLE:
        told.append(f"has a contrast below {READABLE}")
    if written.size < SMALL:
        told.append(f"is smaller than {SMALL:g} points")
    return [f"{_quoted(written)} {what}" for what in told]


def _legs(points: Points) -> list[Rect]:
    """Return a line as rectangles; what runs aslant as many small ones."""
    legs = []
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        pieces = 1 if x == to_x or y == to_y else 24
        for k in range(pieces):
            a, b = k / pieces, (k + 1) / pieces
            xs = sorted((x + a * (to_x - x), x + b * (to_x - x)))
            ys = sorted((y + a * (to_y - y), y + b * (to_y - y)))
            legs.append(
                Rect(xs[0] - 0.5, ys[0] - 0.5, xs[1] - xs[0] + 1, ys[1] - ys[0] + 1)
            )
    return legs


def _quoted(written: Lettering) -> str:
    return repr(written.artist.get_text())
