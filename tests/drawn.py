"""What every picture of a lab has to keep."""

import dataclasses
import io
from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from llmlab import show
from llmlab.core import records
from llmlab.show import style

BYTES = 40_000


def words_of(fig: Figure) -> list[str]:
    """Return every text of a figure."""
    fig.draw_without_rendering()
    return [text.get_text() for text in fig.findobj(matplotlib.text.Text)]


def faults(draw: Callable[[], Figure]) -> list[str]:
    """Return what is wrong with a picture: its size, its ground, what it says."""
    picture, fig = show.figure(draw(), alt="what it shows"), draw()
    pixels = Image.open(io.BytesIO(picture.png)).convert("RGBA")
    *ground, opacity = pixels.getpixel((0, 0))
    with matplotlib.rc_context({"font.size": 22, "axes.facecolor": "black"}):
        same = show.figure(draw(), alt="the same").png == picture.png
    is_kept = {
        f"at most {BYTES:,} bytes": len(picture.png) <= BYTES,
        "opaque, on the card's ground": opacity == 255
        and to_hex(np.array(ground) / 255) == style.CARD,
        "the same whatever the notebook has set": same,
    }
    labelled = [axes for axes in fig.axes if axes.get_xlabel()]
    titled = labelled and all(axes.get_title(loc="left") for axes in labelled)
    is_kept["axes have names, and titles"] = titled
    return [rule for rule, kept in is_kept.items() if not kept] + faults_of(fig)


def faults_of(fig: Figure) -> list[str]:
    """Return what is wrong with a figure of any lab, as it was drawn once."""
    said = " ".join(words_of(fig))
    is_kept = {
        "names of axes stand clear of the title": _names_stand_clear(fig),
        "the kind of its facts is said": any(kind in said for kind in records.KINDS),
    }
    return [rule for rule, kept in is_kept.items() if not kept]


def held_to_the_rules(kind_of: Callable) -> Callable:
    """Let what finds the picture of a result find one that stops at its faults."""

    def found(facts):
        kind = kind_of(facts)
        if not callable(kind.draw):
            return kind

        def draw(*arguments, **options):
            fig = kind.draw(*arguments, **options)
            told = faults_of(fig)
            assert not told, f"{kind.draw.__module__}.{kind.draw.__name__}: {told}"
            return fig

        return dataclasses.replace(kind, draw=draw)

    return found


def _names_stand_clear(fig: Figure) -> bool:
    """Say whether no axis has a name that leaves the figure or meets its title."""
    fig.draw_without_rendering()
    names = [axis.label for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)]
    boxes = [name.get_window_extent() for name in names if name.get_text()]
    titles = [text.get_window_extent() for text in fig.texts]
    inside = all(
        box.x0 >= 0 and box.y0 >= 0
        and box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1
        for box in boxes
    )  # fmt: skip
    return inside and not any(t.overlaps(box) for t in titles for box in boxes)
