"""How rounds, drawn again with repetition, give an interval for their median."""

import random
import statistics
from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Extent, Point
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

RATIOS = (1.05, 1.12, 1.17, 1.2, 1.24, 1.27, 1.33, 1.42, 1.55)
LOW, HIGH = 1.0, 1.6
REDRAWS = 40
SIDE, GAP = 100, 14  # pixels: names of the lines, and from there to them
LINE = draw.ROOM - SIDE - GAP


def bootstrap() -> Picture:
    """Draw rounds, three redraws of them, and the medians of many."""
    drawn = redraws()
    medians, low, high = interval(drawn)
    named = [(f"{len(RATIOS)} rounds", _line(RATIOS))]
    named += [(f"redraw {k + 1}", _line(drawn[k])) for k in range(3)]
    ticks = [draw.Tick(value, f"{value:.1f} ×") for value in (LOW, 1.2, 1.4, HIGH)]
    last = draw.number_line(
        LOW, HIGH, width=LINE, ticks=ticks,
        points=[Point(m, color=3) for m in medians],
        extents=[Extent(low, high, "95 % of the medians")],
    )  # fmt: skip
    lower = draw.column(draw.space(height=10), last, gap=0)
    named.append((f"medians of {REDRAWS} redraws", lower))
    rows = [draw.row(draw.text(name, width=SIDE), line, gap=GAP)
            for name, line in named]  # fmt: skip
    key = draw.legend(("ratio of a round", 0), ("median", 3))
    return draw.picture(
        draw.column(*rows, key, gap=14),
        title="Rounds drawn again show how far their median can move",
        note=f"A redraw takes {len(RATIOS)} of the rounds, some twice, some never. The "
        "ratios are invented.",
        alt=f"""Dots on a line are the ratios of {len(RATIOS)} rounds. Below are three
        redraws: as many rounds, drawn with repetition, so some dots stand double and
        some are missing. A diamond marks the median of each redraw; it moves from
        redraw to redraw. The last line collects the medians of {REDRAWS} redraws; the
        interval that holds 95 % of them is what is reported beside the median. The
        ratios are invented.""",
    )


def redraws() -> list[list[float]]:
    """Return redraws of the ratios with repetition, the same in every session."""
    pick = random.Random(4)
    return [pick.choices(RATIOS, k=len(RATIOS)) for _ in range(REDRAWS)]


def interval(drawn: Sequence[Sequence[float]]) -> tuple[list[float], float, float]:
    """Return the medians in order, and the ends that leave a fortieth out at each."""
    medians = sorted(map(statistics.median, drawn))
    out = len(medians) // 40
    return medians, medians[out], medians[-1 - out]


def _line(ratios: Sequence[float]) -> Piece:
    """Return the ratios as dots above a line, and their median below it."""
    median = Point(statistics.median(ratios), color=3, below=True)
    points = [*map(Point, ratios), median]
    return draw.number_line(LOW, HIGH, width=LINE, points=points)
