"""Exercise 3: where a token lies, if memory is handed out in pages."""

from functools import partial

import torch

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

INDEX = "slots are of torch.int64: memory is indexed with them."


def page_slots(pages, page_size, positions, *, behind=0):
    """Return the slot (S,) of each position of a row whose pages these are."""
    place = positions // page_size + behind
    return pages[place] * page_size + positions % page_size


def _right(pages, page_size, positions):
    return page_slots(pages, page_size, positions)


def _by_offset(pages, page_size, positions):
    """Look the page up by the place in it."""
    return pages[positions % page_size] * page_size + positions // page_size


def _cases():
    yield case(torch.tensor([7, 2, 5]), 4, torch.tensor([0, 3, 4, 9]))
    dice = torch.Generator().manual_seed(0)
    for count, page_size, asked in ((4, 3, 7), (7, 5, 12), (3, 16, 20), (9, 2, 6)):
        pages = 1 + torch.randperm(40, generator=dice)[:count]
        most = count * page_size
        positions = torch.randperm(most, generator=dice)[:asked]
        yield case(pages, page_size, positions)
    yield case(torch.tensor([6]), 8, torch.arange(3))
    yield case(torch.tensor([9, 4]), 3, torch.tensor([5, 0, 5, 3, 3]))
    yield case(torch.tensor([8, 3, 11]), 1, torch.tensor([2, 0, 1]))


EXERCISE = Exercise(
    name="page_slots",
    right=_right,
    gives=(Value("the slots", tensor="return a tensor; memory is indexed with it.",
                 dtype=INDEX),),
    cases=lambda: [*_cases()],
    covers="positions in any order, on pages in any order",
    hints=(
        "A position says two things: which of the row's pages, and which place in it.",
        "positions // page_size is the page's number in the table, positions % "
        "page_size the place in the page; page p begins at slot p * page_size.",
        "return pages[positions // page_size] * page_size + positions % page_size.",
    ),
    hint="pages[positions // page_size] is the page; it begins at page * page_size.",
    tolerance=0.0,
    mistakes={
        "`/` gives floats; // counts whole pages.":
            lambda pages, size, at: pages[at / size] * size + at % size,
        "these are the positions: the table of pages says where they lie.":
            lambda pages, size, at: at,
        "this is where the page begins; the place in it is missing: % page_size.":
            lambda pages, size, at: pages[at // size] * size,
        "page p begins at slot p * page_size; the factor is missing.":
            lambda pages, size, at: pages[at // size] + at % size,
        "these are the pages; a slot is a place of memory, page_size of them a page.":
            lambda pages, size, at: pages[at // size],
        "the page is at position // page_size, the place in it at position % "
        "page_size: here they are the other way round.": (
            _by_offset,
            lambda pages, size, at: pages[at % size % len(pages)] * size + at // size,
            lambda pages, size, at: pages[at % len(pages)] * size + at // size,
        ),
        "the place in the page is position % page_size, what // leaves over.": (
            lambda pages, size, at: pages[at // size] * size + at // size,
            lambda pages, size, at: pages[at // size] * size + at % len(pages),
        ),
        "the place in the page is the position less those of the pages before it: "
        "% page_size.":
            lambda pages, size, at: pages[at // size] * size + at,
        "the table is looked up at position // page_size, from 0: one page too far.":
            partial(page_slots, behind=1),
        "the table is looked up at position // page_size, from 0: one too early.":
            partial(page_slots, behind=-1),
        "pages count from 0: page p begins at p * page_size.": (
            lambda pages, size, at: _right(pages - 1, size, at),
            lambda pages, size, at: _right(pages + 1, size, at),
        ),
        "slots count from 0: the first one of page p is p * page_size.": (
            lambda pages, size, at: _right(pages, size, at) + 1,
            lambda pages, size, at: _right(pages, size, at) - 1,
            lambda pages, size, at: _right(pages - 1, size, at) + 1,
        ),
        "the page is what page_size multiplies; the place in it is added as it is.":
            lambda pages, size, at: pages[at // size] + at % size * size,
        "the page times page_size, not times the position.":
            lambda pages, size, at: pages[at // size] * at + at % size,
        "the table stays in its order: a row's first page may have any number.":
            lambda pages, size, at: _right(pages.sort().values, size, at),
        "the slots stand in the order of the positions; here they are sorted.": (
            lambda pages, size, at: _right(pages, size, at).sort().values,
            lambda pages, size, at: _right(pages, size, at.sort().values),
        ),
        "this looks every position up in the first page; a row has several.": (
            lambda pages, size, at: pages[0] * size + at % size,
            lambda pages, size, at: pages[0] * size + at,
        ),
        "a position that comes twice has its slot twice.":
            lambda pages, size, at: _right(pages, size, at.unique()),
        "the table says which page; its number in the table does not.":
            lambda pages, size, at: (at // size) * size + pages[at // size],
    },
)
