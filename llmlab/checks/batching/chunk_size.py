"""Exercise 4: how much of one prompt fits into a step."""

import random
from functools import partial

from llmlab.checks.batching import reading
from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

FULL = "where `computed` tokens fill their pages exactly, no place is left: the last " \
       "page has `-computed % page_size` places."
BEGUN = "the last page has places left, even if no other page is free."
NOTHING = "nothing fits here: 0."


def places_left(computed, page_size):
    """Return the places left in the last page that is begun."""
    return -computed % page_size


def chunk_size(left, computed, free_pages, budget, page_size, *, begun=places_left,
               pages=None, limits=("left", "budget", "room"), choose=min, least=0):
    """Return how many tokens fit. The knobs each make a typical mistake."""
    pages = pages or (lambda free, size: free * size)
    room = begun(computed, page_size) + pages(free_pages, page_size)
    sizes = {"left": left, "budget": budget, "room": room}
    return max(least, choose(sizes[name] for name in limits))


def _right(left, computed, free_pages, budget, page_size):
    return chunk_size(left, computed, free_pages, budget, page_size)


def observed(answer, left, computed, free_pages, budget, page_size):
    """Return a whole number: the plan is made of them."""
    return reading.whole(answer, "the chunk")


def _begins(begun):
    return partial(chunk_size, begun=begun)


def _whole_pages(left, computed, free_pages, budget, page_size):
    size = _right(left, computed, free_pages, budget, page_size)
    return size - size % page_size


def _to_page_ends(left, computed, free_pages, budget, page_size):
    """Stop where a page is full, unless the prompt ends before."""
    size = _right(left, computed, free_pages, budget, page_size)
    return size if size == left else max(0, size - (computed + size) % page_size)


def _all_or_nothing(left, computed, free_pages, budget, page_size):
    size = _right(left, computed, free_pages, budget, page_size)
    return size if size == left else 0


def _no_free_page(left, computed, free_pages, budget, page_size):
    size = _right(left, computed, free_pages, budget, page_size)
    return size if free_pages else 0


def _cases():
    yield case(20, 6, 2, 16, 4)
    yield case(30, 8, 3, 40, 4, about=FULL)
    yield case(30, 12, 0, 40, 4, about=NOTHING)
    yield case(30, 13, 0, 40, 8, about=BEGUN)
    yield case(2, 13, 0, 40, 8)  # the rest is less than the places
    yield case(25, 0, 2, 64, 16)  # nothing computed yet
    yield case(50, 21, 9, 17, 16)  # the budget
    yield case(11, 35, 4, 64, 16)  # the rest
    yield case(9, 4, 5, 0, 16, about=NOTHING)  # no budget
    yield case(1, 32, 1, 5, 16)  # a single token
    yield case(18, 5, 7, 30, 1)  # a page for each token
    yield case(13, 3, 4, 11, 5)
    dice = random.Random(0)
    for _ in range(8):
        yield case(dice.randint(1, 60), dice.randint(0, 50), dice.randint(0, 5),
                   dice.randint(1, 60), dice.choice([3, 7, 8, 16]))


EXERCISE = Exercise(
    name="chunk_size",
    right=_right,
    gives=(Value("the chunk"),),
    cases=lambda: [*_cases()],
    covers="limited by what is left, by the budget, by the pages",
    hints=(
        "Three things limit a chunk: what is left, the budget, and the room in memory.",
        "Room is the places left in the last page that is begun, `-computed % "
        "page_size`, and page_size places in each free page.",
        "room = -computed % page_size + free_pages * page_size; return min(left, "
        "budget, room).",
    ),
    hint="the least of left, budget and room, which is the rest of the last page and "
         "all places of the free ones.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "the last page that is begun has places left, too: `-computed % page_size`.":
            _begins(lambda computed, size: 0),
        FULL: _begins(lambda computed, size: size - computed % size),
        "`computed % page_size` places of the last page are taken; the rest is left.":
            (
                _begins(lambda computed, size: computed % size),
                _begins(lambda computed, size: -(computed % size)),
            ),
        "begun pages leave `-computed % page_size` places; `computed // page_size` "
        "counts full pages.": _begins(lambda computed, size: computed // size),
        "free_pages are free beside those that hold `computed` tokens already.": (
            _begins(lambda computed, size: -computed),
            _begins(lambda computed, size: -(computed // size) * size),
            _begins(lambda computed, size: -computed - places_left(computed, size)),
        ),
        "computed tokens lie in pages of their own; only what is left there counts.":
            _begins(lambda computed, size: computed),
        "a free page has page_size places, not one.":
            partial(chunk_size, pages=lambda free, size: free),
        "all free pages may be filled, not only one.":
            partial(chunk_size, pages=lambda free, size: min(1, free) * size),
        "the places of the free pages are missing: free_pages * page_size.":
            partial(chunk_size, pages=lambda free, size: 0),
        "pages limit a chunk, too: no token without a place.":
            partial(chunk_size, limits=("left", "budget")),
        "the budget limits a chunk, too.": partial(chunk_size, limits=("left", "room")),
        "no more than the tokens that are left.":
            partial(chunk_size, limits=("budget", "room")),
        "this is the room in memory; left and budget limit a chunk, too.":
            partial(chunk_size, limits=("room",)),
        "the least of the three counts; here it is the largest.":
            partial(chunk_size, choose=max),
        "a chunk may end within a page.": (_whole_pages, _to_page_ends),
        "a prompt may be cut: what fits is computed now, the rest later.":
            _all_or_nothing,
        BEGUN: _no_free_page,
        "where nothing fits the chunk is 0.": partial(chunk_size, least=1),
        "the chunk is what comes on top of the computed tokens.":
            lambda left, computed, *a: computed + _right(left, computed, *a),
        "left counts what is not computed yet: nothing is taken away from it.": (
            lambda left, computed, *a: _right(left - computed, computed, *a),
        ),
        "this is what remains afterwards; return how many are computed now.":
            lambda left, computed, *a: left - _right(left, computed, *a),
        "the chunk is counted in tokens, not in pages.": (
            lambda *a: _right(*a) // a[-1], lambda *a: -(-_right(*a) // a[-1]),
        ),
    },
)
