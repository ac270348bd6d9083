"""Which pages are free, and how many owners the others have.

A row takes a page when its last one is full. Rows with the same beginning share pages:
a page with several owners is only read, and one without an owner is free. Each change
is worked out first and then stored in one line without a call, for there Python hears
no Ctrl-C: whatever is interrupted, every page is free or somebody's.

Source: Kwon et al., SOSP 2023 (PagedAttention).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from llmlab.caching import parts
from llmlab.caching.parts import ResizeTable
from llmlab.core import arguments
from llmlab.core.arguments import is_whole, shown

Table = list[int]  # a row's pages, in order


class Ownership:
    """The pages 1 to `pages`; what lies on them is the affair of `PagePool`.

    free: page numbers, those at the front are taken next. counts: owners by page.
    evict: asked for so many pages where too few are free, before a ValueError.
    """

    layers: list[Tensor]  # (slots, 2, K, H) each
    windows: tuple[int | None, ...]  # how far back each layer may look
    page_bytes: int  # of all layers

    def __init__(self, pages: int, page_size: int, resize_table: ResizeTable | None):
        way = "choose how many pages rows may take together"
        self.pages = arguments.whole("pages", pages, least=1, way=way)
        way = "choose how many tokens a page holds, such as 16"
        self.page_size = arguments.whole("page_size", page_size, least=1, way=way)
        self.free: list[int] = list(range(1, self.pages + 1))
        self.counts: list[int] = [0] * (self.pages + 1)
        self.evict: Callable[[int], object] | None = None
        self._part = resize_table

    def owners(self, page: int) -> int:
        """Return how many owners a page has; 0: it is free."""
        return self.counts[self._checked(page)]

    def take(self) -> int:
        """Hand out a free page; who takes it is its one owner."""
        self.make_room(1)
        page, free = self.free[0], self.free[1:]
        self.free, self.counts[page] = free, 1
        return page

    def share(self, page: int) -> None:
        """Count one more owner of a page; ValueError for a free one."""
        if not self.owners(page):
            raise ValueError(
                f"page={page} is free, and what it holds is nobody's; share a page "
                "while somebody has it."
            )
        self.counts[page] += 1

    def drop(self, page: int) -> None:
        """Count one owner less; without one it is free. ValueError: it was so."""
        left = self.owners(page) - 1
        if left < 0:
            raise ValueError(
                f"page={page} is free already; drop a page once for each time that it "
                "was taken or shared."
            )
        free = self.free if left else [*self.free, page]
        self.free, self.counts[page] = free, left

    def make_room(self, pages: int) -> None:
        """Have so many pages free, evicted if need be; ValueError: too few."""
        if pages > len(self.free) and self.evict is not None:
            self.evict(pages - len(self.free))
        if pages > len(self.free):
            missing = pages - len(self.free)
            raise ValueError(
                f"pages={self.pages} of this pool are not enough: {pages} more are "
                f"wanted, {len(self.free)} free; make it with pages="
                f"{self.pages + missing}, or release a cache that is done."
            )

    def resize(
        self, tables: Sequence[Table], tokens: Sequence[int], starts: Sequence[int]
    ) -> tuple[list[Table], list[int], list[int]]:
        """Return tables that hold `tokens`, and `free` and `counts` with them.

        Pages that are written from `starts` on become the row's own: what others share
        is copied, and a new page is of zeros. Nothing counts until the caller stores
        it. Raises ValueError where the pool is too small.
        """
        self.make_room(self._missing(tables, tokens, starts))
        free, counts = list(self.free), list(self.counts)
        new: list[Table] = []
        for table, size, start in zip(tables, tokens, starts, strict=True):
            resized, free = self._resized(table, size, free)
            if taken := resized[len(table) :]:
                self._clear(taken)
                for page in taken:
                    counts[page] = 1
            if len(resized) < len(table):
                for page in table[len(resized) :]:
                    counts[page] -= 1
                free = [page for page in free if not counts[page]]
            for place in range(start // self.page_size, len(resized)):
                page = resized[place]
                if counts[page] > 1:
                    own = free.pop(0)
                    self._copy(page, own)
                    counts[page], counts[own] = counts[page] - 1, 1
                    resized[place] = own
            new.append(resized)
        return new, free, counts

    def _resized(self, table: Table, tokens: int, free: list[int]) -> tuple:
        if self._part is None:
            return parts.resize_table(table, tokens, self.page_size, free)
        return parts.checked_table(self._part, table, tokens, self.page_size, free)

    def _missing(self, tables, tokens, starts) -> int:
        """Return how many free pages a resize takes."""
        counts, missing = list(self.counts), 0
        for table, size, start in zip(tables, tokens, starts, strict=True):
            wanted = -(-size // self.page_size)
            missing += max(0, wanted - len(table))
            for page in table[start // self.page_size : wanted]:
                if counts[page] > 1:
                    counts[page] -= 1
                    missing += 1
        return missing

    def _clear(self, pages: Table) -> None:
        index = torch.tensor(pages, device=self.layers[0].device)
        for memory in self.layers:
            memory.view(-1, self.page_size, *memory.shape[1:]).index_fill_(0, index, 0)

    def _copy(self, page: int, to: int) -> None:
        size = self.page_size
        for memory in self.layers:
            pages = memory.view(-1, size, *memory.shape[1:])
            pages[to].copy_(pages[page])

    def _checked(self, page: int) -> int:
        if is_whole(page) and 0 < page <= self.pages:
            return int(page)
        raise ValueError(
            f"page={shown(page)} is no page of this pool; its pages are 1 to "
            f"{self.pages}, and page 0 is nobody's."
        )
