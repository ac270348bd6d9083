"""Which places a token may look at: a mask that grows, and one of fixed places."""

from collections.abc import Sequence

from llmlab.show import draw, style
from llmlab.show.draw import Cell, Look
from llmlab.show.draw import words as letters
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

FIRST, STEPS, PLACES = 2, 4, 8  # position of the first step drawn; how many; places
SEEN, HIDDEN, BARE = draw.tint(0), draw.FADED, Look(edge=style.CARD)
SIDE = 26  # pixels of a place
TRUE, FALSE = "1", "0"


def places() -> Picture:
    """Draw what is attended to in four steps, as it grows and with fixed places."""
    return draw.picture(
        draw.column(
            draw.row(_growing(), _static(), gap=46, align="start"),
            draw.legend(("place that is looked at", SEEN), ("empty place", HIDDEN)),
            gap=20,
        ),
        title="Fixed places and a mask give every step the same shape",
        note=f"A compiled step holds for its shapes. On the left each step brings new "
        f"ones; on the right {PLACES} places are there from the beginning, and only "
        "the mask changes. The empty places cost time, too.",
        alt=f"""Two pictures of the same {STEPS} steps. Left, the places attended to
        grow: {_sizes()} places, a new shape at each step, so a compiled step is built
        again for each. Right, {PLACES} places in every step. The mask is 1 up to the
        position of the token and 0 beyond it: at position {FIRST} it begins with
        {FIRST + 1} ones, and one more with each step. The shape is 1 by {PLACES}
        throughout, so one compiled step serves all of them, and it computes over the
        empty places as well.""",
    )


def growing() -> list[list[Cell]]:
    """Return a row for each position, as long as what is attended to."""
    most = FIRST + STEPS
    return [
        [Cell(TRUE, SEEN)] * seen + [Cell(look=BARE)] * (most - seen)
        for seen in range(FIRST + 1, most + 1)
    ]


def fixed() -> list[list[Cell]]:
    """Return a row for each position, of all places."""
    return [
        [Cell(TRUE, SEEN)] * seen + [Cell(FALSE, HIDDEN)] * (PLACES - seen)
        for seen in range(FIRST + 1, FIRST + STEPS + 1)
    ]


def _growing() -> Piece:
    positions = range(FIRST, FIRST + STEPS)
    shapes = [f"1 × {position + 1}: new" for position in positions]
    labels = [f"position {position}" for position in positions]
    return _named("the cache grows", growing(), shapes, labels=labels)


def _static() -> Piece:
    shapes = [f"1 × {PLACES}" for _ in range(STEPS)]
    return _named(f"{PLACES} fixed places", fixed(), shapes)


def _named(
    heading: str, rows: list[list[Cell]], shapes: list[str], *,
    labels: Sequence[str] = (),
) -> Piece:  # fmt: skip
    """Stand a mask below its heading, and the shape of each row behind it."""
    mask = draw.matrix(rows, row_labels=labels, width=SIDE, height=SIDE)
    widest = max(map(letters.width_of, shapes)) + 6
    words = draw.matrix([[Cell(each, BARE)] for each in shapes], width=widest,
                        height=SIDE)  # fmt: skip
    return draw.column(
        draw.text(heading, bold=True), draw.row(mask, words, gap=8), gap=10
    )


def _sizes() -> str:
    return ", ".join(str(position + 1) for position in range(FIRST, FIRST + STEPS))
