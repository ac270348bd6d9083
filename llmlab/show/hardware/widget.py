"""An array of cells over time: what enters, what is multiplied where, what leaves.

It draws the states of one run that was computed before, clock by clock.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from llmlab.show import style
from llmlab.show.draw import FADED, Look, tint
from llmlab.show.figures import Picture, Place, quick_picture
from llmlab.show.widgets import Steps

WORKS = tint(0)
FULL = 8  # cells in a row that numbers fit into; more are colours only
WAITING, STEP = 2, 0.42  # columns of numbers about to enter; of a cell's width
LETTERS = 7.8  # points
LEGEND = (
    "coloured: works; weight × activation, below it the sum so far · grey: idle · "
    "left: enters next · below: has just left"
)
PARTS = ("weights", "inflow", "outflow", "states", "working")
MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{MIDDLE DOT}"


def systolic_widget(array: Any) -> Steps:
    """Return a slider over the clocks of an array, with its cells.

    array: what `hardware.experiments.array` returned. ValueError: something else.
    """
    run: Any = getattr(array, "run", None)
    if any(not hasattr(run, part) for part in PARTS) or not len(run.states):
        raise ValueError(
            f"array={array!r:.60} holds no clocks of an array; hand in what "
            "hardware.experiments.array returned."
        )
    places: list[Place] = []

    def draw(clock: int) -> Picture:
        fig = cells(run, clock, title="Weights stay, activations go right, sums down")
        return quick_picture(fig, alt=_alt(run, clock), places=places)

    clocks = range(1, len(run.states) + 1)
    first = min(len(run.weights) * 3 // 2, len(clocks))  # a front, to be seen at once
    return Steps("clock", clocks, first, lambda clock: _say(run, clock), draw)


@style.by_the_rules
def cells(run: Any, clock: int, *, title: str = "") -> Figure:
    """Draw the cells after a clock, the first of which is 1.

    A cell that works is coloured, with weight times activation and its sum.
    """
    size = len(run.weights)
    wide, high = size + STEP * WAITING + 0.1, size + 1.15
    step = 0.5 * min(1.0, FULL / size)  # inches
    fig = style.card(style.WIDTH, 0.55 + step * high, title=title)
    axes = fig.subplots()
    for row in range(size):
        for column in range(size):
            _cell(axes, run, clock, (row, column))
    if size <= FULL:
        _outside(axes, run, clock)
        axes.text(size - wide + 0.1, size + 0.9, LEGEND, fontsize=LETTERS,
                  va="center", color=style.QUIET)  # fmt: skip
    axes.set_xlim(size - wide, size + 0.05)
    axes.set_ylim(high, -0.05)
    axes.set_axis_off()
    return fig


def _cell(axes: Axes, run: Any, clock: int, place: tuple[int, int]) -> None:
    """Draw a cell: its weight, and what it works on."""
    (row, column), now = place, run.states[clock - 1]
    works, loaded = run.working[clock - 1][place], row < clock
    _box(axes, column, row, WORKS if works else FADED)
    if len(run.weights) > FULL:
        return
    weight = _number(now.weights[place]) if loaded else NOTHING
    if not works:
        _write(axes, column, row + 0.5, weight, color=style.QUIET)
        return
    product = f"{weight}\N{MULTIPLICATION SIGN}{_number(now.activations[place])}"
    # One text for both lines: it takes half the time of two.
    _write(axes, column, row + 0.48, f"{product}\n{_number(now.sums[place])}")


def _outside(axes: Axes, run: Any, clock: int) -> None:
    """Write what enters next at the left, and the sums that have just left below."""
    size, before = len(run.weights), clock - 2
    for ahead in range(min(WAITING, len(run.states) - clock)):
        coming = clock + ahead
        for row in range(size):
            if run.working[coming][row, 0]:
                number = _number(run.inflow[coming][row])
                _write(axes, -STEP * (ahead + 1), row + 0.5, number, wide=STEP)
    for column in range(size):
        if before >= 0 and run.working[before][size - 1, column]:
            number = _number(run.outflow[clock - 1][column])
            _write(axes, column, size + 0.35, number, bold=True)


def _box(axes: Axes, x: float, y: float, look: Look) -> None:
    axes.add_patch(
        Rectangle((x + 0.03, y + 0.04), 0.94, 0.92, facecolor=look.fill,
                  edgecolor=look.edge, linewidth=1)
    )  # fmt: skip


def _write(
    axes: Axes, x: float, y: float, words: str, *, bold: bool = False,
    color: str = style.INK, wide: float = 1.0,
) -> None:  # fmt: skip
    """Write into the middle of a cell that begins at x, on the height y."""
    axes.text(x + wide / 2, y, words, ha="center", va="center", color=color,
              fontsize=LETTERS, fontweight="bold" if bold else "normal",
              linespacing=1.45)  # fmt: skip


def _number(value: Any) -> str:
    return f"{int(value)}".replace("-", MINUS)


def _say(run: Any, clock: int) -> str:
    """Say how many cells work in a clock, and how many sums have left by then."""
    cells, leaving = run.working[clock - 1], run.working[:, -1]
    left, count = int(leaving[: clock - 1].sum()), int(leaving.sum())
    said = f"clock {clock} of {len(run.states)}: {int(cells.sum())} of {cells.size} "
    said += "cells work"
    if clock <= len(run.weights):
        return f"{said}; the weights move in from above"
    return f"{said}; {left} of {count} sums are finished"


def _alt(run: Any, clock: int) -> str:
    """Say what the cells hold, row for row; for readers who cannot see the picture."""
    now, working = run.states[clock - 1], run.working[clock - 1]
    said = [f"{len(run.weights)} rows of {len(run.weights)} cells, {_say(run, clock)}."]
    for row, works in enumerate(working):
        if works.any():
            sums = ", ".join(_number(value) for value in now.sums[row][works])
            said.append(f"Row {row + 1}, {int(works.sum())} working, sums {sums}.")
    return " ".join(said)
