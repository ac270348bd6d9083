"""Weights that change while the result stays: a scale folded in, three made one.

Shapes: D inputs of a linear, O outputs.
"""

from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Cell, Look
from llmlab.show.draw.geometry import around
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

SCALE = (2, 1, 10)
WEIGHT = ((3, 5, 1), (4, 0, 2), (1, 7, 3), (2, 6, 5))  # (O, D)
COLUMNS = [draw.tint(color) for color in (0, 1, 2)]
ROWS = {"query": 4, "key": 2, "value": 2}
LETTERS = {"query": "q", "key": "k", "value": "v"}
LOOKS = dict(zip(ROWS, COLUMNS, strict=True))
INPUT = draw.tint(3)
SIDE, WIDE = 24, 44  # pixels of a cell; of one with a number


def folded() -> Picture:
    """Draw a scale before a weight, and the weight with the scale in its columns."""
    scale = draw.matrix([_colored(SCALE)], row_labels=["scale"], width=WIDE)
    weight = _weight(WEIGHT, label="weight")
    new = _weight(scaled())
    before = draw.column(scale, draw.space(0, 28), weight, gap=0, align="end")
    after = draw.column(draw.text("new weight"), new, gap=8, align="center")
    last = len(SCALE) - 1
    arrows = [
        draw.arrow(
            scale.cell(0, j), weight.cell(0, j), "×" if j == last else "", color=j
        )
        for j in range(len(SCALE))
    ]
    middle = len(WEIGHT) // 2
    arrows.append(
        draw.arrow(_span(weight, middle - 1, middle), _span(new, middle - 1, middle),
                   "once")
    )  # fmt: skip
    return draw.picture(
        draw.column(
            draw.row(before, after, gap=110, align="end"),
            draw.row(*_ways(), gap=16),
            gap=26, align="center",
        ),
        *arrows,
        title="A norm's scale goes into the columns of the weight behind it",
        note="One column belongs to one input, so it takes the scale of that input. A "
        "LayerNorm's shift goes into the bias instead: the weight, as it was, times "
        "the shift.",
        alt=f"""Left, a scale of {len(SCALE)} numbers, {_listed(SCALE)}, above a weight
        of {len(WEIGHT)} rows, which are outputs, and {len(SCALE)} columns, which are
        inputs. Each number of the scale has an arrow to its own column. Right, the new
        weight: the first column is {SCALE[0]} times as large, the second {SCALE[1]}
        times, the third {SCALE[2]} times. Below: norm, times scale, times weight
        becomes norm, times new weight, with one operator fewer and the same
        outputs.""",
    )  # fmt: skip


def scaled() -> list[list[int]]:
    """Return the weight with each column times the scale of its input."""
    return [[w * s for w, s in zip(row, SCALE, strict=True)] for row in WEIGHT]


def _ways() -> list[Piece]:
    """Write what runs before and after."""
    return [
        draw.box("norm, then × scale, then × weight", look=draw.FADED),
        draw.text("gives the same as"),
        draw.box("norm, then × new weight", look=draw.FADED),
    ]


def _weight(rows: Sequence[Sequence[int]], *, label: str = "") -> Matrix:
    labels = ["" for _ in rows]
    labels[len(rows) // 2] = label
    return draw.matrix(
        [_colored(row) for row in rows], row_labels=labels if label else (), width=WIDE
    )


def _colored(row: Sequence[int]) -> list[Cell]:
    return [Cell(str(n), look) for n, look in zip(row, COLUMNS, strict=True)]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def joined() -> Picture:
    """Draw three weights, the tall one that they become, and its result cut."""
    parts = {name: _plain(rows, 3, LOOKS[name]) for name, rows in ROWS.items()}
    tall = _stacked(3)
    token = draw.matrix([[INPUT]] * 3, width=SIDE, height=SIDE)
    out = _stacked(1)
    results = {name: _plain(rows, 1, LOOKS[name]) for name, rows in ROWS.items()}
    apart = draw.column(
        *(draw.row(draw.text(name), piece, gap=8) for name, piece in parts.items()),
        gap=18, align="end",
    )  # fmt: skip
    cut = draw.column(
        *(draw.row(results[name], draw.text(LETTERS[name]), gap=8) for name in ROWS),
        gap=18,
    )
    arrows, first = [], 0
    for color, (name, rows) in enumerate(ROWS.items()):
        last = first + rows - 1
        arrows += [
            draw.arrow(parts[name], _span(tall, first, last), color=color),
            draw.arrow(_span(out, first, last), results[name], color=color),
        ]
        first += rows
    return draw.picture(
        draw.row(
            draw.row(apart, tall, gap=58),
            draw.text("×"), _under("one token", token), draw.text("="),
            draw.row(out, cut, gap=58), gap=18,
        ),
        *arrows,
        title="Three products that read the same input are one product",
        note="The rows are joined once, when the model is built. The parts have "
        "unequal heights where several query heads share the keys and values of one "
        "head, so cut by their heights, not into three equal parts.",
        alt=f"""Left, three weights, one above the other: query with {ROWS["query"]}
        rows, key with {ROWS["key"]} and value with {ROWS["value"]}, all of 3 columns.
        Arrows lead their rows into one tall matrix of {sum(ROWS.values())} rows, in
        this order. It is multiplied once with one token, a column of 3 numbers. The
        result, a column of {sum(ROWS.values())} numbers, is cut again: the first
        {ROWS["query"]} are q, the next {ROWS["key"]} are k, the last
        {ROWS["value"]} are v.""",
    )  # fmt: skip


def _plain(rows: int, columns: int, look: Look) -> Matrix:
    return draw.matrix([[look] * columns] * rows, width=SIDE, height=SIDE)


def _stacked(columns: int) -> Matrix:
    rows = [[LOOKS[name]] * columns for name, count in ROWS.items()
            for _ in range(count)]  # fmt: skip
    return draw.matrix(rows, width=SIDE, height=SIDE)


def _span(matrix: Matrix, first: int, last: int) -> Part:
    """Return some rows as an end for an arrow."""
    columns = len(matrix.rows[0])
    ends = [matrix.cell(first, 0).rect, matrix.cell(last, columns - 1).rect]
    return Part(matrix, around(ends))


def _under(words: str, piece: Piece) -> Piece:
    return draw.column(piece, draw.text(words, size=9.0), gap=4, align="center")
