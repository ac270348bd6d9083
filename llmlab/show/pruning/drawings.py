"""Drawings of lab 5: the ideas behind its exercises. Nothing in them is measured.

mask         a weight matrix, and which of its weights stay
inputs       what a weight adds depends on the input that it meets
two_of_four  four neighbours, two of which stay, and what a file keeps of them
neurons      a neuron is a row of gate and up, and a column of down
iterative    train a little, prune a little, until enough is gone
"""

from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Cell, Look, Moment, Span
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

KEPT, GONE, SCORE, INPUT = draw.tint(0), draw.FADED, draw.tint(2), draw.tint(1)
CUT = draw.MASKED
MINUS = "\N{MINUS SIGN}"
HIGH = 28  # pixels of a cell

WEIGHT = ((0.2, -0.1, 0.3, -0.7), (0.9, 0.8, -0.6, 0.1))  # three and one are small


def mask() -> Picture:
    """Draw a weight, its mask of half the weights, and the product of both."""
    sizes = sorted(abs(value) for row in WEIGHT for value in row)
    bound = sizes[len(sizes) // 2]
    stays = [[abs(value) >= bound for value in row] for row in WEIGHT]
    pieces = draw.row(
        _named("weight", _numbers(WEIGHT, stays)),
        draw.text("×"),
        _named("mask", _cells([["1" if one else "0" for one in row] for row in stays],
                              stays)),
        draw.text("="),
        _named("sparse weight", _numbers(WEIGHT, stays, zeros=True)),
        gap=12,
    )  # fmt: skip
    return draw.picture(
        pieces,
        title="A mask keeps the large weights and multiplies the small ones by zero",
        note="Sparsity 0.5: four of eight weights are gone, wherever they are. The "
        "matrix is as large as before.",
        alt=f"""A weight matrix of two rows and four columns times a mask of ones and
        zeros gives a sparse weight of the same size. The four weights whose magnitude
        is at least {bound} stay; the four smaller ones, three in the first row and one
        in the second, are zero now.""",
    )


def inputs() -> Picture:
    """Draw one output as a sum of products, with a large weight on a small input."""
    weights, norms = (0.9, -0.2), (0.1, 8.0)
    products = [abs(w) * n for w, n in zip(weights, norms, strict=True)]
    rows = [
        ["weight", *map(_number, weights)],
        ["norm of its input", *(f"{one:g}" for one in norms)],
        ["|weight| · norm", *(f"{one:.2g}" for one in products)],
    ]
    looks = [[GONE, KEPT], [INPUT, INPUT], [GONE, KEPT]]
    table = draw.matrix(
        [[Cell(text, look) for text, look in zip(row[1:], line, strict=True)]
         for row, line in zip(rows, looks, strict=True)],
        row_labels=[row[0] for row in rows],
        column_labels=["first input", "second input"], width=96, height=HIGH,
    )  # fmt: skip
    return draw.picture(
        table,
        title="The large weight adds less, because its input is small",
        note="By magnitude the second weight would go. By what it adds, the first one "
        "goes.",
        alt=f"""Two weights of one output. The first is {weights[0]:g}, and its input
        has a norm of {norms[0]:g}; their product is {products[0]:.2g}. The second is
        {weights[1]:g}, its input has a norm of {norms[1]:g}, and the product is
        {products[1]:.2g}. So the smaller weight adds more, and it is the one that
        stays.""",
    )


def two_of_four() -> Picture:
    """Draw a row of eight weights in fours, and what is stored of them."""
    row = (1.0, -3.0, 2.0, 0.5, 5.0, 6.0, 7.0, 8.0)
    stays = [index in (1, 2, 6, 7) for index in range(8)]
    fours = draw.row(
        *(
            _numbers((row[at : at + 4],), [stays[at : at + 4]], width=38)
            for at in (0, 4)
        ),
        gap=18,
    )
    kept = [value for value, stay in zip(row, stays, strict=True) if stay]
    places = [f"{index % 4}" for index, stay in enumerate(stays) if stay]
    stored = draw.row(
        _named("kept weights", _cells([[_number(value) for value in kept]],
                                      [[True] * 4], width=38)),
        _named("their places, 2 bits each", draw.matrix(
            [[Cell(place, SCORE) for place in places]], width=38, height=HIGH)),
        gap=34,
    )  # fmt: skip
    first = _named("a row of weights, four by four", fours)
    return draw.picture(
        draw.column(first, stored, gap=34),
        draw.arrow(first, stored),
        title="Two of every four neighbours stay, so hardware knows where to look",
        note="5 and 6 are larger than -3 and 2, but their four has two that are "
        "larger still.".replace("-3", f"{MINUS}3"),
        alt="""A row of eight weights, 1, -3, 2, 0.5 and 5, 6, 7, 8, in two groups of
        four. Of the first group -3 and 2 stay, of the second 7 and 8. Stored are these
        four weights, and for each its place within its group: 1, 2, 2 and 3, two bits
        each.""",
    )


def neurons() -> Picture:
    """Draw the three matrices of an MLP with one neuron leaving all of them."""
    gone, count, width = 2, 5, 4
    tall = [[CUT if r == gone else KEPT for _ in range(width)] for r in range(count)]
    wide = [[CUT if c == gone else KEPT for c in range(count)] for _ in range(width)]
    gate, up, down = (
        draw.matrix(looks, width=22, height=22) for looks in (tall, tall, wide)
    )
    both = draw.column(_named("gate, F × D", gate), _named("up, F × D", up), gap=16)
    x, times = (
        draw.box(label, note=note, height=both.height)
        for label, note in (("x", "width D"), ("×", "F numbers"))
    )
    last, y = _named("down, D × F", down), draw.box("y", note="width D")
    return draw.picture(
        draw.row(x, both, times, last, y, gap=52),
        draw.arrow(x, gate),
        draw.arrow(x, up),
        draw.arrow(gate, times, "f"),
        draw.arrow(up, times),
        draw.arrow(times, last),
        draw.arrow(last, y),
        title="One neuron is a row of gate, a row of up, and a column of down",
        note="Without it all three are smaller, and x and y are as wide as before.",
        alt=f"""An MLP. The input x goes to two matrices, gate and up, each of {count}
        rows, a row for each neuron. What comes out of gate is bent by a function f and
        multiplied by what comes out of up, number by number. These products go to the
        matrix down, with a column for each neuron, and become y. The row of gate, the
        row of up and the column of down that belong to one neuron are empty; x and y
        keep their width.""",
    )


def iterative() -> Picture:
    """Draw a time line of training steps with a mask after each."""
    train = [Span(2 * at, 2 * at + 1.5, "train", KEPT) for at in range(4)]
    prune = [Span(2 * at + 1.5, 2 * at + 2, "", draw.solid(1)) for at in range(4)]
    shares = (46, 70, 79, 80)
    moments = [Moment(2 * at + 2, f"{share} %") for at, share in enumerate(shares)]
    line = draw.timeline(
        draw.lane("weights", *(one for two in zip(train, prune, strict=True)
                               for one in two)),
        moments=moments,
    )  # fmt: skip
    return draw.picture(
        draw.column(
            line, draw.legend(("train a step", KEPT), ("mask again", draw.solid(1)))
        ),
        title="Train a little, prune a little: much at first, little at the end",
        note="Four steps to a sparsity of 80 %. The weights that are left learn to do "
        "without the others.",
        alt=f"""A time line of four steps. Each trains the weights and then masks them
        again. Behind the steps {", ".join(map(str, shares))} per cent of the weights
        are zero: the sparsity rises fast at first and slowly at the end.""",
    )


def _number(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def _numbers(
    rows: Sequence[Sequence[float]], stays: Sequence[Sequence[bool]], *,
    zeros: bool = False, width: float = 44,
) -> Piece:  # fmt: skip
    texts = [
        ["0" if zeros and not stay else _number(value)
         for value, stay in zip(row, line, strict=True)]
        for row, line in zip(rows, stays, strict=True)
    ]  # fmt: skip
    return _cells(texts, stays, width=width)


def _cells(
    texts: Sequence[Sequence[str]],
    stays: Sequence[Sequence[bool]],
    *,
    width: float = 44,
) -> Piece:
    looks: dict[bool, Look] = {True: KEPT, False: GONE}
    cells = [
        [Cell(text, looks[stay]) for text, stay in zip(row, line, strict=True)]
        for row, line in zip(texts, stays, strict=True)
    ]
    return draw.matrix(cells, width=width, height=HIGH)


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name), piece, gap=5, align="center")
