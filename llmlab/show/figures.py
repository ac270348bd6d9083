"""A figure as HTML: sharp on any screen, small in the notebook, told to a reader.

JupyterLab ignores alt text in the metadata of an image, so a picture travels as
`<figure><img alt=…>` with its PNG inside.
"""

import base64
import html
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from llmlab.core import atomic, records
from llmlab.core.records import Record
from llmlab.show import registry, style

LARGEST = 40_000  # bytes of one PNG; a notebook of 500 kB holds nine
PIXELS_PER_INCH = 100  # of the page; the PNG has twice as many
# Density and colours, tried in this order until one is small enough.
TRIES = ((2.0, 64), (2.0, 32), (1.5, 64), (1.5, 32), (1.0, 32))
QUICK_DENSITY, QUICK_COLOURS = 1.5, 64  # of a widget's picture
Place = tuple[float, float, float, float]  # of axes in a figure, as shares of it
FRAME = "border:1px solid rgba(128,128,128,.35);border-radius:8px"


@dataclass(frozen=True)
class Picture:
    """A drawn figure. `repr` is its alt text, so a text-only reader misses nothing."""

    png: bytes = field(repr=False)
    alt: str
    width: int  # pixels of the page
    height: int
    id: str | None = None

    def _repr_html_(self) -> str:
        name = f' id="{html.escape(self.id)}"' if self.id else ""
        data = base64.b64encode(self.png).decode("ascii")
        # The room is kept before the image is decoded, so nothing below it jumps.
        room = f"max-width:100%;height:auto;aspect-ratio:{self.width}/{self.height}"
        return (
            f'<figure{name} style="margin:4px 0;max-width:100%">'
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" '
            f'style="{room};box-sizing:border-box;{FRAME}" '
            f'src="data:image/png;base64,{data}"></figure>'
        )

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def save(self, path: str | Path) -> None:
        """Write the PNG; a file that stands there is replaced in one step, or kept."""
        atomic.write(path, self.png)


def figure(
    result: Any,
    *,
    alt: str | None = None,
    title: str | None = None,
    title_id: str | None = None,
) -> Picture:
    """Return the picture of a result, or of a matplotlib figure, which is closed.

    result: what has records(), records, or a list of these; which picture it gets, and
    its alt text, follow from its quantities (`show.registry`). A Figure of your own
    needs `alt`: what a reader who cannot see it should know, the finding included.
    title: another one than the picture's. title_id: HTML id, for links to it.
    ValueError: a result that no picture fits, a figure without alt text or without
    anything drawn, a drawing too busy for 40 kB.
    """
    if isinstance(result, Figure):
        return picture_of(result, alt=alt, title_id=title_id)
    facts = _facts(result)
    kind = registry.kind_of(facts)
    drawn = kind.draw(result) if title is None else kind.draw(result, title=title)
    words = " ".join([kind.alt(facts), *records.notes(facts)]) if alt is None else alt
    return picture_of(drawn, alt=words, title_id=title_id)


def _facts(result: Any) -> tuple[Record, ...]:
    try:
        return records.collect(result)
    except ValueError:
        raise ValueError(
            f"result is a {type(result).__name__}; give what has records(), such as an "
            "experiment, or a matplotlib Figure with alt=…."
        ) from None


def quick_picture(
    fig: Figure, *, alt: str, places: list[Place] | None = None,
    colours: int = QUICK_COLOURS,
) -> Picture:  # fmt: skip
    """Turn a figure into a Picture for a widget, whose reader waits.

    places: where axes lie, filled by the first of several drawings of one kind, so that
    the others need not be laid out. colours: of its palette.
    """
    render = partial(_quick_png, places=places, colours=colours)
    return picture_of(fig, alt=alt, render=render)


def picture_of(
    fig: Figure,
    *,
    alt: str | None,
    title_id: str | None = None,
    render: Callable[[Figure], bytes] | None = None,
) -> Picture:
    """Turn a matplotlib figure into a Picture and close it; errors as `figure`."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            f"alt={alt!r}; say in a sentence what the figure shows, for readers who "
            "cannot see it."
        )
    if title_id is not None and (not title_id or title_id != "".join(title_id.split())):
        raise ValueError(f"title_id={title_id!r}; an HTML id is one word, no spaces.")
    if not fig.axes:
        raise ValueError("fig holds no axes, so nothing is drawn; draw first.")
    width, height = (round(each * PIXELS_PER_INCH) for each in fig.get_size_inches())
    png = (render or _png)(fig)
    picture = Picture(png, " ".join(alt.split()), width, height, title_id)
    _close(fig)
    return picture


def _png(fig: Figure) -> bytes:
    """Render at twice the page's density, on as many colours as the limit allows."""
    _settle(fig)
    images = {}
    for density, colours in TRIES:
        if density not in images:
            images[density] = _render(fig, density)
        buffer = io.BytesIO()
        few = _with_palette(images[density], colours)
        few.save(buffer, format="png", optimize=True)
        if buffer.tell() <= LARGEST:
            return buffer.getvalue()
    raise ValueError(
        f"this figure needs {buffer.tell():,} bytes as PNG, a picture may have "
        f"{LARGEST:,}; draw fewer points, or make it smaller (figsize)."
    )


def _quick_png(fig: Figure, *, places: list[Place] | None, colours: int) -> bytes:
    """Render in one go: fewer points an inch, a palette that is found at once."""
    if places:
        fig.set_layout_engine("none")
        for axes, place in zip(fig.axes, places, strict=True):
            axes.set_position(place)
    else:
        _settle(fig)
    if places is not None:
        places[:] = [axes.get_position(original=True).bounds for axes in fig.axes]
    image = _render(fig, QUICK_DENSITY)
    few = image.quantize(colours, method=Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    few.save(buffer, format="png", optimize=True)  # it stands in the file twice
    return buffer.getvalue()


def _settle(fig: Figure) -> None:
    """Lay out once and round: the same drawing gives the same bytes.

    The solver of a constrained layout differs from run to run in the last bit, which is
    enough to move a tick's label across half a pixel.
    """
    engine = fig.get_layout_engine()
    if engine is None:
        return
    lay_out = style.by_the_rules(engine.execute)  # ticks are made then
    (lay_out if isinstance(fig, style.Card) else engine.execute)(fig)
    fig.set_layout_engine("none")
    for axes in fig.axes:
        bounds = axes.get_position(original=True).bounds
        axes.set_position([round(each, 6) for each in bounds])


def _render(fig: Figure, density: float) -> Image.Image:
    """Draw once, straight into the pixels, whatever the notebook has set."""
    fig.set_dpi(density * PIXELS_PER_INCH)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba()))
    paper = Image.new("RGBA", image.size, "white")  # under a transparent figure
    return Image.alpha_composite(paper, image).convert("RGB")


def _with_palette(image: Image.Image, colours: int) -> Image.Image:
    """Keep the colours that matter; lines and letters need few, the file a third."""
    # Maximum coverage keeps the colour of a thin line, which a median cut may lose;
    # on something like a photograph it takes seconds and gains nothing.
    is_lines = image.getcolors(2**14) is not None
    method = Image.Quantize.MAXCOVERAGE if is_lines else Image.Quantize.MEDIANCUT
    return image.quantize(colours, method=method, dither=Image.Dither.NONE)


def _close(fig: Figure) -> None:
    if pyplot := sys.modules.get("matplotlib.pyplot"):  # who never drew with it …
        pyplot.close(fig)
