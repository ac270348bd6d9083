"""Drawings of notebook 04b: which integers. Nothing in them is measured.

answers          an error of the weights becomes an error of the answers
column_loop      GPTQ rounds a column and corrects those that are left
scaled_inputs    AWQ and SmoothQuant move a factor from the inputs to the weights
through          forward through the rounding, backward past it
shared_budget    the same bytes, shared out evenly and where they count
"""

from llmlab.show import draw
from llmlab.show.draw import Cell, Look
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.figures import Picture

LARGE, SMALL, DONE = draw.solid(0), draw.tint(0), draw.FADED
NOW, LEFT = draw.solid(1), draw.tint(2)
CHANGE = draw.tint(1)
WIDE, HIGH = 46, 26  # pixels of a cell with a number
LAST = 3  # level


def answers() -> Picture:
    """Draw two changes of the same size, and what each does to three answers."""
    inputs = [[8, 0.1], [-6, 0.2], [7, -0.1]]
    products = draw.row(
        _case(inputs, 0, "the change meets the large input"),
        _case(inputs, 1, "the change meets the small input"),
        gap=36,
    )
    return draw.picture(
        products,
        title="The same error of a weight, and two different errors of the answers",
        note="The cost is the sum of the squares at the right: (8² + 6² + 7²) · 0.1² "
        "= 1.49 on the left, (0.1² + 0.2² + 0.1²) · 0.1² = 0.0006 on the right.",
        alt="""Two products side by side. In both, three tokens with two inputs each
        are multiplied with the change of one weight, 0.1. The first input is large (8,
        -6, 7), the second small (0.1, 0.2, -0.1). Where the change meets the large
        input, the answers move by 0.8, -0.6 and 0.7, which costs 1.49; where it meets
        the small one, they move by 0.01, 0.02 and -0.01, which costs 0.0006.""",
    )


def _case(inputs: list[list[float]], hit: int, said: str) -> Piece:
    looks = (LARGE, SMALL)
    cells = [
        [Cell(f"{value:g}".replace("-", "\N{MINUS SIGN}"), looks[column])
         for column, value in enumerate(line)]
        for line in inputs
    ]  # fmt: skip
    change = [
        [Cell("0.1", NOW) if at == hit else Cell("0", draw.BLANK)] for at in (0, 1)
    ]
    moved = [
        [Cell(f"{0.1 * line[hit]:.2g}".replace("-", "\N{MINUS SIGN}"), CHANGE)]
        for line in inputs
    ]
    product = draw.row(
        _named("inputs", draw.matrix(cells, width=WIDE, height=HIGH)),
        draw.text("·"),
        _named("change", draw.matrix(change, width=WIDE, height=HIGH)),
        draw.text("="),
        _named("answers", draw.matrix(moved, width=WIDE, height=HIGH)),
        gap=9,
    )
    return draw.column(draw.text(said, bold=True), product, gap=10)


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name, quiet=True), piece, gap=4, align="center")


COLUMNS, ROWS = 6, 3


def column_loop() -> Picture:
    """Draw three rounds of the loop over a weight with six columns."""
    stages = []
    joints = []
    for column in (0, 2, 5):
        looks = [
            [DONE] * column + [NOW] + [LEFT] * (COLUMNS - column - 1)
            for _ in range(ROWS)
        ]
        weight = draw.matrix(looks, width=26, height=24)
        stages.append(
            draw.column(
                draw.text(f"column {column + 1} of {COLUMNS}", bold=True), weight, gap=8
            )
        )
        start = weight.cell(ROWS - 1, column)
        for left in range(column + 1, COLUMNS):  # one line with a head for each
            said = "its error, shared out" if left == COLUMNS - 1 else ""
            end = weight.cell(ROWS - 1, left)
            joints.append(draw.arrow(start, end, said, route="loop", color=1))
    key = draw.legend(
        ("rounded, stays", DONE), ("being rounded", NOW), ("corrected", LEFT)
    )
    return draw.picture(
        draw.column(draw.row(*stages, gap=36), draw.space(height=26), key, gap=10),
        *joints,
        title="GPTQ rounds a column, then corrects all columns that are left",
        note="Row j of the Cholesky factor U says how much of the error of column j "
        "each later column takes over. The last column has nobody left to correct it.",
        alt="""A weight of three rows and six columns, three times. In the first, column
        1 is being rounded and an arrow with five heads takes its error to the five
        columns at its right, which are corrected. In the second, columns 1 and 2 are
        rounded and stay, column 3 is being rounded, and its error goes to the three
        that are left. In the third, all but the last are rounded; the last is being
        rounded and there is no column left that could make up for its error.""",
    )


def scaled_inputs() -> Picture:
    """Draw the factor between inputs and weights, what it wins and what it costs."""
    before = _product(
        "before", ["8", "0.5"], ["0.3", "0.6"], LARGE, 0.2,
        "half a step: 0.1 · 8 = 0.8, 0.1 · 0.5 = 0.05",
    )  # fmt: skip
    after = _product(
        "after, with the factors 4 and 1", ["2", "0.5"], ["1.2", "0.6"], CHANGE, 0.4,
        "half a step: 0.2 · 2 = 0.4, 0.2 · 0.5 = 0.1",
    )  # fmt: skip
    return draw.picture(
        draw.row(before, after, gap=30),
        title="Divide an input, multiply its weight: the answer stays",
        note="The price: the largest weight is now 1.2, so the levels lie twice as far "
        "apart, for both weights. SmoothQuant gains at the inputs: none is above 2.",
        alt="""Two products with the same answer, 2.7. Before: the inputs 8 and 0.5
        times the weights 0.3 and 0.6, on levels 0.2 apart, so that rounding moves the
        answer by up to 0.8 and 0.05. After, with the factors 4 and 1: the inputs 2 and
        0.5 times the weights 1.2 and 0.6, on levels 0.4 apart, so by up to 0.4 and 0.1.
        The first weight gains; the price is that the second loses. For SmoothQuant,
        which rounds the inputs, their largest is 2 instead of 8.""",
    )


def _product(
    name: str, inputs: list[str], weights: list[str], look: Look, step: float, said: str
) -> Piece:
    """Draw inputs times weights, and the weights among levels a step apart."""
    left = [[Cell(inputs[0], look), Cell(inputs[1], SMALL)]]
    right = [[Cell(weights[0], look)], [Cell(weights[1], SMALL)]]
    product = draw.row(
        _named("inputs", draw.matrix(left, width=WIDE, height=HIGH)),
        draw.text("×"),
        _named("weights", draw.matrix(right, width=WIDE, height=HIGH)),
        draw.text("= 2.7"),
        gap=9,
    )
    levels = draw.number_line(
        0, LAST * 0.4, width=290,
        ticks=[draw.Tick(step * at, f"{step * at:.2g}") for at in range(LAST + 1)],
        points=[draw.Point(float(weight), weight) for weight in weights],
    )  # fmt: skip
    return draw.column(
        draw.text(name, bold=True), product, draw.space(height=2),
        levels, draw.text(said),
        gap=8,
    )  # fmt: skip


def through() -> Picture:
    """Draw the forward pass through the rounding and the gradient past it."""
    weight = draw.box("weight", note="float, it learns", look=LEFT)
    rounding = draw.box("round", note="a staircase", look=CHANGE)
    layer = draw.box("answers", note="of the rounded weight")
    loss = draw.box("error", note="squared")
    line = draw.row(weight, rounding, layer, loss, gap=62)
    return draw.picture(
        draw.column(line, draw.space(height=34)),
        draw.arrow(weight, rounding),
        draw.arrow(rounding, layer),
        draw.arrow(layer, loss),
        draw.arrow(loss, _half(layer, 1), route="loop", color=1, dashed=True),
        draw.arrow(_half(layer, 0), weight, "the gradient, past the rounding",
                   route="loop", color=1, dashed=True),
        title="Forward through the rounding, backward past it",
        note="The slope of a staircase is 0 nearly everywhere, so an honest gradient "
        "would stop at it. Beyond the last level nothing passes.",
        alt="""Four boxes in a row: weight, round, answers, error. Arrows lead forward
        from each to the next: the layer computes with the rounded weight. Dashed arrows
        lead back: from the error to the answers, and from there past the rounding
        straight to the weight, as if nothing had been rounded.""",
    )  # fmt: skip


def _half(piece: Piece, side: int) -> Part:
    """Return the left or the right half of a piece, as the end of an arrow."""
    width = piece.width / 2
    return Part(piece, Rect(side * width, 0, width, piece.height))


def shared_budget() -> Picture:
    """Draw four parts with the same bits, and the same bytes where they count."""
    size = 34  # pixels of one bit
    even = _bytes([3, 3, 3, 3], size)
    mixed = _bytes([4, 2, 2, 4], size)
    return draw.picture(
        draw.column(
            draw.text("3 bits everywhere", bold=True), even,
            draw.space(height=2),
            draw.text("the same bytes where they count", bold=True), mixed, gap=7,
        ),
        title="A budget of bytes, shared out",
        note="Parts A and D suffer most from rounding: they get a bit of B and C.",
        alt="""Two bars of the same length, each cut into four parts A to D. In the
        upper one every part has 3 bits. In the lower one A and D have 4 bits and B and
        C have 2: as many bytes in all, but spent where rounding hurts most.""",
    )  # fmt: skip


def _bytes(bits: list[int], size: float) -> Piece:
    boxes = [
        draw.box(f"{name}: {count}", width=size * count + 20, height=34, look=look)
        for name, count, look in zip(
            "ABCD", bits, (LARGE, SMALL, SMALL, LARGE), strict=True
        )
    ]
    return draw.row(*boxes, gap=3)
