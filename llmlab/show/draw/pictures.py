"""A drawing becomes a picture: laid out, checked, rendered small and sharp."""

import io

import numpy as np
from PIL import Image

from llmlab.show import figures, style
from llmlab.show.draw import fits
from llmlab.show.draw import words as letters
from llmlab.show.draw.arrows import Arrow, Bracket
from llmlab.show.draw.geometry import Rect, around
from llmlab.show.draw.labels import text
from llmlab.show.draw.layouts import MARGIN, ROOM, WIDTH, Piece, places
from llmlab.show.draw.sheet import Sheet
from llmlab.show.figures import PIXELS_PER_INCH, Picture

LARGEST = 20_000  # bytes of one PNG
DENSITY = 1.5  # pixels of the PNG to one of the page
COLOURS = (32, 24, 16)  # tried in this order until one is small enough
TITLE_SIZE = 12.0
TITLE_GAP = 16

Joint = Arrow | Bracket


@style.by_the_rules
def picture(
    piece: Piece, *joints: Joint, title: str, alt: str, note: str = ""
) -> Picture:
    """Draw a piece with its arrows and brackets, in the middle of a card.

    title: the idea in a few words. alt: what is seen and what to learn from it, for
    readers who cannot see it. note: a line or two below, in the second voice.
    ValueError: empty alt text, a drawing too wide, text that leaves its shape, meets
    other text or an edge, or is crossed by a line; more than 20 kB as PNG.
    """
    if not alt.strip():
        raise ValueError("alt=''; say in a sentence what is seen and what to learn.")
    sheet = laid_out(piece, joints, title, note)
    if told := fits.complaints(sheet):
        raise ValueError(
            f"this drawing cannot be read: {'; '.join(told)}. Give it more room, fewer "
            "words, or another order."
        )
    width, height = round(sheet.card.width), round(sheet.card.height)
    return Picture(_png(sheet), " ".join(alt.split()), width, height)


def of_data(sheet: Sheet, *, alt: str) -> Picture:
    """Return the picture of what was drawn from data, which may be of any size.

    It is as fine as a drawing, and as large as a figure may be.
    """
    png = _png(sheet, largest=figures.LARGEST)
    width, height = round(sheet.card.width), round(sheet.card.height)
    return Picture(png, " ".join(alt.split()), width, height)


def laid_out(piece: Piece, joints: tuple[Joint, ...], title: str, note: str) -> Sheet:
    """Compute where everything stands, on a card as high as it needs, and paint it."""
    where = places(piece, 0, 0)
    bounds = around([where[piece], *(each.bounds(where) for each in joints)])
    if bounds.width > ROOM:
        raise ValueError(
            f"the drawing is {bounds.width:.0f} pixels wide, a page has {ROOM} for it; "
            "put fewer pieces in a row."
        )
    heading = text(title, width=ROOM, size=TITLE_SIZE, bold=True)
    body = Rect(0, 0, ROOM, bounds.height)
    footer = text(note, width=ROOM, size=letters.SMALL, quiet=True)
    top = MARGIN - 6 + heading.height + TITLE_GAP
    below = top + body.height + TITLE_GAP - 4
    height = below + footer.height + MARGIN - 10 if note else top + body.height + MARGIN
    sheet = Sheet(WIDTH, 2 * round(height / 2))
    heading.paint(sheet, MARGIN, MARGIN - 6)
    x, y = (WIDTH - bounds.width) / 2 - bounds.x, top - bounds.y
    where = places(piece, 2 * round(x / 2), 2 * round(y / 2))
    for each, rect in where.items():
        each.paint(sheet, rect.x, rect.y)
    for joint in joints:
        joint.paint(sheet, where)
    if note:
        footer.paint(sheet, MARGIN, below)
    return sheet


def _png(sheet: Sheet, *, largest: int = LARGEST) -> bytes:
    """Render on as many colours as the limit allows."""
    whole = io.BytesIO()
    sheet.fig.savefig(whole, format="png", dpi=DENSITY * PIXELS_PER_INCH)
    image = Image.open(whole).convert("RGB")
    for colours in COLOURS:
        small = io.BytesIO()
        _on_palette(image, colours).save(small, format="png", optimize=True)
        if small.tell() <= largest:
            return small.getvalue()
    raise ValueError(
        f"this drawing needs {small.tell():,} bytes as PNG, it may have {largest:,}; "
        "draw fewer pieces, or two drawings."
    )


def _on_palette(image: Image.Image, colours: int) -> Image.Image:
    """Keep the commonest colours as they are: fills and inks, which carry meaning.

    The rest are the grey steps at the edges of letters, and go to their nearest.
    """
    pixels = np.asarray(image).astype(np.int64) @ (2**16, 2**8, 1)
    seen, where, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    common = seen[np.argsort(-counts, kind="stable")[:colours]]
    apart = _parts(seen)[:, None] - _parts(common)[None]  # (seen, common, 3)
    nearest = (apart**2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    few = Image.fromarray(nearest[where.reshape(pixels.shape)])
    few.putpalette(_parts(common).flatten().tolist())
    return few


def _parts(colours: np.ndarray) -> np.ndarray:
    """Return red, green and blue of colours that were packed into one number."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1)
