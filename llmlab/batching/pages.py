"""Requests on the pages of a pool: each takes what it holds, and no more.

A batch of any of them is put together for a call, and nothing is copied: it borrows
their tables. With a tree of prefixes, who begins alike reads the same pages.

Shapes: B requests in a call, T new tokens, V vocabulary.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from llmlab.batching import padding
from llmlab.batching.plans import more_pages
from llmlab.caching import PagedCache, PagePool, PrefixTree
from llmlab.core.model import LanguageModel

MOST_PADDING = 2  # times the tokens that count: then calls of their own are cheaper


class Pages:
    """Requests on the pages of a pool; with a tree, common prefixes lie there once.

    A request owns a cache of one row. A batch of several gets their tables for as long
    as it is the same batch; `settle` gives them back.
    """

    def __init__(
        self,
        model: LanguageModel,
        pool: PagePool,
        *,
        prefixes: PrefixTree | None = None,
    ):
        """Lay requests on this pool. prefixes: a tree of it, for common beginnings."""
        self.model, self.pool, self.prefixes = model, pool, prefixes
        self.pages, self.page_size = pool.pages, pool.page_size
        self.hits = 0  # tokens that were there already
        self._rows: dict[int, PagedCache] = {}
        self._adopted: dict[int, int] = {}  # pages that a row began with
        self._batch: PagedCache | None = None
        self._names: list[int] = []  # the rows of the batch

    def __contains__(self, name: int) -> bool:
        return name in self._rows

    def names(self) -> list[int]:
        """Return who is open."""
        return list(self._rows)

    def length(self, name: int) -> int:
        """Return how many tokens of a request are computed."""
        if name in self._names and self._batch is not None:
            return _held(self._batch)[self._names.index(name)]
        return _held(self._rows[name])[0]

    def cached(self, tokens: Sequence[int]) -> tuple[int, int]:
        """Return how many tokens are there already, and the pages that come with them.

        Pages that a running request holds come for nothing.
        """
        if self.prefixes is None:
            return 0, 0
        pages, count = self.prefixes.peek(tokens)
        return count, sum(self.pool.owners(page) == 1 for page in pages)  # the tree

    def open(self, name: int, tokens: Sequence[int]) -> int:
        """Begin a request; return how many of its tokens are there already."""
        row = self.pool.new_cache(1)
        count = 0
        if self.prefixes is not None:
            count = self.prefixes.begin(row, 0, tokens)
            self.hits += count
        self._adopted[name] = count // self.page_size
        self._rows[name] = row
        return count

    def keep(self, name: int, tokens: Sequence[int]) -> None:
        """Let others begin with what is computed of a request's tokens.

        Not behind pages of another request that say the same: these could not be given
        back as long as this one runs, though it does not read them.
        """
        if self.prefixes is None:
            return
        count, table, size = self.length(name), self._table(name), self.page_size
        tree = self.prefixes.roots.get("", {})
        for place in range(count // size):
            node = tree.get(tuple(tokens[place * size : (place + 1) * size]))
            if node is None:
                self.prefixes.insert(tokens[:count], table)
                return
            page, tree = node
            if page != table[place]:
                return

    def close(self, name: int) -> None:
        """Give a request's pages back."""
        if name in self._names:
            self.settle()
        self._rows[name].release()
        del self._rows[name], self._adopted[name]

    def borrowed(self, names: Sequence[int]) -> dict[int, int]:
        """Return how many pages of each an older one has as well, oldest first."""
        if not any(self._adopted.values()):
            return {}
        seen: set[int] = set()
        counts = {}
        for name in names:
            table = self._table(name)
            counts[name] = len(seen.intersection(table))
            seen.update(table)
        return counts

    def calls(self, counts: Mapping[int, int]) -> list[list[int]]:
        """Say which requests compute their chunks together: all, or each alone.

        Padding takes pages as long as a call runs, so all together must find them free.
        """
        names, width = list(counts), max(counts.values(), default=0)
        lengths = [self.length(name) for name in names]
        pages = sum(more_pages(length, width, self.page_size) for length in lengths)
        fits = pages <= len(self.pool.free)
        fits = fits and max(lengths, default=0) + width <= self.pool.context
        fits = fits and width * len(names) <= MOST_PADDING * sum(counts.values())
        return [names] if fits and names else [[name] for name in names]

    def run(self, names: Sequence[int], tokens: Sequence[list[int]]) -> Tensor:
        """Compute new tokens of these requests; return the logits (B, V) behind."""
        padded, counts = padding.filled(tokens, self.pool.layers[0].device)
        cache = self._joined(list(names))
        return self.model(padded, cache, counts=counts, last=True)[:, 0]

    def mend(self) -> None:
        """Give back what a call took that did not come to its end."""
        self.settle()
        for row in self._rows.values():
            row.trim()

    def settle(self) -> None:
        """Give the tables of a batch back to its requests; also after Ctrl-C."""
        if (batch := self._batch) is None:
            return
        lengths = _held(batch)
        for name, table, held in zip(self._names, batch.tables, lengths, strict=True):
            row = self._rows[name]
            row.tables = [table]
            row.hold([held])
        self._batch, self._names, batch.tables = None, [], [[] for _ in lengths]

    def _table(self, name: int) -> list[int]:
        if name in self._names and self._batch is not None:
            return self._batch.tables[self._names.index(name)]
        return self._rows[name].tables[0]

    def _joined(self, names: list[int]) -> PagedCache:
        """Return one cache of these requests, the last one if it has the same."""
        if names == self._names and self._batch is not None:
            return self._batch
        if not set(names).isdisjoint(self._names):
            self.settle()
        if len(names) == 1:
            return self._rows[names[0]]
        self.settle()
        rows = [self._rows[name] for name in names]
        batch = self.pool.new_cache(len(rows))
        tables = [row.tables[0] for row in rows]
        # At once: a batch that Ctrl-C leaves to nobody would give these pages back.
        self._names, self._batch, batch.tables = names, batch, tables
        batch.hold([held for row in rows for held in _held(row)])
        for row in rows:
            row.tables = [[]]
        return batch


def _held(cache) -> list[int]:
    return cache.lengths.tolist()
