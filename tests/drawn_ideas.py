"""Ideas of later labs, drawn to show that the words of show.draw are enough."""

from llmlab.show import draw


def mask():
    """A later lab's mask: row t may look at columns up to t."""
    seen = draw.solid(0)
    cells = [[seen if s <= t else None for s in range(6)] for t in range(6)]
    names = ["def", "f", "(", "x", ")", ":"]
    allowed = draw.matrix(cells, row_labels=names, column_labels=names, mono=True,
                          row_letter="T", column_letter="S", outlined_rows=[3],
                          width=36)  # fmt: skip
    key = draw.legend(("may be looked at", seen), ("masked", draw.MASKED))
    return draw.column(draw.row(allowed), key), []


def levels():
    """A later lab's number line: weights fall onto levels."""
    ticks = [draw.Tick(level, str(level)) for level in range(-3, 4)]
    points = [draw.Point(x, f"{x:g}", to=round(x)) for x in (-2.3, -0.4, 1.7)]
    lengths = [draw.Extent(1, 2, "step")]
    line = draw.number_line(-4, 4, ticks=ticks, points=points, extents=lengths,
                            arrows=True)  # fmt: skip
    return line, []


def pages():
    """A later lab's cache: two requests own pages, the last of them half full."""
    owned = [draw.page("A", 4), draw.page("B", 4, color=1), draw.page("A", 2),
             draw.FREE_PAGE, draw.page("B", 1, color=1), draw.FREE_PAGE]  # fmt: skip
    strip = draw.memory(owned, slots=4, slot_width=22)
    request = draw.box("request A", note="pages 0, 2", look=draw.tint(0))
    key = draw.legend(("free", draw.FREE), ("wasted", draw.WASTED))
    piece = draw.column(request, draw.space(height=20), strip, key)
    ends = [draw.arrow(request, strip.page(0)),
            draw.arrow(request, strip.page(2), route="elbow")]  # fmt: skip
    return piece, ends


def engine():
    """A later lab's engine: boxes, a frame, an elbow, a loop, a bracket."""
    draft = draw.box("draft", note="small model", look=draw.tint(2))
    verify = draw.box("verify", note="large model", look=draw.tint(0))
    text = draw.tokens(["a", "=", "b", draw.Cell("c", draw.FREE)])
    inside = draw.row(draft, verify, gap=110)
    piece = draw.column(draw.frame(inside, "engine"), draw.space(height=20), text,
                        align="center")  # fmt: skip
    joints = [draw.arrow(draft, verify, "4 tokens"), draw.arrow(verify, text),
              draw.bracket(text.cell(0, 0), text.cell(0, 2), label="kept")]  # fmt: skip
    return piece, joints


def loop():
    """A decode loop: what comes out goes in again."""
    names = [draw.box(name) for name in ("text", "model", "next token")]
    joints = [draw.arrow(*names[:2]), draw.arrow(*names[1:], "argmax"),
              draw.arrow(names[2], names[0], "append", route="loop")]  # fmt: skip
    return draw.row(*names, gap=70), joints


def array():
    """A later lab's systolic array: values move from cell to cell."""
    grid = draw.matrix([["w"] * 3] * 3, gap=26, mono=True)
    inputs = draw.tokens(["x", "y", "z"])
    right = [draw.arrow(grid.cell(i, j), grid.cell(i, j + 1))
             for i in range(3) for j in range(2)]  # fmt: skip
    down = [draw.arrow(grid.cell(i, j), grid.cell(i + 1, j), color=1)
            for i in range(2) for j in range(3)]  # fmt: skip
    elbow = draw.arrow(inputs, grid.cell(0, 0), route="elbow")
    return draw.column(inputs, draw.space(height=10), draw.row(draw.space(160), grid),
                       ), [*right, *down, elbow]  # fmt: skip


def batches():
    """A later lab's batching: a request waits until a place is free."""
    first = draw.lane("place 1", draw.Span(0, 6, "A"), draw.Span(6, 10, "C"))
    second = draw.lane("place 2", draw.Span(0, 4, "B", draw.tint(1)),
                       draw.Extent(4, 10, "idle"))  # fmt: skip
    waits = draw.timeline(first, second, bands=[draw.Band(4, 6, "C waits")],
                          moments=[draw.Moment(10, "all done")])  # fmt: skip
    return waits, []


EXAMPLES = [mask, levels, pages, engine, loop, array, batches]
