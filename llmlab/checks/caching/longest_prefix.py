"""Exercise 6: how much of a prompt was computed before, in whole pages."""

import random
from functools import partial

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

ROOT = "the same tokens behind another beginning are another page: go on in the " \
       "subtree of the page before."
LAST = "at least one token must be computed: never the whole prompt."
ENDS = "a page that is not in the tree ends the prefix; what came before it counts."

Tree = dict[tuple, tuple[int, "Tree"]]  # tokens of a page -> page, what follows it


def longest_prefix(tree, tokens, page_size, *, most=1, key=tuple, down=True, skip=False,
                   stride=0):
    """Return the pages of the longest prefix in the tree, and the tokens they hold.

    The knobs each make a typical mistake. most: tokens that are to be computed. down:
    whether a page's subtree is next. skip: go on behind a page that is not there.
    """
    pages, count, node = [], 0, tree
    while count + page_size <= len(tokens) - most:
        entry = node.get(key(tokens[count : count + page_size]))
        count += page_size
        if entry is not None:
            pages.append(entry[0])
            node = entry[1] if down else tree
            count += stride
        elif not skip:
            return pages, count - page_size
    return pages, len(pages) * page_size


def _right(tree, tokens, page_size):
    return longest_prefix(tree, tokens, page_size)


def _every(tree):
    """Yield every page of a tree with its tokens, wherever it stands."""
    for key, (page, subtree) in tree.items():
        yield key, page
        yield from _every(subtree)


def _flat(tree, tokens, page_size, *, first=True):
    """Look pages up by their tokens alone."""
    table = [*_every(tree)]
    known = dict(reversed(table) if first else table)
    return longest_prefix({key: (page, {}) for key, page in known.items()}, tokens,
                          page_size, down=False)


def _partial(tree, tokens, page_size, *, take=True):
    """Count a page that fits in part, too."""
    pages, count = _right(tree, tokens, page_size)
    node = tree
    for place in range(0, count, page_size):
        node = node[tuple(tokens[place : place + page_size])][1]
    rest = tokens[count : len(tokens) - 1]
    alike = [(_alike(key, rest), page) for key, (page, _) in node.items()]
    longest, page = max(alike, default=(0, None))
    if not longest:
        return pages, count
    return [*pages, page] if take else pages, count + longest


def _alike(one, other):
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count


def _all_but_one(tree, tokens, page_size):
    """Take every page, and count one token less where that is the whole prompt."""
    pages, count = longest_prefix(tree, tokens, page_size, most=0)
    return pages, min(count, len(tokens) - 1)


def _shown(change):
    return lambda *a: change(*_right(*a))


def _first_only(tree, tokens, page_size):
    pages, _ = _right(tree, tokens, page_size)
    return pages[:1], len(pages[:1]) * page_size


def _one_page_less(tree, tokens, page_size, *, most=1, least=0):
    """Leave the last page out, as if it were the end of the prompt."""
    pages, count = longest_prefix(tree, tokens, page_size, most=most)
    return pages[:-1], max(least, count - page_size)


def _all_or_nothing(tree, tokens, page_size):
    """Give nothing where a page of the prompt is missing."""
    pages, count = _right(tree, tokens, page_size)
    whole = count + page_size > len(tokens) - 1
    return (pages, count) if whole else ([], 0)


def _from_anywhere(tree, tokens, page_size):
    """Take the longest run of pages, wherever in the prompt it begins."""
    runs = [_right(tree, tokens[start:], page_size) for start in range(len(tokens))]
    return max(runs, key=lambda run: run[1])


def _nothing(tree, tokens, page_size):
    return [], 0


def _cases():
    two: Tree = {(1, 2): (8, {(3, 4): (5, {})})}
    yield case(two, [1, 2, 3, 4, 9], 2)
    yield case(two, [1, 2, 3, 4], 2, about=LAST)
    yield case(two, [1, 2, 3, 9, 4], 2, about=ENDS)
    yield case(two, [2, 1, 3, 4, 5], 2)
    yield case(two, (1, 2, 3, 4, 7, 7, 7), 2)  # longer than the tree
    yield case(two, [1], 2)
    # the same page behind other pages, and behind itself
    both: Tree = {(6, 6): (3, {(4, 1): (9, {}), (6, 6): (7, {(4, 1): (2, {})})}),
            (4, 1): (6, {(6, 6): (4, {(5, 5): (11, {})})})}
    yield case(both, [6, 6, 6, 6, 4, 1, 0], 2)
    yield case(both, [4, 1, 6, 6, 4, 1, 3, 3], 2, about=ROOT)
    yield case(both, [6, 6, 4, 1, 6, 6, 5, 5, 1], 2, about=ROOT)
    yield case(both, [4, 1, 6, 6, 5, 5, 2], 2)
    yield case(both, [5, 5, 4, 1, 2], 2, about=ROOT)
    yield case({}, [3, 1, 2], 2)
    dice = random.Random(0)
    for page_size, length in ((3, 9), (4, 14), (3, 11), (1, 5), (4, 8)):
        yield _drawn(dice, page_size, length)


def _drawn(dice, page_size, length):
    """Draw a prompt, and a tree in which a part of it stands beside other texts."""
    tokens = [dice.randint(0, 9) for _ in range(length)]
    parts = [tuple(tokens[i : i + page_size]) for i in range(0, length, page_size)]
    parts = [part for part in parts if len(part) == page_size]
    numbers = iter(dice.sample(range(1, 90), 20))
    tree: Tree = {}
    node = tree
    for part in parts:
        other = (*part[:-1], part[-1] + 10)  # another last token
        node[other] = next(numbers), {}
        node[part] = next(numbers), {}
        node = node[part][1]
    return case(tree, dice.choice([list, tuple])(tokens), page_size)


EXERCISE = Exercise(
    name="longest_prefix",
    right=_right,
    gives=(Value("the pages"), Value("the count of tokens")),
    cases=lambda: [*_cases()],
    covers="with the same pages in other places",
    hints=(
        "Walk down the tree, a page of the prompt at a time, as long as it is there.",
        "The key of the next page is tuple(tokens[count : count + page_size]); its "
        "entry is (page, subtree), and the subtree is where the page after it is "
        "looked up. At least one token stays to be computed.",
        "while count + page_size < len(tokens): entry = tree.get(tuple(tokens[count : "
        "count + page_size])); if entry is None: break; append entry[0]; tree = "
        "entry[1]; count += page_size.",
    ),
    hint="whole pages from the beginning, each in the subtree of the one before; at "
         "least one token stays.",
    tolerance=0.0,
    mistakes={
        LAST: (partial(longest_prefix, most=0), _all_but_one),
        "one token has to stay; two or more are too many: this stops too early.": (
            partial(longest_prefix, most=2),
            lambda tree, tokens, size: longest_prefix(tree, tokens, size, most=size),
            lambda tree, tokens, size: longest_prefix(tree, tokens, size, most=size+1),
            _one_page_less, partial(_one_page_less, most=0),
            partial(_one_page_less, least=-99),
            partial(_one_page_less, most=0, least=-99),
        ),
        "a part of the prompt is worth having, too: the pages up to the first miss.":
            _all_or_nothing,
        ROOT: (partial(longest_prefix, down=False), _flat, partial(_flat, first=False)),
        "a page is shared as a whole or not at all: a part of it does not count.": (
            _partial, partial(_partial, take=False),
        ),
        "a prefix ends at the first page that is not there; nothing behind it counts.":
            partial(longest_prefix, skip=True),
        "a prefix begins with the first token; what matches further on does not count.":
            _from_anywhere,
        "the next page begins where the last one ended.":
            partial(longest_prefix, stride=1),
        "a list is no key of a dict: tuple(tokens[…]) is one.": (
            partial(longest_prefix, key=lambda part: part),
            partial(longest_prefix, key=list),
        ),
        "pages stand in the order of the tokens; here the last one comes first.":
            _shown(lambda pages, count: (pages[::-1], count)),
        "count is in tokens, not in pages.":
            _shown(lambda pages, count: (pages, len(pages))),
        "count is of the tokens that the pages hold, not of all.":
            lambda *a: (_right(*a)[0], len(a[1])),
        "count is of the tokens that need not be computed; these are the others.":
            lambda *a: (_right(*a)[0], len(a[1]) - _right(*a)[1]),
        "a prefix has several pages: return all of them.": (
            _shown(lambda pages, count: (pages[-1:], count)),
            _shown(lambda pages, count: (pages[:1], count)),
        ),
        "go on behind the first page: its subtree holds the next one.": _first_only,
        "nothing matches here; the tree's keys are tuples of page_size tokens.":
            _nothing,
    },
)
