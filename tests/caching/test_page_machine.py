"""Pool and tables as a machine: whatever is done, no page is lost or owned twice."""

from collections import Counter

import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from small_models import VOCABULARY, decoder

from llmlab.caching import PagePool

PAGES, SIZE, LONGEST = 14, 3, 16
MODEL = decoder(num_hidden_layers=1)
NAN = float("nan")

numbers = st.integers(0, 999)


class Pages(RuleBasedStateMachine):
    """Caches beside the texts that their rows should hold."""

    def __init__(self):
        super().__init__()
        self.pool = PagePool(MODEL, pages=PAGES, page_size=SIZE)
        self.caches, self.kept, self.answers = [], [], {}

    def pick(self, number):
        return self.caches[number % len(self.caches)]

    @rule(rows=st.integers(1, 2))
    def open(self, rows):
        if len(self.caches) < 4:
            cache = self.pool.new_cache(rows, length=LONGEST)
            self.caches.append((cache, [[] for _ in range(rows)]))

    @precondition(lambda self: self.caches)
    @rule(which=numbers, width=st.integers(1, 5), ragged=st.booleans(), seed=numbers)
    def grow(self, which, width, ragged, seed):
        """Read tokens; a pool that is too small refuses and changes nothing."""
        cache, texts = self.pick(which)
        drawn = torch.Generator().manual_seed(seed)
        tokens = torch.randint(VOCABULARY, (len(texts), width), generator=drawn)
        counts = [width] * len(texts)
        if ragged:
            counts = [(seed + row) % (width + 1) for row in range(len(texts))]
        before = self.pool.free, self.pool.counts, cache.tables
        try:
            logits = MODEL(tokens, cache, counts=counts)
        except ValueError as error:
            assert "pages=14 of this pool" in str(error) or "this cache" in str(error)
            assert (self.pool.free, self.pool.counts, cache.tables) == before
            return
        for row, real in enumerate(counts):
            texts[row] = texts[row] + tokens[row, :real].tolist()
            if real:
                alone = MODEL(torch.tensor([texts[row]]))[0, -real:]
                assert (logits[row, :real] - alone).abs().max() < 1e-10

    @precondition(lambda self: self.caches)
    @rule(which=numbers, back=st.lists(st.integers(0, 7), min_size=6, max_size=6))
    def shrink(self, which, back):
        cache, texts = self.pick(which)
        left = [max(0, len(text) - n) for text, n in zip(texts, back, strict=False)]
        cache.rewind(left)
        texts[:] = [text[:n] for text, n in zip(texts, left, strict=True)]

    @precondition(lambda self: self.caches)
    @rule(which=numbers)
    def share(self, which):
        """Keep the whole pages of a row, as a tree of prefixes does."""
        cache, texts = self.pick(which)
        row = which % len(texts)
        whole = len(texts[row]) // SIZE
        pages = cache.tables[row][:whole]
        if pages:
            for page in pages:
                self.pool.share(page)
            self.kept.append((pages, texts[row][: whole * SIZE]))

    @precondition(lambda self: self.kept)
    @rule(which=numbers, adopted=st.booleans())
    def give_on(self, which, adopted):
        """Let a new row begin with kept pages, or drop them."""
        pages, text = self.kept.pop(which % len(self.kept))
        if not adopted:
            for page in pages:
                self.pool.drop(page)
            return
        cache = self.pool.new_cache(1, length=LONGEST)
        cache.adopt(0, pages, len(text))
        self.caches.append((cache, [list(text)]))

    @precondition(lambda self: self.caches)
    @rule(which=numbers, rows=st.lists(numbers, min_size=1, max_size=3))
    def select(self, which, rows):
        cache, texts = self.pick(which)
        rows = [row % len(texts) for row in rows]
        self.caches.append((cache.select(rows), [list(texts[row]) for row in rows]))

    @precondition(lambda self: self.caches)
    @rule(one=numbers, other=numbers)
    def join(self, one, other):
        (one, texts), (other, more) = self.pick(one), self.pick(other)
        if len(texts) + len(more) <= 4:
            self.caches.append((one.join(other), [*map(list, texts), *map(list, more)]))

    @precondition(lambda self: self.caches)
    @rule(which=numbers, forgotten=st.booleans())
    def release(self, which, forgotten):
        cache, _ = self.caches.pop(which % len(self.caches))
        if not forgotten:
            cache.release()

    @rule()
    def poison(self):
        """Let what lies on free pages be NaN."""
        free = torch.tensor(self.pool.free, dtype=torch.int64)
        for memory in self.pool.layers:
            memory.view(-1, SIZE, *memory.shape[1:])[free] = NAN

    @invariant()
    def every_page_is_free_or_owned(self):
        tables = [table for cache, _ in self.caches for table in cache.tables]
        owners = Counter(page for table in tables for page in table)
        owners.update(page for pages, _ in self.kept for page in pages)
        counted = {page: n for page, n in enumerate(self.pool.counts) if n}
        assert counted == owners
        assert sorted([*self.pool.free, *owners]) == list(range(1, PAGES + 1))

    @invariant()
    def rows_hold_what_was_read(self):
        for cache, texts in self.caches:
            assert cache.lengths.tolist() == [len(text) for text in texts]

    def teardown(self):
        for cache, _ in self.caches:
            cache.release()
        for page in (page for pages, _ in self.kept for page in pages):
            self.pool.drop(page)
        assert sorted(self.pool.free) == list(range(1, PAGES + 1))
        assert not any(self.pool.counts)
        assert all(not memory[:SIZE].any() for memory in self.pool.layers)


TestPages = Pages.TestCase
TestPages.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
