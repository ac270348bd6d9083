"""Drawings that explain an idea that has a shape, on a card of their own.

picture     a piece with its arrows, as a Picture with alt text, 20 kB at most
row, column, text, space, legend      how pieces stand together
box, frame                            labelled boxes, and round what belongs together
arrow, bracket                        from piece to piece; below a group of them
matrix, tokens, Cell                  cells with colours or numbers; a row of tokens
timeline, lane, Span, Band, Moment    lanes above one axis of time
number_line, Tick, Point              levels, values, where they are rounded to
Extent                                a length with its name, in both of these
memory, page, FREE_PAGE               pages: whose, filled, wasted, free
tint, solid, shade, Look              how a shape is filled, edged and written on
BLANK, FADED, MASKED, FREE, WASTED    looks with a fixed meaning

    query, cache = draw.box("query"), draw.box("cache", note="keys and values")
    draw.picture(draw.row(query, cache, gap=80), draw.arrow(query, cache, "looks at"),
                 title="A step looks at the cache", alt="…")

Sizes are pixels of the page. Text is measured before it is placed, and a drawing whose
text overlaps, is crossed or leaves its shape is refused.
"""

from llmlab.core import faces
from llmlab.show.draw.arrows import arrow, bracket
from llmlab.show.draw.boxes import box, frame
from llmlab.show.draw.extents import Extent
from llmlab.show.draw.labels import legend, text
from llmlab.show.draw.layouts import ROOM, column, row, space
from llmlab.show.draw.lines import Point, Tick, number_line
from llmlab.show.draw.looks import (
    BLANK,
    FADED,
    FREE,
    MASKED,
    WASTED,
    Look,
    shade,
    solid,
    tint,
)
from llmlab.show.draw.matrices import Cell, matrix, tokens
from llmlab.show.draw.pictures import picture
from llmlab.show.draw.spans import Band, Moment, Span, lane
from llmlab.show.draw.strips import FREE_PAGE, memory, page
from llmlab.show.draw.timelines import timeline

__all__ = [
    "BLANK",
    "FADED",
    "FREE",
    "FREE_PAGE",
    "MASKED",
    "ROOM",
    "WASTED",
    "Band",
    "Cell",
]
__all__ += ["Extent", "Look", "Moment", "Point", "Span", "Tick", "arrow", "box"]
__all__ += ["bracket", "column", "frame", "lane", "legend", "matrix", "memory"]
__all__ += ["number_line", "page", "picture", "row", "shade", "solid", "space", "text"]
__all__ += ["timeline", "tint", "tokens"]

__getattr__, __dir__ = faces.of(__name__, __all__)
