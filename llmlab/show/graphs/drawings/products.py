"""An inner product of integers: one multiplication at a time, and 32 at once."""

from llmlab.show import draw
from llmlab.show.draw.geometry import around
from llmlab.show.draw.layouts import Part
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

LANES, SUMS = 32, 8  # numbers of 8 bits in 256 bits; sums of 32 bits in as many
WIDE, HIGH, GAP = 16, 22, 2  # pixels of a lane
WORKS, TOTAL, WAITS = draw.tint(0), draw.tint(1), draw.FADED


def lanes() -> Picture:
    """Draw a row of weights and one of activations, multiplied singly and at once."""
    one, one_sum, up = _way(1)
    many, sums, down = _way(LANES)
    return draw.picture(
        draw.column(
            draw.text(f"one at a time: {LANES} rounds for {LANES} numbers", bold=True),
            one, one_sum,
            draw.space(0, 12),
            draw.text(f"{LANES} lanes: 1 round for {LANES} numbers", bold=True),
            many, sums,
            draw.legend(("multiplied in this round", WORKS), ("waits", WAITS),
                        ("sum of 32 bits", TOTAL)),
            gap=12, align="center",
        ),
        *up, *down,
        title="One instruction multiplies as many numbers as fit into a register",
        note=f"A register of 256 bits holds {LANES} numbers of 8 bits. Neighbours are "
        f"added; {SUMS} sums go on and become one at the end. A compiler that widens "
        "to 16 bits first works on half as many at once.",
        alt=f"""Two rows of {LANES} numbers of 8 bits, a above b, twice. Above, only the
        first pair is coloured: one pair is multiplied in a round and added to one sum,
        so {LANES} numbers take {LANES} rounds. Below, all {LANES} pairs are coloured:
        they are multiplied in one round, and groups of {LANES // SUMS} neighbours are
        added to {SUMS} sums, which become one sum at the very end.""",
    )  # fmt: skip


def _way(working: int):
    """Return both rows, the sums below them, and the arrows to these."""
    looks = [WORKS] * working + [WAITS] * (LANES - working)
    pair = draw.matrix([looks, looks], row_labels=["a", "b"], width=WIDE, height=HIGH,
                       gap=GAP)  # fmt: skip
    each = LANES // SUMS
    wide = each * WIDE + (each - 1) * GAP
    count = SUMS if working == LANES else 1
    sums: Matrix = draw.matrix([[TOTAL] * count], width=wide, height=HIGH, gap=GAP)
    left = pair.width - _across(LANES)
    beside = _across(LANES) - sums.width
    row = draw.row(draw.space(left), sums, draw.space(beside), gap=0)
    taken = min(working, each)
    arrows = [
        draw.arrow(_group(pair, each * k, taken), sums.cell(0, k), color=1)
        for k in range(count)
    ]
    return pair, draw.column(draw.space(0, 16), row, gap=0), arrows


def _across(count: int) -> float:
    return count * WIDE + (count - 1) * GAP


def _group(pair: Matrix, first: int, count: int) -> Part:
    """Return some neighbours of the lower row as an end for an arrow."""
    ends = [pair.cell(1, first).rect, pair.cell(1, first + count - 1).rect]
    return Part(pair, around(ends))
