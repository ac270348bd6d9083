"""Text that is measured before it is placed, in pixels of the page."""

import functools

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from llmlab.show.figures import PIXELS_PER_INCH

POINT = PIXELS_PER_INCH / 72  # pixels of the page
SIZE = 9.5  # points, as in every picture
SMALL = 9.0
FAMILY = "DejaVu Sans"  # both ship with matplotlib, so widths are the same everywhere
MONO = "DejaVu Sans Mono"
LEADING = 1.36  # from line to line, in sizes
CAPITAL = 0.73  # height of a capital, in sizes
SLACK = 1.02  # letters are set on whole pixels, which makes a line a little longer


def font(*, bold: bool = False, mono: bool = False, size: float = SIZE):
    """Return the font that is measured and drawn."""
    family, weight = MONO if mono else FAMILY, "bold" if bold else "normal"
    return FontProperties(family=family, weight=weight, size=size)


@functools.cache
def width_of(
    words: str, *, size: float = SIZE, bold: bool = False, mono: bool = False
) -> float:
    """Return the width of the longest line."""
    letters = font(bold=bold, mono=mono, size=size)
    widths = [
        text_to_path.get_text_width_height_descent(line, letters, False)[0]
        for line in words.split("\n")
    ]
    return SLACK * POINT * max(widths)


def line_height(size: float = SIZE) -> float:
    """Return the distance from one line to the next."""
    return LEADING * POINT * size


def height_of(words: str, *, size: float = SIZE) -> float:
    """Return the height of all lines, with half a leading above and below."""
    return line_height(size) * (words.count("\n") + 1) if words else 0


def baseline(centre: float, size: float) -> float:
    """Return where letters stand so that their capitals are centred on a height."""
    return centre + CAPITAL * POINT * size / 2


def wrap(words: str, width: float, *, size: float = SIZE, bold: bool = False) -> str:
    """Break lines at spaces so that none is wider than this.

    ValueError: a single word is wider.
    """
    lines = []
    for paragraph in words.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and width_of(longer, size=size, bold=bold) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    wrapped = "\n".join(lines)
    require(wrapped, width, size=size, bold=bold)
    return wrapped


def require(
    words: str, width: float, *, size: float = SIZE, bold: bool = False, mono=False
) -> None:
    """Raise ValueError unless the text is at most this wide."""
    needed = width_of(words, size=size, bold=bold, mono=mono)
    if needed > width + 0.5:
        raise ValueError(
            f"{words!r} needs {needed:.0f} pixels and has {width:.0f}; say it in fewer "
            "words, or give its shape more room."
        )
