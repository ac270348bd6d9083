"""Fixed point: what its bits count for, one rounding, and the end of the line."""

from llmlab.show import draw
from llmlab.show.draw import Cell, Point, Tick
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

SIGN, WHOLE, PARTS = draw.tint(3), draw.tint(0), draw.tint(1)
BITS, FRACTION = "00011000", 4  # 24 sixteenths
LAST, BEYOND = 127, 152  # the last level of 8 bits, and a sum of 9.5 in sixteenths
MINUS = "\N{MINUS SIGN}"
WIDE = 640  # pixels


def fixed() -> Picture:
    """Draw a number of 8 bits, 4 of them fraction, its rounding and its end."""
    looks = [SIGN, *[WHOLE] * 3, *[PARTS] * FRACTION]
    cells = [Cell(bit, look) for bit, look in zip(BITS, looks, strict=True)]
    worth = (f"{MINUS}8", "4", "2", "1", "1/2", "1/4", "1/8", "1/16")
    bits = draw.matrix([cells], column_labels=worth, width=52, height=32)
    says = draw.text("1 + 1/2 = 1.5, kept as\nthe integer 24, for 24/16")
    shown = draw.column(
        draw.row(bits, says, gap=22),
        draw.space(0, 16),
        _named("An exact sum is rounded once, halves up (in sixteenths):",
               _rounded()),
        _named("Beyond the last level it stays there; it must not wrap:",
               _saturated()),
        gap=16,
    )  # fmt: skip
    ends = ((0, 0, "sign"), (1, 3, "whole"), (4, 7, "4 fraction bits"))
    return draw.picture(
        shown,
        *(draw.bracket(bits.cell(0, a), bits.cell(0, b), label=words)
          for a, b, words in ends),
        title="A fixed-point number is an integer that counts fractions",
        note=f"9.5 is 152/16; its lowest 8 bits read 152 {MINUS} 256 = {MINUS}104, "
        f"which is {MINUS}6.5.",
        alt="""Eight bits of a fixed-point number, 0 0 0 1 1 0 0 0: one counts minus 8,
        three count 4, 2 and 1, and four fraction bits count 1/2, 1/4, 1/8 and 1/16.
        Together they are 1.5, kept as the integer 24, for 24 sixteenths. Below, a
        number line of sixteenths: sums between the levels fall onto the nearest,
        halves onto the upper one: -1.5 onto -1, 0.3 onto 0, 1.5 onto 2. Last, a line
        from -8 to 7.9: a sum of 9.5 lies beyond the last level and is set to it;
        wrapped, its bits would read -6.5.""",
    )  # fmt: skip


def _rounded() -> Piece:
    ticks = [Tick(level, f"{level}".replace("-", MINUS)) for level in range(-2, 4)]
    sums = {-1.5: -1, 0.3: 0, 1.5: 2}
    points = [Point(value, f"{value}".replace("-", MINUS), to=level)
              for value, level in sums.items()]  # fmt: skip
    return draw.number_line(-3, 4, ticks=ticks, points=points, width=WIDE, arrows=True)


def _saturated() -> Piece:
    last, beyond, wrapped = (n / 16 for n in (LAST, BEYOND, BEYOND - 256))
    ticks = [Tick(-8, f"{MINUS}8"), Tick(0, "0"), Tick(last, "7.9")]
    points = [Point(beyond, f"{beyond:g} ✓", to=last, color=2),
              Point(wrapped, f"wrapped: {MINUS}{-wrapped:g} ✗", color=1)]  # fmt: skip
    return draw.number_line(-9, 10.5, ticks=ticks, points=points, width=WIDE)


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name), piece, gap=6, align="start")
