"""Drawings of lab 4: the ideas behind its exercises. Nothing in them is measured.

grid             weights fall to the nearest level of a grid about zero
zero_point       the same weights on a grid about zero, and from lowest to highest
shared_scales    a matrix whose weights share one scale: all, a row, a few neighbours
integer_product  int8 times int8: exact sums first, two scales afterwards
layer            what flows through a linear layer that keeps integers
"""

from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Cell, Extent, Look, Point, Tick
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

WEIGHTS = (-0.27, 0.07, 0.33, 0.6)
UNEVEN = (-0.38, 0.05, 0.3, 0.82)
LEVEL, SCALE, SUM = draw.tint(0), draw.tint(1), draw.tint(2)
OUTLIER = draw.solid(1)


def grid() -> Picture:
    """Draw a row of weights that falls to the levels of a grid of 3 bits."""
    last, scale = 3, max(map(abs, WEIGHTS)) / 3
    ticks = [Tick(level * scale, f"{level}") for level in range(-last, last + 1)]
    points = [
        Point(weight, f"{weight:g}", to=round(weight / scale) * scale)
        for weight in WEIGHTS
    ]
    line = draw.number_line(
        -0.75, 0.75, ticks=ticks, points=points, arrows=True,
        extents=[Extent(scale, 2 * scale, f"scale {scale:.1f}")],
    )  # fmt: skip
    whole = [round(weight / scale) for weight in WEIGHTS]
    return draw.picture(
        line,
        title="With 3 bits, every weight falls to one of 7 levels",
        note=f"Kept are the integers {', '.join(map(str, whole))} and one scale, "
        f"{scale:.1f}. The largest weight decides the scale.",
        alt=f"""A number line with 7 levels, numbered from -3 to 3, {scale:.1f} apart,
        zero in the middle. The weights {", ".join(f"{w:g}" for w in WEIGHTS)} lie above
        it; an arrow leads from each to the nearest level. The largest, 0.6, lies on the
        last level, because its magnitude over 3 is the scale. Kept are the integers
        {", ".join(map(str, whole))} and the scale.""",
    )


def zero_point() -> Picture:
    """Draw uneven weights on the two kinds of a 2-bit grid."""
    most = max(map(abs, UNEVEN))
    even = [-most, 0.0, most]
    low, high = min(UNEVEN), max(UNEVEN)
    scale = (high - low) / 3
    zero = round(-low / scale)
    odd = [(level - zero) * scale for level in range(4)]
    lines = draw.column(
        draw.text("absmax: 3 levels, the lowest is used by nobody", bold=True),
        _fallen(UNEVEN, even, ["-1", "0", "1"]),
        draw.space(height=4),
        draw.text(
            f"affine: 4 levels from 0 up; level {zero} stands for 0.0", bold=True
        ),
        _fallen(UNEVEN, odd, ["0", "1", "2", "3"]),
        gap=6,
    )
    return draw.picture(
        lines,
        title="A zero point lets the grid follow the weights",
        note=f"The scale is the range over 3 steps, {scale:.1f}. The zero point is the "
        "level that stands for exactly 0.",
        alt=f"""Two number lines with the same four weights,
        {", ".join(f"{w:g}" for w in UNEVEN)}. On the upper one, an absmax grid of 2
        bits, three levels lie about zero, {most:g} apart; three of the weights fall to
        0 and none to the lowest level. On the lower one, an affine grid of 2 bits, four
        levels lie {scale:.1f} apart from the lowest weight to the highest; every weight
        has a level of its own. Level {zero} stands for exactly 0: the zero point.""",
    )


def _fallen(weights: Sequence[float], levels: list[float], names: list[str]) -> Piece:
    """Return a line with named levels and the weights that fall to them."""
    points = [
        Point(weight, f"{weight:g}", to=min(levels, key=lambda at: abs(at - weight)))
        for weight in weights
    ]
    ticks = [Tick(*pair) for pair in zip(levels, names, strict=True)]
    return draw.number_line(-1.0, 1.0, ticks=ticks, points=points, arrows=True)


ROWS, COLUMNS, GROUP = 3, 8, 4
PLACE = (1, 2)  # of the outlier
SMALL = 22  # pixels of a cell


def shared_scales() -> Picture:
    """Draw who shares a scale, in one matrix, three ways; one weight is an outlier."""
    ways = {
        "all": lambda row, column: 0,
        "a row": lambda row, column: row,
        f"{GROUP} neighbours": lambda row, column: (row, column // GROUP),
    }
    panels = []
    for name, key in ways.items():
        hurt = key(*PLACE)
        looks = [
            [_look(key, row, column, hurt) for column in range(COLUMNS)]
            for row in range(ROWS)
        ]
        count = len({key(r, c) for r in range(ROWS) for c in range(COLUMNS)})
        spoiled = sum(key(r, c) == hurt for r in range(ROWS) for c in range(COLUMNS))
        panels.append(
            draw.column(
                draw.text(
                    f"{name}: {count} scale{'s' if count > 1 else ''}", bold=True
                ),
                draw.matrix(looks, width=SMALL, height=SMALL),
                draw.text(f"{spoiled - 1} others get wide steps"),
                gap=7,
            )
        )
    legend = draw.legend(
        ("outlier", OUTLIER), ("shares its scale", SCALE), ("does not", LEVEL)
    )
    return draw.picture(
        draw.column(draw.row(*panels, gap=34), legend, gap=14),
        title="An outlier spoils the grid of those that share its scale",
        note="The fewer share a scale, the fewer suffer, and the more scales there are "
        "to keep.",
        alt=f"""The same matrix of {ROWS} rows and {COLUMNS} columns three times, with
        one outlier in its second row. If all weights share a scale, all
        {ROWS * COLUMNS - 1} others get wide steps. With a scale for each row, the
        {COLUMNS - 1} others of its row do. With a scale for {GROUP} neighbours, only
        {GROUP - 1} others do, and {ROWS * COLUMNS // GROUP} scales have to be kept.""",
    )


def _look(key, row: int, column: int, hurt: object) -> Look:
    if (row, column) == PLACE:
        return OUTLIER
    return SCALE if key(row, column) == hurt else LEVEL


X, X_SCALES = ((100, -50), (20, 127)), (0.01, 0.02)
W, W_SCALES = ((127, 127), (1, -1)), (0.5, 2.0)
WIDE = 56


def integer_product() -> Picture:
    """Draw a product of two int8 matrices with the scales at its edges."""
    sums = [[sum(a * b for a, b in zip(x, w, strict=True)) for w in W] for x in X]
    answer = [
        [f"{total * sx * sw:g}" for total, sw in zip(line, W_SCALES, strict=True)]
        for line, sx in zip(sums, X_SCALES, strict=True)
    ]
    x = draw.matrix([[Cell(f"{v}", LEVEL) for v in row] for row in X], width=42)
    w = draw.matrix(
        [[Cell(f"{row[i]}", LEVEL) for row in W] for i in range(2)], width=WIDE
    )
    exact = draw.matrix(
        [[Cell(f"{v:,}", SUM) for v in row] for row in sums], width=WIDE
    )
    by_token = draw.matrix([[Cell(f"{s:g}", SCALE)] for s in X_SCALES], width=42)
    by_output = draw.matrix([[Cell(f"{s:g}", SCALE) for s in W_SCALES]], width=WIDE)
    scaled = draw.matrix([[Cell(v) for v in row] for row in answer], width=WIDE)
    whole = draw.row(
        _named("tokens, int8\n(T × I)", x), draw.text("×"),
        _named("weights, int8,\ntransposed (I × O)", w), draw.text("="),
        _named("sums, int32\n(T × O)", exact), draw.text("×"),
        draw.column(
            _named("token scales", by_token),
            _named("output scales", by_output), gap=12,
        ), draw.text("="),
        _named("product\n(T × O)", scaled), gap=9,
    )  # fmt: skip
    return draw.picture(
        whole,
        title="Integers are added up first; both scales wait until the end",
        note="A sum runs along the inputs, where neither scale changes: so both can be "
        "taken out.",
        alt=f"""Activations, two tokens of two int8 numbers, times weights, two outputs
        of two int8 numbers, transposed so that a column is an output (I × O), give four
        whole sums in int32: {sums[0][0]:,},
        {sums[0][1]:,}, {sums[1][0]:,} and {sums[1][1]:,}. These are multiplied by the
        scale of their token, {X_SCALES[0]} or {X_SCALES[1]}, and the scale of their
        output, {W_SCALES[0]} or {W_SCALES[1]:g}. The product is {answer[0][0]},
        {answer[0][1]}, {answer[1][0]} and {answer[1][1]}. A sum runs along the inputs,
        where neither scale changes, so both can wait until the end.""",
    )


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name), piece, gap=5, align="center")


def layer() -> Picture:
    """Draw what flows through a linear layer that keeps integers."""
    x = draw.box("x", note="float")
    by_token = draw.box("by_group", note="a scale a token", look=SCALE)
    product = draw.box("integer_matmul", note="sums in int32", look=SUM)
    y = draw.box("y", note="float")
    kept = draw.frame(
        draw.row(
            draw.box("integers", note="int8, O × I", look=LEVEL),
            draw.box("scales", note="one an output", look=LEVEL),
            gap=14,
        ),
        "kept since __init__",
    )
    flow = draw.row(x, by_token, product, y, gap=74)
    return draw.picture(
        draw.column(flow, draw.row(draw.space(width=150), kept), gap=42),
        draw.arrow(x, by_token), draw.arrow(by_token, product, "int8"),
        draw.arrow(product, y, "+ bias"), draw.arrow(kept, product),
        title="Your layer: integers are kept, activations are rounded on the way",
        note="Kept is a byte a weight, and no weight becomes a float again. Your "
        "product copies it to int32 in every call; a kernel would read only the byte.",
        alt="""Data flow of a quantized linear layer. Activations x, floats, go to
        by_group, which rounds them to int8 with a scale for each token. integer_matmul
        multiplies them with the integers of the weight, which are kept as int8 since
        __init__ together with a scale for each output, and adds up in int32. With both
        scales and the bias the result is y, floats again.""",
    )  # fmt: skip
