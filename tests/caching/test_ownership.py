"""Whatever rows, pool and tree do: no page is lost, freed twice, or written by two.

What lies on a page is a number made of all tokens up to its own. So a page that came
behind another beginning, was given away too early or written by somebody else shows.
"""

import small_models
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from llmlab.caching import PagePool, PrefixTree

SIZE, PAGES = 3, 9
TEXTS = st.lists(st.integers(0, 1), min_size=1, max_size=11)
SALTS = st.sampled_from(["", "me"])


def number(tokens):
    """Return what is kept for the last of these tokens."""
    return hash(tuple(tokens)) % 1_000_003 / 7


def numbers(tokens, start):
    return [number(tokens[: end + 1]) for end in range(start, len(tokens))]


class Row:
    """A cache of one row, and the tokens that it has read."""

    def __init__(self, cache, tokens=(), salt=""):
        self.cache, self.tokens, self.salt = cache, list(tokens), salt

    def read(self, tokens):
        """Read more tokens, or none of them where the pool has no room."""
        all_tokens, cache = [*self.tokens, *tokens], self.cache
        new = torch.tensor(numbers(all_tokens, len(self.tokens)), dtype=torch.float64)
        keys = new[None, None, :, None].expand(1, 2, -1, 8)
        for layer in range(2):
            found, values, _ = cache.extend(layer, keys, -keys)
            expected = torch.tensor(numbers(all_tokens, 0), dtype=torch.float64)
            for read in (found, -values):  # (1, K, S, H)
                assert torch.equal(read, expected[:, None].expand_as(read))
        cache.advance(len(tokens))
        self.tokens = all_tokens


class Owners(RuleBasedStateMachine):
    """Rows come, read, go back and leave; the tree keeps, lends and gives back."""

    rows = Bundle("rows")

    def __init__(self):
        super().__init__()
        self.pool = PagePool(small_models.decoder(), pages=PAGES, page_size=SIZE)
        self.tree = PrefixTree(self.pool)
        self.alive = []

    @rule(target=rows, tokens=TEXTS, salt=SALTS)
    def come(self, tokens, salt):
        row = Row(self.pool.new_cache(1), salt=salt)
        count = self.tree.begin(row.cache, 0, tokens, salt=salt)
        assert count % SIZE == 0 and count < len(tokens)
        row.tokens = tokens[:count]
        self.alive.append(row)
        self._read(row, tokens[count:])
        return row

    @rule(row=rows, tokens=TEXTS)
    def read(self, row, tokens):
        self._read(row, tokens)

    @rule(row=rows, share=st.floats(0, 1))
    def rewind(self, row, share):
        kept = int(share * len(row.tokens))
        row.cache.rewind(kept)
        row.tokens = row.tokens[:kept]

    @rule(target=rows, row=rows)
    def fork(self, row):
        other = Row(row.cache.select([0]), row.tokens, row.salt)
        self.alive.append(other)
        return other

    @rule(row=consumes(rows))
    def leave(self, row):
        row.cache.release()
        self.alive.remove(row)

    @rule(row=rows)
    def keep(self, row):
        held = len(self.tree)
        self.tree.insert(row.tokens, row.cache.tables[0], salt=row.salt)
        assert held <= len(self.tree) <= held + len(row.tokens) // SIZE

    @rule(tokens=TEXTS, salt=SALTS)
    def ask(self, tokens, salt):
        pages, _ = self.tree.match(tokens, salt=salt)
        for page in pages:
            self.pool.drop(page)

    @rule(count=st.integers(0, 4))
    def evict(self, count):
        free, held = len(self.pool.free), self._held()
        gone = self.tree.evict(count)
        assert len(self.pool.free) == free + gone and self._held() == held
        idle = [page for page in self._owned() if self.pool.owners(page) == 1]
        assert gone == count or all(self._leads_on(page) for page in idle)

    @rule()
    def clear(self):
        self.tree.clear()
        assert len(self.tree) == 0 and self.tree.roots == {}

    @precondition(lambda self: self.pool.free)
    @rule()
    def poison(self):
        for memory in self.pool.layers:
            memory.view(-1, SIZE, *memory.shape[1:])[self.pool.free] = torch.nan

    @invariant()
    def every_page_is_free_or_counted_once_for_each_owner(self):
        owners = [0] * (PAGES + 1)
        for page in [*self._held(), *self._owned()]:
            owners[page] += 1
        assert owners == self.pool.counts and not owners[0]
        free = [page for page in range(1, PAGES + 1) if not owners[page]]
        assert sorted(self.pool.free) == free

    @invariant()
    def every_page_holds_what_was_read_in_its_place(self):
        for row in self.alive:
            assert row.cache.lengths.tolist() == [len(row.tokens)]
            self._check(row.tokens, row.cache.tables[0])
        for tokens, pages in self._paths():
            self._check(tokens, pages)

    @invariant()
    def nobody_writes_to_the_null_page(self):
        assert not any(memory[:SIZE].any() for memory in self.pool.layers)

    def teardown(self):
        for row in self.alive:
            row.cache.release()
        self.tree.clear()
        assert sorted(self.pool.free) == list(range(1, PAGES + 1))
        assert not any(self.pool.counts)

    def _read(self, row, tokens):
        before = self._held()
        try:
            row.read(tokens)
        except ValueError as error:
            assert "of this pool are not enough" in str(error)
            assert self._held() == before, "nothing was taken"
            assert not self.tree.evict(1), "the tree had something to give"

    def _held(self):
        tables = [table for row in self.alive for table in row.cache.tables]
        return [page for table in tables for page in table]

    def _paths(self):
        """Return the tokens of each way from a root, and the pages on it."""
        ways = [([], [], tree) for tree in self.tree.roots.values()]
        for tokens, pages, tree in ways:
            for key, (page, below) in tree.items():
                ways.append(([*tokens, *key], [*pages, page], below))
        return [(tokens, pages) for tokens, pages, _ in ways if pages]

    def _owned(self):
        return [pages[-1] for _, pages in self._paths()]

    def _leads_on(self, page):
        return any(page in pages[:-1] for _, pages in self._paths())

    def _check(self, tokens, pages):
        expected = torch.tensor(numbers(tokens, 0), dtype=torch.float64)
        for memory in self.pool.layers:
            paged = memory.view(-1, SIZE, *memory.shape[1:])
            read = paged[pages].flatten(0, 1)[: len(tokens)]  # (S, 2, K, H)
            for part, sign in ((0, 1), (1, -1)):
                both = sign * expected[:, None, None].expand_as(read[:, part])
                assert torch.equal(read[:, part], both)


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=100, stateful_step_count=30)
