"""Prefixes that were read before: their pages are taken over, not computed again.

What a token's keys and values are depends on all tokens before it, so a page may be
used again only behind the same beginning. A radix tree over whole pages says which: an
edge is the tokens of a page, and a node the page with what may follow. The tree owns
its pages beside the rows that read from them. When the pool runs out, those go first
that nobody else owns and that were used longest ago, from the leaves inwards.

Each salt has a root of its own: whoever shares a tree could learn from the time to
first token what somebody else has asked. It pays where requests begin alike (chats, an
editor), as long as the pool holds what is in use. Not for several threads at once.

Source: Zheng et al., 2024 (SGLang, RadixAttention).
"""

import weakref
from collections.abc import Sequence
from typing import Any

from llmlab.caching import radix
from llmlab.caching.keys import token_ids
from llmlab.caching.paged import PagedCache
from llmlab.caching.pages import PagePool
from llmlab.caching.radix import LongestPrefix, Node, Place, Tree
from llmlab.core import arguments
from llmlab.core.arguments import shown


class PrefixTree:
    """The prefixes that a pool's pages hold, by salt.

    longest_prefix: a part as the function of that name. roots: the tree of each salt.
    hits, asked: tokens, of all that was matched. A change is worked out first and then
    stored in one line without a call, for there Python hears no Ctrl-C.
    """

    def __init__(self, pool: PagePool, *, longest_prefix: LongestPrefix | None = None):
        """Begin with nothing; the pool asks this tree for pages from now on."""
        self.pool, self._part = pool, longest_prefix
        self.roots: dict[str, Tree] = {}
        self.hits = self.asked = 0
        self._places: dict[int, Place] = {}  # of the pages that the tree owns
        self._used: dict[int, int] = {}  # by page, when
        self._time = 0
        self._model: weakref.ref | None = None  # whose keys and values these are
        self._gone: list[Place] = []  # given back, and still to be cut off
        pool.evict = self.evict

    def __len__(self) -> int:
        """Return how many pages the tree owns."""
        return len(self._places)

    def match(self, tokens: Sequence[int], *, salt: str = "") -> tuple[list[int], int]:
        """Return the pages of the longest prefix, and how many tokens they hold.

        The caller owns them, too, and gives them to a row (`PagedCache.adopt`) or drops
        them. Raises ValueError where the part handed in is wrong about the tree.
        """
        pages, count = self._found(tokens, salt)
        counts = self._shared(pages)
        self.pool.counts = counts
        return pages, count

    def peek(self, tokens: Sequence[int], *, salt: str = "") -> tuple[list[int], int]:
        """Return what `match` would, and own none of it; it counts as used."""
        return self._found(tokens, salt)

    def begin(
        self, cache: PagedCache, row: int, tokens: Sequence[int], *, salt: str = ""
    ) -> int:
        """Let an empty row begin with the longest prefix; return its tokens."""
        if cache.lengths[row]:
            cache.adopt(row, [], 0)  # which says what is wrong
        pages, count = self._found(tokens, salt)
        counts, lent = self._shared(pages), False
        try:
            self.pool.counts, lent = counts, True
            cache.adopt(row, pages, count)
        except BaseException:
            if lent and not cache.lengths[row]:
                for page in pages:
                    self.pool.drop(page)
            raise
        return count

    def insert(
        self, tokens: Sequence[int], pages: Sequence[int], *, salt: str = ""
    ) -> None:
        """Own the pages that hold whole pages of `tokens`, as long as nobody did.

        pages: of a row that has read all of them, in order; more may follow. Raises
        ValueError for too few, and for pages that are free or hang elsewhere.
        """
        listed, size = token_ids("tokens", tokens), self.pool.page_size
        if len(pages) < len(listed) // size:
            raise ValueError(
                f"pages={shown(list(pages))} hold less than the {len(listed)} tokens; "
                f"give a page for each {size} of them."
            )
        self._cut()
        root = self.roots.setdefault(radix.checked_salt(salt), {})
        try:
            self._grow(root, listed, pages)
        finally:
            if not root:
                self.roots.pop(salt, None)

    def evict(self, count: int) -> int:
        """Give back up to `count` pages; return how many are free now.

        Only pages that nobody else owns, and of these the last ones of a prefix that
        was used longest ago.
        """
        count = arguments.whole("count", count)
        self._cut()
        counts, used = self.pool.counts, self._used
        self._give_back(radix.idle(self._places, counts, used, count))
        return self._cut()

    def clear(self) -> None:
        """Give back all pages; rows that read from some keep them."""
        self._cut()
        self._give_back(list(self._places))
        self._cut()
        self._model = None

    def check_model(self, model: Any) -> None:
        """Remember whose prefixes these are; ValueError for another model's."""
        if self._model is None:
            self._model = weakref.ref(model)
        if self._model() is not model:
            raise ValueError(
                "prefixes hold the keys and values of another model; give each model "
                "a pool and a tree, or forget these: prefixes.clear()."
            )

    def _found(self, tokens: Sequence[int], salt: str) -> tuple[list[int], int]:
        self._cut()
        listed, size = token_ids("tokens", tokens), self.pool.page_size
        tree = self.roots.get(radix.checked_salt(salt), {})
        pages, count = radix.longest_prefix(tree, listed, size)
        if self._part is not None:
            radix.check(self._part(tree, list(listed), size), pages, count)
        self._use(pages)
        self.hits, self.asked = self.hits + count, self.asked + len(listed)
        return pages, count

    def _use(self, pages: Sequence[int]) -> None:
        self._time += 1
        self._used |= dict.fromkeys(pages, self._time)

    def _shared(self, pages: Sequence[int]) -> list[int]:
        counts = list(self.pool.counts)
        for page in pages:
            counts[page] += 1
        return counts

    def _grow(self, tree: Tree, tokens: list[int], pages: Sequence[int]) -> None:
        size, parent = self.pool.page_size, 0
        for start in range(0, len(tokens) - size + 1, size):
            key, page = tuple(tokens[start : start + size]), int(pages[start // size])
            if key not in tree:
                self._hang(Place(tree, key, parent), page)
            parent, tree = tree[key]
            self._use([parent])

    def _hang(self, place: Place, page: int) -> None:
        """Put a page into the tree, which owns it from then on."""
        if page in self._places or not self.pool.owners(page):
            state = "in the tree already" if page in self._places else "free"
            raise ValueError(
                f"pages hold page {page}, which is {state}; insert the pages of a row "
                "that has read the tokens."
            )
        pool, places, siblings, key = self.pool, self._places, place[0], place[1]
        counts, node = self._shared([page]), Node(page, {})
        siblings[key], places[page], pool.counts = node, place, counts

    def _give_back(self, pages: list[int]) -> None:
        pool, given = self.pool, set(pages)
        counts, free = list(pool.counts), list(pool.free)
        for page in pages:
            counts[page] -= 1
            if not counts[page]:
                free.append(page)
        gone = [self._places[page] for page in pages]
        left = {page: at for page, at in self._places.items() if page not in given}
        self._places, self._gone, pool.free, pool.counts = left, gone, free, counts

    def _cut(self) -> int:
        """Cut off what was given back, also after Ctrl-C; return how many pages."""
        gone = self._gone
        for siblings, key, _ in gone:
            siblings.pop(key, None)
        if gone:
            self._used = {page: self._used.get(page, 0) for page in self._places}
            self.roots = {salt: tree for salt, tree in self.roots.items() if tree}
        self._gone = []
        return len(gone)
