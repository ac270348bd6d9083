"""How a shape is filled, edged and written on, with a contrast that can be read.

A colour is a number of `style.SERIES`. A meaning never hangs on colour alone: free is
dashed, wasted is hatched, masked is empty, and the rest carries its label.
"""

from dataclasses import dataclass

from matplotlib.colors import to_hex, to_rgb

from llmlab.show import style

READABLE = 4.5  # contrast of text, WCAG 2.2 level AA
EDGE = "#8a8a85"


@dataclass(frozen=True)
class Look:
    """Fill, edge and ink of a shape. ValueError: text on it would be hard to read."""

    fill: str = style.CARD
    edge: str = EDGE
    ink: str = style.INK
    hatched: bool = False
    dashed: bool = False

    def __post_init__(self) -> None:
        if contrast(self.ink, self.fill) < READABLE:
            raise ValueError(
                f"ink={self.ink!r} on fill={self.fill!r} has a contrast of "
                f"{contrast(self.ink, self.fill):.1f}, text needs {READABLE}; take a "
                "lighter fill, or looks.ink_on(fill)."
            )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 defines it, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(fill: str) -> str:
    """Return dark or light ink; black or white where a middle tone asks for it.

    On any fill one of these two has a contrast of 4.58 at least, the root of 21.
    """
    for ink in (style.INK, style.CARD):
        if contrast(ink, fill) >= READABLE:
            return ink
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, fill))


def tint(color: int) -> Look:
    """Return a pale fill with an edge in full colour."""
    strong = style.series(color).color
    return Look(fill=_mixed(strong, 0.2), edge=strong)


def solid(color: int) -> Look:
    """Return a fill in full colour."""
    strong = style.series(color).color
    return Look(fill=strong, edge=strong, ink=ink_on(strong))


def shade(share: float, color: int = 0) -> Look:
    """Return a fill between the card (0) and the full colour (1), for a value.

    ValueError: a share below 0 or above 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(
            f"share={share} lies outside 0 to 1; divide by the largest value first."
        )
    fill = _mixed(style.series(color).color, share)
    return Look(fill=fill, edge=EDGE, ink=ink_on(fill))


def _mixed(color: str, share: float) -> str:
    parts = zip(to_rgb(style.CARD), to_rgb(color), strict=True)
    red, green, blue = ((1 - share) * paper + share * full for paper, full in parts)
    return to_hex((red, green, blue))


BLANK = Look()
FADED = Look(fill="#efefeb", edge="#c4c4bd", ink=style.QUIET)
MASKED = Look(edge="#d4d4ce", ink=style.QUIET)  # nothing passes here
FREE = Look(edge=EDGE, ink=style.QUIET, dashed=True)
WASTED = Look(fill="#f4f4f0", edge=EDGE, hatched=True)  # taken, and of no use
FILLED = tint(0)
