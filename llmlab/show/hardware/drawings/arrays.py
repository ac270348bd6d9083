"""An array of cells at one clock: weights stay, activations and sums pass by."""

from llmlab.show import draw, style
from llmlab.show.draw import Cell, Look
from llmlab.show.draw.arrows import Arrow
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

SIDE = 3
TOKENS = "abcde"  # rows of activations, in their order
CLOCK = 3  # of the picture, the first is 0
COLORS = (0, 1, 2, 3, 5)
LOOKS = {name: draw.tint(color) for name, color in zip(TOKENS, COLORS, strict=True)}
BARE = Look(edge=style.CARD)  # no cell
WIDE, HIGH, GAP = 78, 50, 24  # pixels of a cell, and between two
NUMBER = 34, 28  # pixels of a number outside


def grid() -> Picture:
    """Draw nine cells with what enters, what is inside, and what has left them."""
    array = draw.matrix(_rows(0, SIDE), width=WIDE, height=HIGH, gap=GAP)
    across = draw.matrix(_rows(-SIDE, 0), width=NUMBER[0], height=HIGH, gap=GAP)
    below = draw.matrix([[_sum(j) for j in range(SIDE)]], width=WIDE, height=NUMBER[1],
                        gap=GAP)  # fmt: skip
    inside = draw.row(across, array, gap=GAP)
    return draw.picture(
        draw.column(inside, below, gap=GAP, align="end"),
        *_ways(across, array, below),
        title="Weights stay, activations go right, sums go down",
        note="One clock. A colour is one row of activations, a before b before c. Each "
        "row of cells is fed one clock later than the row above it, so activations "
        "meet the sum they belong to.",
        alt="""Nine cells in three rows and columns, at one clock. Each keeps a weight,
        w11 to w33. Arrows to the right show the way of the activations, arrows down
        the way of the sums. Rows of activations a to e pass as diagonals: d is at the
        first cell, c at the two after it, b at three, a at two, and the last cell,
        w33, has no work yet. Left of the cells wait those who come next: one number
        for the first row of cells, two for the second, three for the third, for each
        row is fed one clock after the row above it. Below the first column lies the
        finished sum of a.""",
    )


def _ways(across: Matrix, array: Matrix, below: Matrix) -> list[Arrow]:
    """Return an arrow from every place to the next one, right and down."""
    waiting = [
        (across.cell(i, j), across.cell(i, j + 1))
        for i in range(SIDE)
        for j in range(SIDE - 1)
        if token_at(i, j - SIDE)
    ]
    entering = [(across.cell(i, SIDE - 1), array.cell(i, 0)) for i in range(SIDE)]
    inner = [(i, j) for i in range(SIDE) for j in range(SIDE - 1)]
    right = [(array.cell(i, j), array.cell(i, j + 1)) for i, j in inner]
    down = [(array.cell(j, i), array.cell(j + 1, i)) for i, j in inner]
    leaving = [(array.cell(SIDE - 1, j), below.cell(0, j)) for j in range(SIDE)]
    ends = [*waiting, *entering, *right, *down, *leaving]
    return [draw.arrow(start, end) for start, end in ends]


def token_at(i: int, j: int) -> str:
    """Return the token whose work is at row i and column j of the array, if one is."""
    place = CLOCK - i - j
    return TOKENS[place] if 0 <= place < len(TOKENS) else ""


def _rows(first: int, end: int) -> list[list[Cell]]:
    return [[_cell(i, j) for j in range(first, end)] for i in range(SIDE)]


def _cell(i: int, j: int) -> Cell:
    """Return a cell of the array, or what waits left of it."""
    name = token_at(i, j)
    if j < 0:
        return Cell(f"{name}{i + 1}", LOOKS[name]) if name else Cell(look=BARE)
    weight = f"w{i + 1}{j + 1}"
    if not name:
        return Cell(f"{weight}\nidle", draw.FREE)
    return Cell(f"{weight} × {name}{i + 1}", LOOKS[name])


def _sum(j: int) -> Cell:
    name = token_at(SIDE, j)
    return Cell(f"sum of {name}", LOOKS[name]) if name else Cell(look=BARE)
