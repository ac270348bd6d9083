"""The radix tree itself: a nested dict from the tokens of a page to what follows.

It is {tokens of a page: (page, tree of what may follow)}, and a learner's own
`longest_prefix` walks through the same dict. An edge holds the tokens of one page; the
way to it from the root says behind which beginning they stand.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from llmlab.core.arguments import shown


class Node(NamedTuple):
    """A page, and what may follow it."""

    page: int
    following: "Tree"


Tree = dict[tuple[int, ...], Node]  # tokens of a page -> it
LongestPrefix = Callable[[Any, list[int], int], tuple[Sequence[int], int]]


class Place(NamedTuple):
    """Where a page hangs in a tree."""

    siblings: Tree
    tokens: tuple[int, ...]
    parent: int  # the page before it, 0 for none


def longest_prefix(
    tree: Tree, tokens: Sequence[int], page_size: int
) -> tuple[list[int], int]:
    """Return the pages that hold the start of `tokens`, and how many tokens they hold.

    Whole pages only, and never all tokens: one has to be computed, for its logits.
    """
    pages: list[int] = []
    count = 0
    while count + page_size < len(tokens):
        node = tree.get(tuple(tokens[count : count + page_size]))
        if node is None:
            break
        page, tree = node
        pages.append(page)
        count += page_size
    return pages, count


def idle(
    places: Mapping[int, Place],
    counts: Sequence[int],
    used: Mapping[int, int],
    most: int,
) -> list[int]:
    """Return up to `most` pages that only the tree owns, in the order they may go.

    Leaves first, of these the one used longest ago, then what becomes a leaf by that.
    counts: owners by page. used: by page, when.
    """
    below = {
        page: len(siblings[key].following)
        for page, (siblings, key, _) in places.items()
    }
    leaves = [
        (used.get(page, 0), page)
        for page in places
        if not below[page] and counts[page] == 1
    ]
    heapq.heapify(leaves)
    chosen: list[int] = []
    while leaves and len(chosen) < most:
        _, page = heapq.heappop(leaves)
        chosen.append(page)
        if parent := places[page].parent:
            below[parent] -= 1
            if not below[parent] and counts[parent] == 1:
                heapq.heappush(leaves, (used.get(parent, 0), parent))
    return chosen


def check(answer: Any, pages: list[int], count: int) -> None:
    """Raise ValueError where a part is wrong about the longest prefix."""
    try:
        given = [int(page) for page in answer[0]], int(answer[1])
    except (TypeError, ValueError, IndexError, KeyError):
        given = None
    if given != (pages, count):
        raise ValueError(
            f"longest_prefix came back with {shown(answer)}, and the tree holds the "
            f"first {count} tokens on the pages {pages}; return (pages, count), whole "
            "pages from the first on, and never the whole prompt."
        )


def checked_salt(salt: object) -> str:
    """Return whose prefixes are meant; ValueError for what is no text."""
    if isinstance(salt, str):
        return salt
    raise ValueError(
        f"salt={shown(salt)} is no text; name whose prefixes these are, or choose '' "
        "where all share theirs."
    )
