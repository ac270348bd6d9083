"""A cache on pages: rows of any length, with no memory kept for what may come.

A row's table says which pages its tokens lie on. A step works out once where its
tokens lie, the slots, and each layer then writes the new ones and gathers all of them.
Rows that leave or join take no copy: both caches own the pages, and who writes to a
page that others share gets one of its own first.

Shapes: B rows, T new tokens, S tokens attended to, K key/value heads, H head width.
Source: Kwon et al., SOSP 2023 (PagedAttention).
"""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from llmlab.caching import parts, slots
from llmlab.caching.ownership import Ownership
from llmlab.caching.parts import ExtendPages, PageSlots
from llmlab.caching.slots import Step
from llmlab.core.arguments import is_whole, shown
from llmlab.models.caches import rows
from llmlab.models.caches.attention import Mask, causal_mask
from llmlab.models.caches.rows import Counts, RaggedCache

THIS_MODEL = "make its pool for this model: PagePool(model, pages=...)."


class PagedCache(RaggedCache):
    """Rows on the pages of a pool; made by `PagePool.new_cache`.

    tables: the pages of each row, in order. They go back when the cache is released,
    left as a context, or no longer referred to.
    """

    limit: int
    tables: list[list[int]] = []  # noqa: RUF012 (of a cache that was never made)

    def __init__(
        self,
        pool: Ownership,
        batch: int,
        *,
        length: int,
        page_slots: PageSlots | None = None,
        extend_pages: ExtendPages | None = None,
    ):
        rows.check_size(batch, length)
        super().__init__(batch, length, device=pool.layers[0].device)
        self.pool, self.layers = pool, pool.layers
        self.tables = [[] for _ in range(batch)]
        self._page_slots, self._extend_pages = page_slots, extend_pages
        self._step: Step | None = None
        self._slotted: list[list[int]] | None = None  # tables that the slots are of
        self._slots = self.lengths.new_empty(batch, 0)  # (B, places), 0 past a table

    @property
    def bytes(self) -> int:
        """Memory of the pages it holds; one that rows share counts for each."""
        return sum(map(len, self.tables)) * self.pool.page_bytes

    def extend(
        self, layer: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Mask]:
        """Write (B, K, T, H) behind each row's tokens; return all (B, K, S, H).

        Raises ValueError when a row would outgrow the cache or the pool, and for keys
        of another model; nothing is written then.
        """
        memory, tokens = self.layers[layer], keys.shape[2]
        step = self._step
        if torch.compiler.is_compiling():
            if self.room(tokens) > self._slots.shape[1]:
                raise ValueError(
                    f"{tokens} more tokens lack pages, and a compiled step takes none; "
                    "call cache.reserve(tokens) before it, for several steps at once."
                )
            step = self._opened(tokens)
        elif (
            not layer
            or step is None
            or step.start is not self.start
            or step.new.shape[1] != tokens
        ):
            self._check(memory, keys)
            self.reserve(tokens)
            step = self._step = self._opened(tokens)
        window = self.pool.windows[layer]
        if window not in step.masks:
            step.masks[window] = causal_mask(
                step.start, tokens, step.seen.shape[1], window, memory.device
            )
        if self._extend_pages is None:
            found = parts.extend_pages(memory, step.new, step.seen, keys, values)
        else:
            part = self._extend_pages
            found = parts.checked_extend(
                part, memory, step.new, step.seen, keys, values
            )
        return *found, step.masks[window]

    def reserve(self, tokens: int) -> None:
        """Take the pages that T more tokens in every row are written to.

        They stay until a row takes tokens back, or a call counts fewer tokens in some
        row. Raises ValueError where the rows or the pool have no such room.
        """
        self.room(tokens)
        starts = self._held()
        ends = [start + tokens for start in starts]
        size, counts = self.pool.page_size, self.pool.counts
        for table, start, end in zip(self.tables, starts, ends, strict=True):
            written = table[start // size :]
            if len(table) * size < end or any(counts[page] > 1 for page in written):
                self._resize(ends, starts)
                break
        self._fill_slots()

    def advance(self, counts: Counts, *, most: int | None = None) -> None:
        """Count more tokens as held; pages that padding alone took go back."""
        super().advance(counts, most=most)
        if not isinstance(counts, int) and not torch.compiler.is_compiling():
            self.trim()

    def memory(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return all keys and values of a layer as views (pages, K, page size, H)."""
        memory = self.layers[layer]
        paged = memory.view(-1, self.pool.page_size, *memory.shape[1:])
        keys, values = paged.transpose(1, 3).unbind(2)
        return keys, values

    def places(self, row: int) -> list[int]:
        """Return the pages of a row's tokens, in order: which parts of `memory`."""
        return list(self.tables[row])

    def adopt(self, row: int, pages: Sequence[int], tokens: int) -> None:
        """Let an empty row begin with pages that hold a prefix, whole ones only.

        The caller's reference to each page becomes the row's. Raises ValueError for a
        row that holds tokens, and for pages that are free or not full.
        """
        pages, lengths = list(pages), self._held()
        if not is_whole(row) or not 0 <= row < len(lengths) or lengths[row]:
            raise ValueError(
                f"row={shown(row)} is no empty row; only a row without tokens can "
                "begin with a prefix: rewind it to 0, or make a new cache."
            )
        if tokens != len(pages) * self.pool.page_size or tokens > self.limit:
            raise ValueError(
                f"tokens={shown(tokens)} are not what {len(pages)} whole pages of "
                f"{self.pool.page_size} hold within {self.limit} places; adopt whole "
                "pages, as PrefixTree.match gives them."
            )
        if free := [page for page in pages if not self.pool.owners(page)]:
            raise ValueError(
                f"pages={pages} holds page {free[0]}, which is free; adopt pages that "
                "the caller owns, as PrefixTree.match gives them."
            )
        self._trim(lengths)
        lengths[row] = int(tokens)
        held = torch.tensor(lengths, device=self.lengths.device)
        tables = [*self.tables[:row], pages, *self.tables[row + 1 :]]
        self._store(self.pool.free, self.pool.counts, tables, held, lengths)

    def hold(self, lengths: Sequence[int]) -> None:
        """Say how many tokens each row holds; ValueError: more than its pages do."""
        room = [len(table) * self.pool.page_size for table in self.tables]
        if not all(0 <= held <= most for held, most in zip(lengths, room, strict=True)):
            raise ValueError(f"lengths={shown(lengths)}, and the pages hold {room}.")
        self._hold(torch.tensor(lengths, device=self.lengths.device))

    def trim(self) -> None:
        """Give back pages behind the rows' tokens, as a broken call may leave them."""
        self._trim(self._held())

    def release(self) -> None:
        """Give all pages back; the rows are empty then."""
        pool = self.pool
        tables: list[list[int]] = [[] for _ in self.tables]
        counts, free = list(pool.counts), list(pool.free)
        for page in (page for table in self.tables for page in table):
            counts[page] -= 1
            if not counts[page]:
                free.append(page)
        self._store(free, counts, tables, torch.zeros_like(self.lengths), [0])

    def join(self, other: Self) -> Self:
        """Return a cache of the rows of both; ValueError for pages of another pool."""
        if isinstance(other, PagedCache) and other.pool is not self.pool:
            raise ValueError(
                "other lies on pages of another pool; make both by new_cache of one."
            )
        return super().join(other)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def __del__(self):
        try:
            if any(self.tables):
                self.release()
        except KeyboardInterrupt:  # it goes no further from here, so pages come first
            self.release()
            raise

    def __copy__(self) -> Self:
        """Return a cache without pages: two that think they own the same drop twice."""
        new = object.__new__(type(self))
        new.__dict__ |= self.__dict__ | {"tables": [], "_step": None}
        return new

    def _opened(self, tokens: int) -> Step:
        """Return the slots of a call; its pages are reserved."""
        return slots.opened(self._slots, self.start, tokens, self.longest + tokens)

    def _fill_slots(self) -> None:
        """Work out the slots of the tables, if these have changed."""
        tables, size = self.tables, self.pool.page_size
        if self._slotted is tables:
            return
        device = self.lengths.device
        if self._page_slots is None:
            self._slots = slots.of(tables, size, device)
        else:
            self._slots = slots.asked(self._page_slots, tables, size, device)
        self._slotted = tables

    def _held(self) -> list[int]:
        even = self.even
        return self.lengths.tolist() if even is None else [even] * len(self.tables)

    def _store(
        self,
        free: list[int],
        counts: list[int],
        tables: list[list[int]],
        lengths: Tensor,
        held: list[int],
    ) -> None:
        """Change pool, tables and lengths together: Ctrl-C finds all of it, or none."""
        pool, most = self.pool, max(held)
        even = most if min(held) == most else None
        pool.free, pool.counts, self.tables, self.lengths, self.longest, self.even = (
            free, counts, tables, lengths, most, even,
        )  # fmt: skip

    def _resize(self, tokens: Sequence[int], starts: Sequence[int]) -> None:
        pool = self.pool
        tables, free, counts = pool.resize(self.tables, tokens, starts)
        pool.free, pool.counts, self.tables = free, counts, tables

    def _trim(self, lengths: Sequence[int]) -> None:
        """Give back the pages behind these lengths."""
        size = self.pool.page_size
        pairs = zip(self.tables, lengths, strict=True)
        if any((len(table) - 1) * size >= length for table, length in pairs):
            self._resize(lengths, [len(table) * size for table in self.tables])

    def _check(self, memory: Tensor, keys: Tensor) -> None:
        if keys.shape[1::2] != memory.shape[2:]:
            raise ValueError(
                f"keys have {keys.shape[1]} heads of {keys.shape[3]} and this cache "
                f"holds {memory.shape[2]} of {memory.shape[3]}; {THIS_MODEL}"
            )
        if keys.dtype != memory.dtype:
            raise ValueError(
                f"keys are {keys.dtype} and this cache is {memory.dtype}; {THIS_MODEL}"
            )

    def _form(self) -> tuple:
        heads = tuple(memory.shape[2] for memory in self.layers)
        width, kind = self.layers[0].shape[3], self.layers[0].dtype
        windows = self.pool.windows
        return "keys and values", "on pages", heads, width, windows, kind

    def _forget(self, wanted: list[int], held: list[int]) -> None:
        starts = [len(table) * self.pool.page_size for table in self.tables]
        tables, free, counts = self.pool.resize(self.tables, wanted, starts)
        lengths = torch.tensor(wanted, device=self.lengths.device)
        self._store(free, counts, tables, lengths, wanted)

    def _take(self, old: Any, index: Tensor) -> None:
        self._share([old.tables[row] for row in index.tolist()])

    def _put(self, one: Any, other: Any) -> None:
        self._share([*one.tables, *other.tables])

    def _share(self, tables: list[list[int]]) -> None:
        """Own what these tables hold of the rows' tokens, together with others."""
        pool, size = self.pool, self.pool.page_size
        pairs = zip(tables, self.lengths.tolist(), strict=True)
        shared = [table[: -(-length // size)] for table, length in pairs]
        counts = list(pool.counts)
        for page in (page for table in shared for page in table):
            counts[page] += 1
        pool.counts, self.tables = counts, shared
