"""Memory as a strip of pages: who owns one, what is filled, what is wasted."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.show import style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.looks import FREE, WASTED, Look, tint
from llmlab.show.draw.sheet import Sheet

SLOT = 16  # pixels
HEIGHT = 30
BETWEEN = 8  # pages


@dataclass(frozen=True)
class Page:
    """A page of memory: its owner, how many of its slots are in use, its look."""

    owner: str = ""
    used: int = 0
    look: Look = FREE


def page(owner: str, used: int, *, color: int = 0) -> Page:
    """Return a page that somebody owns; slots beyond `used` are wasted."""
    return Page(owner, used, tint(color))


FREE_PAGE = Page()


@dataclass(frozen=True, eq=False)
class Memory(Piece):
    """Pages of some slots, in lines of some pages, numbered below."""

    pages: tuple[Page, ...]
    slots: int
    columns: int
    slot_width: float
    numbered: bool

    @property
    def _page_width(self) -> float:
        return self.slots * self.slot_width

    @property
    def _line(self) -> float:
        return HEIGHT + BETWEEN + self.numbered * letters.line_height(letters.SMALL)

    @property
    def width(self) -> float:  # type: ignore[override]  # computed
        columns = min(self.columns, len(self.pages))
        return columns * (self._page_width + BETWEEN) - BETWEEN

    @property
    def height(self) -> float:  # type: ignore[override]  # computed
        return -(-len(self.pages) // self.columns) * self._line - BETWEEN

    def page(self, index: int) -> Part:
        """Return a page as an end for an arrow."""
        return Part(self, self._rect(index))

    def _rect(self, index: int) -> Rect:
        line, column = divmod(index, self.columns)
        x = column * (self._page_width + BETWEEN)
        return Rect(x, line * self._line, self._page_width, HEIGHT)

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        for index, page in enumerate(self.pages):
            rect = self._rect(index).moved(x, y)
            self._paint_page(sheet, page, rect)
            if self.numbered:
                below = rect.bottom + letters.line_height(letters.SMALL) / 2 + 2
                sheet.write(
                    str(index), rect.middle[0], below, size=letters.SMALL,
                    color=style.QUIET,
                )  # fmt: skip

    def _paint_page(self, sheet: Sheet, page: Page, rect: Rect) -> None:
        """A free page is one shape, an owned one shows its slots."""
        if not page.owner:
            sheet.rectangle(rect, FREE)
            return
        for slot in range(self.slots):
            left = rect.x + slot * self.slot_width
            look = page.look if slot < page.used else WASTED
            sheet.rectangle(Rect(left, rect.y, self.slot_width, HEIGHT), look, radius=0)
        used = Rect(rect.x, rect.y, page.used * self.slot_width, HEIGHT)
        if letters.width_of(page.owner) <= self.slot_width - 2:
            for slot in range(page.used):
                middle = rect.x + (slot + 0.5) * self.slot_width
                sheet.write(
                    page.owner, middle, rect.middle[1], color=page.look.ink,
                    fill=page.look.fill, inside=used,
                )  # fmt: skip


def memory(
    pages: Sequence[Page], *, slots: int = 1, columns: int | None = None,
    slot_width: float = SLOT, numbered: bool = True,
) -> Memory:  # fmt: skip
    """Return a strip of pages, each of so many slots, in lines of so many columns.

    A page is `page(owner, used)` or FREE_PAGE. ValueError: no pages, more slots used
    than there are, an owner's name wider than a slot.
    """
    if not pages:
        raise ValueError("pages=[] is no memory; give at least one page.")
    for index, each in enumerate(pages):
        if not 0 <= each.used <= slots:
            raise ValueError(
                f"page {index} uses {each.used} of {slots} slots; use 0 to {slots}."
            )
        letters.require(each.owner, slot_width - 2)
    per_line = columns or len(pages)
    return Memory(tuple(pages), slots, per_line, slot_width, numbered)
