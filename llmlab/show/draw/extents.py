"""A length with its name: a line between two ends, as on a technical drawing."""

from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.sheet import Sheet

LEG = 5  # half the height of the line at an end
SHAFTS = 16  # pixels of line that are left beside the name


@dataclass(frozen=True)
class Extent:
    """From here to there, named."""

    start: float
    end: float
    label: str


def paint(sheet: Sheet, label: str, rect: Rect) -> None:
    """Draw the line through the middle of a rectangle, its name where there is room.

    In the line, else right of it.
    """
    y, left, right = rect.middle[1], rect.x + 2, rect.right - 2  # two may touch
    for x in (left, right):
        sheet.line([(x, y - LEG), (x, y + LEG)], color=style.INK)
    room = letters.width_of(label) + 12
    if room + SHAFTS <= rect.width:
        middle = rect.middle[0]
        sheet.line([(middle - room / 2, y), (left, y)], color=style.INK)
        sheet.line([(middle + room / 2, y), (right, y)], color=style.INK)
        sheet.write(label, middle, y)
        return
    sheet.line([(left, y), (right, y)], color=style.INK)
    sheet.write(label, rect.right + 7, y, align="left")
