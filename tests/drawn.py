"""What every picture of a lab has to keep."""

import io
from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from llmlab import show
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
    labelled = [axes for axes in fig.axes if axes.get_xlabel()]
    titled = labelled and all(axes.get_title(loc="left") for axes in labelled)
    is_kept = {
        f"at most {BYTES:,} bytes": len(picture.png) <= BYTES,
        "opaque, on the card's ground": opacity == 255
        and to_hex(np.array(ground) / 255) == style.CARD,
        "the same whatever the notebook has set": same,
        "axes have names, and titles": titled,
        "names of axes stand clear of the title": _names_stand_clear(fig),
        "the kind of its facts is said": "measured" in " ".join(words_of(fig)),
    }
    return [rule for rule, kept in is_kept.items() if not kept]


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
