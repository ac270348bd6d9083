"""The prefix tree gives what was read before, to those who may see it, and no more."""

import pytest
import small_models
from hypothesis import given
from hypothesis import strategies as st

from llmlab.caching import PagePool, PrefixTree, longest_prefix

SIZE = 4


def pool(pages=12):
    return PagePool(small_models.decoder(), pages=pages, page_size=SIZE)


def keep(tree, tokens, *, salt=""):
    """Let a row read the tokens, and the tree own its whole pages; the row ends."""
    pages = [tree.pool.take() for _ in range(-(-len(tokens) // SIZE))]
    tree.insert(tokens, pages, salt=salt)
    for page in pages:
        tree.pool.drop(page)
    return pages[: len(tokens) // SIZE]


def asked(tree, tokens, *, salt=""):
    """Return what a match gives, and give it back."""
    pages, count = tree.match(tokens, salt=salt)
    for page in pages:
        tree.pool.drop(page)
    return pages, count


TEXT = list(range(10, 22))  # three pages


def test_the_longest_prefix_of_a_nested_dict():
    tree = {(1, 2): (5, {(3, 4): (2, {}), (1, 2): (7, {})})}
    assert longest_prefix(tree, [1, 2, 3, 4, 9], 2) == ([5, 2], 4)
    assert longest_prefix(tree, [1, 2, 1, 2, 1, 2, 3], 2) == ([5, 7], 4)
    assert longest_prefix(tree, [1, 2, 3, 4], 2) == ([5], 2), "one is left to compute"
    assert longest_prefix(tree, [1, 2, 3], 2) == ([5], 2)
    assert longest_prefix(tree, [1, 2], 2) == longest_prefix(tree, [], 2) == ([], 0)
    assert longest_prefix(tree, [3, 4, 1, 2, 5], 2) == ([], 0)


def test_what_was_kept_is_given_in_order():
    tree = PrefixTree(pool())
    pages = keep(tree, TEXT)
    assert asked(tree, [*TEXT, 1]) == (pages, 12)
    assert asked(tree, TEXT) == (pages[:2], 8), "never the whole prompt"
    assert asked(tree, [*TEXT[:9], 1]) == (pages[:2], 8)
    assert asked(tree, TEXT[:4]) == asked(tree, [1, *TEXT]) == ([], 0)
    assert (tree.hits, tree.asked) == (28, 13 + 12 + 10 + 4 + 13)
    assert len(tree) == 3


def test_the_tree_is_a_nested_dict_that_a_learner_can_walk():
    tree = PrefixTree(pool())
    first, second, third = keep(tree, TEXT)
    _, other = keep(tree, [*TEXT[:4], 4, 3, 2, 1])
    assert tree.roots[""] == {
        (10, 11, 12, 13): (
            first,
            {
                (14, 15, 16, 17): (second, {(18, 19, 20, 21): (third, {})}),
                (4, 3, 2, 1): (other, {}),
            },
        )
    }


def test_a_page_is_never_given_behind_another_beginning():
    tree = PrefixTree(pool())
    keep(tree, [1, 1, 1, 1, 2, 2, 2, 2])
    other = keep(tree, [3, 3, 3, 3, 2, 2, 2, 2])
    assert asked(tree, [3, 3, 3, 3, 2, 2, 2, 2, 0])[0] == other
    assert asked(tree, [2, 2, 2, 2, 0]) == ([], 0)
    assert len(tree) == 4


def test_each_salt_sees_its_own_prefixes_only():
    tree = PrefixTree(pool())
    mine = keep(tree, TEXT, salt="me")
    assert asked(tree, [*TEXT, 1], salt="you") == asked(tree, [*TEXT, 1]) == ([], 0)
    theirs = keep(tree, TEXT, salt="you")
    assert asked(tree, [*TEXT, 1], salt="me")[0] == mine
    assert asked(tree, [*TEXT, 1], salt="you")[0] == theirs
    assert not {*mine} & {*theirs}


def test_a_match_counts_the_caller_as_an_owner():
    tree = PrefixTree(pool())
    pages = keep(tree, TEXT)
    tree.match([*TEXT, 1])
    assert [tree.pool.owners(page) for page in pages] == [2, 2, 2]
    assert tree.evict(3) == 0, "what somebody holds stays"
    for page in pages:
        tree.pool.drop(page)
    assert tree.evict(2) == 2 and tree.pool.owners(pages[0]) == 1


def test_what_the_tree_has_already_is_not_kept_twice():
    tree = PrefixTree(pool())
    first = keep(tree, TEXT)
    again = keep(tree, [*TEXT, 1, 2, 3, 4])
    assert len(tree) == 4 and len(tree.pool.free) == 8
    assert asked(tree, [*TEXT, 1, 2, 3, 4, 5])[0] == [*first, again[3]]


def test_the_prefix_used_longest_ago_goes_first_and_from_its_end():
    tree = PrefixTree(pool())
    old, new = keep(tree, TEXT), keep(tree, [*TEXT[:4], 1, 1, 1, 1])
    asked(tree, [*TEXT, 1])  # now the other one is older
    assert tree.evict(1) == 1 and tree.pool.owners(new[1]) == 0
    assert tree.evict(1) == 1 and tree.pool.owners(old[2]) == 0
    assert asked(tree, [*TEXT, 1]) == (old[:2], 8)
    assert tree.evict(9) == 2 and tree.evict(9) == 0
    assert len(tree) == 0 and tree.roots == {} and len(tree.pool.free) == 12


def test_a_prefix_can_be_kept_again_after_it_went():
    tree = PrefixTree(pool(pages=3))
    for _ in range(3):
        pages = keep(tree, TEXT)
        assert asked(tree, [*TEXT, 1]) == (pages, 12)
        assert tree.evict(3) == 3 and asked(tree, [*TEXT, 1]) == ([], 0)


def test_a_pool_that_runs_out_asks_the_tree():
    tree = PrefixTree(pool(pages=4))
    first = keep(tree, TEXT)
    taken = [tree.pool.take() for _ in range(3)]
    assert len({*taken}) == 3 and asked(tree, [*TEXT, 1]) == (first[:1], 4)
    tree.match(TEXT[:5])
    with pytest.raises(ValueError, match="pages=4 of this pool are not enough"):
        tree.pool.take()


def test_clear_gives_all_back_but_what_rows_hold():
    tree = PrefixTree(pool())
    pages = keep(tree, TEXT)
    tree.match(TEXT)
    tree.clear()
    assert len(tree) == 0 and asked(tree, [*TEXT, 1]) == ([], 0)
    assert [tree.pool.owners(page) for page in pages] == [1, 1, 0]


@given(st.lists(st.lists(st.integers(0, 1), max_size=20), max_size=8))
def test_a_match_is_a_true_prefix_of_whole_pages(texts):
    tree, read = PrefixTree(pool(pages=60)), {}
    for text in texts:
        pages, count = asked(tree, text)
        known = [len(one) for one in read if [*one] == text[: len(one)] != text]
        assert count == max(known, default=0) == SIZE * len(pages)
        assert [read[tuple(text[: SIZE * (n + 1)])] for n in range(len(pages))] == pages
        for number, page in enumerate(keep(tree, text), 1):
            read.setdefault(tuple(text[: SIZE * number]), page)


WRONG = {
    "nothing": lambda tree, tokens, size: None,
    "no count": lambda tree, tokens, size: [1, 2],
    "the whole prompt": lambda tree, tokens, size: longest_prefix(
        tree, [*tokens, 0], size
    ),
    "a page early": lambda tree, tokens, size: longest_prefix(tree, tokens[:-4], size),
    "the last page first": lambda tree, tokens, size: (
        longest_prefix(tree, tokens, size)[0][::-1],
        8,
    ),
    "pages for tokens": lambda tree, tokens, size: (
        longest_prefix(tree, tokens, size)[0],
        2,
    ),
}


@pytest.mark.parametrize("part", WRONG.values(), ids=WRONG)
def test_a_part_that_is_wrong_about_the_tree_is_told_and_takes_nothing(part):
    tree = PrefixTree(pool(), longest_prefix=part)
    keep(tree, TEXT)
    counts = list(tree.pool.counts)
    with pytest.raises(ValueError, match=r"longest_prefix came back with .* the pages"):
        tree.match(TEXT)
    assert tree.pool.counts == counts and tree.hits == 0


def test_a_part_of_another_style_is_taken():
    def recursive(tree, tokens, page_size):
        head = tuple(tokens[:page_size])
        if head not in tree or len(tokens) <= page_size:
            return (), 0
        page, below = tree[head]
        pages, count = recursive(below, tokens[page_size:], page_size)
        return (page, *pages), count + page_size

    tree = PrefixTree(pool(), longest_prefix=recursive)
    assert asked(tree, [*TEXT, 1]) == ([], 0)
    assert asked(tree, [*TEXT, 1]) == ([], 0) and keep(tree, TEXT)
    assert asked(tree, [*TEXT, 1])[1] == 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tree: tree.match("text"), r"tokens='text' is no list of token ids"),
        (lambda tree: tree.match([0.5]), r"tokens=\[0.5\] is no list of token ids"),
        (lambda tree: tree.match([1], salt=None), "salt=None is no text"),
        (
            lambda tree: tree.insert(TEXT, [1, 2]),
            r"pages=\[1, 2\] hold less than",
        ),
        (lambda tree: tree.insert(TEXT, [1, 2, 3]), "pages hold page 1, which is free"),
        (lambda tree: tree.insert(TEXT, [0, 2, 3]), "page=0 is no page of this pool"),
        (lambda tree: tree.evict(-1), "count=-1 must be a whole number"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(call, message):
    tree = PrefixTree(pool())
    with pytest.raises(ValueError, match=message):
        call(tree)
    assert len(tree) == 0 and len(tree.pool.free) == 12


def test_a_page_hangs_in_one_place():
    tree = PrefixTree(pool())
    pages = [tree.pool.take() for _ in range(3)]
    tree.insert(TEXT, pages)
    with pytest.raises(ValueError, match=f"page {pages[0]}, which is in the tree"):
        tree.insert(TEXT[::-1], pages)
    assert len(tree) == 3
