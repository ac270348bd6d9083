"""One look for every picture: a near-white card, dark ink, seven series.

A picture brings its own card, so the same file reads well on JupyterLab's light and
dark themes. The colours come from Okabe and Ito's set, darkened until each has a
contrast of 3 or more on the card (WCAG 2.2, non-text contrast); under full protanopia,
deuteranopia and tritanopia every two of them stay apart. No series relies on its
colour: it has a marker, a line style and a hatch of its own.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

CARD = "#fcfcfa"
INK = "#1a1a1a"
QUIET = "#595959"  # second voice: ticks, notes, reference lines
GRID = "#e4e4df"
BAND = "#efe9d6"  # behind what was chosen
WIDTH = 7.2  # inches; 100 pixels of the page each
TITLE = 0.3  # inches that the title above several panels takes
MARGIN = 0.08  # inches between the edge of the card and what is drawn


@dataclass(frozen=True)
class SeriesStyle:
    """How one series looks, in colour and without it."""

    color: str
    marker: str
    line: Any  # a line style of matplotlib
    hatch: str


SERIES = (
    SeriesStyle("#0b4596", "o", "-", ""),
    SeriesStyle("#d97200", "s", (0, (5, 1.5)), "///"),
    SeriesStyle("#00a077", "^", (0, (1.2, 1.2)), "..."),
    SeriesStyle("#b9669f", "D", (0, (5, 1.5, 1.2, 1.5)), "\\\\\\"),
    SeriesStyle("#111111", "v", (0, (9, 2)), "xxx"),
    SeriesStyle("#6e3205", "P", (0, (5, 1.5, 1.2, 1.5, 1.2, 1.5)), "+++"),
    SeriesStyle("#4a74ff", "X", (0, (2.5, 2.5)), "---"),
)

RULES = {
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.facecolor": CARD,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "hatch.linewidth": 0.8,
    "figure.facecolor": CARD,
    "legend.borderaxespad": 0.7,
}


def series(index: int) -> SeriesStyle:
    """Return the look of series number `index`, the same in every picture.

    ValueError beyond the last: more cannot be told apart in one picture.
    """
    if not 0 <= index < len(SERIES):
        raise ValueError(
            f"series {index + 1} has no look of its own, there are {len(SERIES)}; "
            "draw fewer series in one picture, or two pictures."
        )
    return SERIES[index]


def by_the_rules(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function draw by these rules, whatever the notebook has set."""

    @functools.wraps(draw)
    def draw_by_the_rules(*arguments, **options):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(RULES)
            return draw(*arguments, **options)

    return draw_by_the_rules


class Card(Figure):
    """A figure that keeps the rules when it is drawn, since ticks are made then."""

    @by_the_rules
    def draw(self, renderer):
        super().draw(renderer)


def card(width: float, height: float, *, title: str = "") -> Card:
    """Return an empty card of so many inches, with a title above all its panels.

    The figure is not known to pyplot, so a notebook shows it only when told to.
    """
    x, y = MARGIN / width, MARGIN / height
    top = TITLE / height if title else 0
    layout = ConstrainedLayoutEngine(
        w_pad=0.04, h_pad=0.04, wspace=0.05, rect=(x, y, 1 - 2 * x, 1 - 2 * y - top)
    )
    fig = Card((width, height), layout=layout)
    if title:
        text = fig.text(
            1.5 * x,
            1 - 1.5 * y,
            title,
            ha="left",
            va="top",
            fontsize=12,
            fontweight="bold",
        )
        text.set_in_layout(False)
    return fig


def canvas(
    columns: int = 1,
    *,
    height: float = 3.6,
    title: str = "",
    squeeze: bool = True,
    sharey: bool = False,
) -> tuple[Card, Any]:
    """Return a card and its axes, side by side; the rest as in `Figure.subplots`."""
    fig = card(WIDTH, height, title=title)
    return fig, fig.subplots(1, columns, squeeze=squeeze, sharey=sharey)


def panel_title(axes: Axes, text: str) -> None:
    """Write a title that stands below the one of the whole card."""
    axes.set_title(text, fontsize=10, fontweight="normal")


def one_way(axes: Axes, axis: str) -> None:
    """Keep the grid lines that help to read values along one axis only."""
    axes.grid(False)
    axes.grid(True, axis=axis)
