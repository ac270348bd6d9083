"""Exercise 6: which places each token sees, in one graph for all positions."""

from functools import partial

import torch

from llmlab.checks.exercise import TENSOR, Case, Exercise, Value
from llmlab.checks.graphs import replays

# A mistake stands in one line or two, as in a table.
# fmt: off

BOOL = "a mask is torch.bool: a comparison gives one."
ITSELF = "a token sees itself: <=, not <."
ROWS = "each position has a row of its own: positions[:, None] is a column, and the " \
       "comparison gives a row for each."
COLUMN = "positions[:, None] makes a column of the positions, to be compared with " \
         "the row torch.arange(length)."
ALL = "there is a column for each of the `length` places, 0 to length - 1."
ALONE = "positions need not begin at 0: compare with each one's own position."


def mask(positions, length, *, compare=torch.le, places=torch.arange, rows=None):
    """Return which places are seen. The knobs each make a typical mistake.

    compare: a place with a position; places: made of the length; rows: made of the
    positions.
    """
    return compare(places(length), (rows or _column)(positions))


def _column(positions):
    return positions[:, None]


def _right(positions, length):
    return mask(positions, length)


def observed(answer, positions, length):
    """Return the mask."""
    return answer


_with = partial(partial, mask)  # the mistake of some knobs


def _same(choose):
    """Give all tokens the position of one."""
    return _with(rows=lambda positions: (
        choose(positions).expand(len(positions))[:, None]))


def _counted(positions, length):
    """Return rows as if the first position were 0."""
    return _right(torch.arange(len(positions)), length)


def _ended(positions, length):
    """Return rows as if the last position were the last place."""
    first = length - len(positions)
    return _right(torch.arange(first, length), length)


def _after_first(positions, length):
    """Return rows as if positions followed one another."""
    return _right(positions[0] + torch.arange(len(positions)), length)


def _changed(change):
    """Change what is right."""
    return lambda positions, length: change(_right(positions, length))


def _case(positions, others, length, about=""):
    return Case(lambda: (torch.tensor(positions), length), about=about,
                through=partial(replays.traced, torch.tensor(others)))


def _cases():
    yield _case([2, 3], [4, 0], 5)
    yield _case([0, 1, 2, 3], [3, 2, 1, 0], 4)
    yield _case([6], [1], 8)
    yield _case([5, 1, 5, 0], [0, 6, 2, 3], 7, about=ALONE)
    yield _case([3, 4, 5], [13, 14, 15], 16)
    yield _case([9], [0], 10)
    yield _case([7, 8, 2, 0, 11], [1, 10, 3, 4, 6], 12)
    yield _case([0, 0], [1, 1], 2)


EXERCISE = Exercise(
    name="static_mask",
    right=_right,
    gives=(Value("the mask", tensor=TENSOR, dtype=BOOL),),
    cases=lambda: [*_cases()],
    covers="each traced once, and replayed at other positions",
    hints=(
        "A place is seen by a token if it does not lie behind it. Can you say that for "
        "all tokens and places in one comparison of two tensors?",
        "torch.arange(length) is the row of the places, (S,). As a column, (T, 1), the "
        "positions meet each of them, and comparing gives (T, S).",
        "return torch.arange(length) <= positions[:, None].",
    ),
    hint="the places torch.arange(length) in a row, the positions in a column, and <=.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        ITSELF: (
            _with(compare=torch.lt), _with(places=lambda n: torch.arange(1, n + 1)),
        ),
        "this looks one place ahead: <= the position, not position + 1.": (
            _with(rows=lambda positions: positions[:, None] + 1),
        ),
        "these are the places that come later; a token sees those up to its own.": (
            _with(compare=torch.gt),
        ),
        "places are seen up to the position, not from it on.": _with(compare=torch.ge),
        "places are seen up to the position, not there alone.": _with(compare=torch.eq),
        ROWS: (
            _same(lambda p: p.max()), _same(lambda p: p[-1]),
            _same(lambda p: p[0]), _same(lambda p: p.min()),
            lambda positions, length: torch.arange(length) <= positions.max(),
            lambda positions, length: torch.arange(length) <= positions[-1],
            lambda positions, length: torch.arange(length) <= positions[0],
        ),
        COLUMN: _with(rows=lambda positions: positions),
        "a row is a token and a column a place, (T, S): this is turned.": (
            _changed(lambda right: right.T),
            lambda positions, length: torch.arange(length)[:, None] <= positions,
        ),
        "(T, S) is asked for, without dimensions of 1 around it.": (
            _changed(lambda right: right[None]),
            _changed(lambda right: right[None, None]),
            _changed(lambda right: right[:, None]),
        ),
        ALONE: (
            _counted, _ended, _after_first,
            lambda positions, length: torch.ones(len(positions), length).tril().bool(),
        ),
        ALL: (
            lambda positions, length: _right(positions, length - 1),
            lambda positions, length: _right(positions, length + 1),
            lambda positions, length: _right(positions, int(positions.max()) + 1),
            lambda positions, length: _right(positions, len(positions)),
        ),
        "this is what is added to scores; the mask itself is True where a place is "
        "seen.": (
            _changed(lambda right: torch.zeros(right.shape).masked_fill(
                ~right, -torch.inf)),
        ),
    },
)
