"""The paper that pieces are painted on, one unit a pixel of the page.

It remembers what it drew, so that `fits` can say whether all of it can be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.patches as shapes
from matplotlib.path import Path
from matplotlib.text import Text

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.looks import Look
from llmlab.show.figures import PIXELS_PER_INCH

EDGE_WIDTH = 0.96  # points: two pixels of the PNG
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Lettering:
    """A line of text on the sheet, its colours, and the shape it must stay inside."""

    artist: Text
    size: float
    color: str
    fill: str
    inside: Rect | None


class Sheet:
    """A card with nothing on it but what pieces paint."""

    def __init__(self, width: float, height: float):
        self.card = Rect(0, 0, width, height)
        size = width / PIXELS_PER_INCH, height / PIXELS_PER_INCH
        self.fig = style.Card(size)
        self.axes = self.fig.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self.axes.set_axis_off()
        self.written: list[Lettering] = []
        self.edges: list[Rect] = []
        self.lines: list[Points] = []
        self.arrows: list[Points] = []

    def rectangle(self, rect: Rect, look: Look, *, radius: float = 3) -> None:
        """Fill and edge a rectangle, its corners on whole pixels."""
        x, y = _even(rect.x), _even(rect.y)
        width, height = _even(rect.right) - x, _even(rect.bottom) - y
        rounded = f"round,pad=0,rounding_size={min(radius, width / 2, height / 2)}"
        style_of_line = (0, (3, 2)) if look.dashed else "-"
        self.axes.add_patch(
            shapes.FancyBboxPatch(
                (x, y), width, height, boxstyle=rounded, facecolor=look.fill,
                edgecolor=look.edge, linewidth=EDGE_WIDTH, linestyle=style_of_line,
                hatch="////" if look.hatched else None, zorder=2,
            )
        )  # fmt: skip
        self.edges.append(rect)

    def shadow(self, rect: Rect, color: str = style.BAND) -> None:
        """Colour a stretch behind everything else."""
        self.axes.add_patch(
            shapes.Rectangle(
                (_even(rect.x), rect.y), _even(rect.width), rect.height, zorder=0,
                facecolor=color, linewidth=0,
            )
        )  # fmt: skip

    def outline(self, rect: Rect, color: str) -> None:
        """Edge a rectangle heavily, over what is in it."""
        self.axes.add_patch(
            shapes.FancyBboxPatch(
                (rect.x, rect.y), rect.width, rect.height, facecolor="none",
                boxstyle="round,pad=0,rounding_size=3", edgecolor=color, linewidth=2,
                zorder=4,
            )
        )  # fmt: skip
        self.edges.append(rect)

    def line(
        self, points: Points, *, color: str = style.QUIET, width: float = 1.2,
        dashed: bool = False, head: bool = False, tail: bool = False,
        radius: float = 0,
    ) -> None:  # fmt: skip
        """Draw a line through points, its corners round, with a head at its end.

        tail: a head at its beginning as well.
        """
        arrow = "<|-|>" if tail else "-|>"
        sizes = ",head_width=2.4,head_length=4.6" if head else ""
        self.axes.add_patch(
            shapes.FancyArrowPatch(
                path=_path(points, radius), arrowstyle=(arrow if head else "-") + sizes,
                color=color, linewidth=width, capstyle="butt", joinstyle="miter",
                linestyle=(0, (3, 2)) if dashed else "-", mutation_scale=1, zorder=3,
                shrinkA=0, shrinkB=0,
            )
        )  # fmt: skip
        self.lines.append(points)

    def dot(
        self, x: float, y: float, *, color: str, marker: str = "o", size: float = 6
    ) -> None:
        """Draw a marker of matplotlib, its size in points."""
        self.axes.plot(
            [x], [y], marker=marker, color=color, markersize=size, linewidth=0, zorder=5
        )

    def write(
        self, text: str, x: float, y: float, *, align: str = "center",
        size: float = letters.SIZE, color: str = style.INK, bold: bool = False,
        mono: bool = False, inside: Rect | None = None, fill: str = style.CARD,
    ) -> None:  # fmt: skip
        """Write lines of text, centred in height on y.

        align: what x is, "left", "center" or "right". inside, fill: the shape that
        the text stands in, and its colour.
        """
        step = letters.line_height(size)
        lines = text.split("\n") if text else []
        first = y - step * (len(lines) - 1) / 2
        for index, line in enumerate(lines):
            artist = self.axes.text(
                x, letters.baseline(first + index * step, size), line, ha=align,
                va="baseline", color=color, zorder=6, parse_math=False,
                fontproperties=letters.font(bold=bold, mono=mono, size=size),
            )  # fmt: skip
            self.written.append(Lettering(artist, size, color, fill, inside))


def _even(value: float) -> float:
    """Two pixels of the page are three of the PNG, so an edge there is sharp."""
    return 2 * round(value / 2)


def _path(points: Points, radius: float) -> Path:
    """Return a path whose inner corners are cut by a curve."""
    corners, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        corners += [_toward(corner, before, radius), corner]
        corners.append(_toward(corner, after, radius))
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*corners, points[-1]], [*codes, Path.LINETO])


def _toward(start, end, distance: float) -> tuple[float, float]:
    (x, y), (to_x, to_y) = start, end
    length = max(abs(to_x - x) + abs(to_y - y), 1e-9)  # legs run along one axis
    share = min(1.0, distance / length)
    return x + share * (to_x - x), y + share * (to_y - y)
