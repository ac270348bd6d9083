"""Exercise 4: rows on their way into the array, each column one clock later."""

from functools import partial

import numpy

from llmlab.checks.exercise import Case, Exercise, Value
from llmlab.checks.hardware import arrays

# A mistake stands in one line or two, as in a table.
# fmt: off

LENGTH = "the last column begins N - 1 clocks later, so M + N - 1 clocks are needed."


def skew(rows, *, delay=None, more=-1, fill=0, cut=None):
    """Return what enters at each clock (M + N - 1, N).

    The knobs each make a typical mistake. delay: of a column, from its number and N;
    more: clocks beside M + N; fill: what enters where there is nothing.
    """
    count, width = rows.shape
    delay = delay or (lambda column, width: column)
    made = numpy.full((count + width + more, width), fill, dtype=rows.dtype)
    for column in range(width):
        start = delay(column, width)
        made[start : start + count, column] = rows[: len(made) - start, column]
    return made if cut is None else made[cut(count, width)]


def _right(rows):
    return skew(rows)


def observed(answer, rows):
    """Return the clocks as a tensor."""
    return arrays.read(answer)


def _rolled(rows):
    """Turn each column by its number, within M rows."""
    columns = [numpy.roll(rows[:, i], i) for i in range(rows.shape[1])]
    return numpy.stack(columns, 1)


def _by_row(rows):
    """Shift row t right by t."""
    count, width = rows.shape
    made = numpy.zeros((count, count + width - 1), dtype=rows.dtype)
    for t in range(count):
        made[t, t : t + width] = rows[t]
    return made


def _edge(rows):
    """Repeat the first and the last value of a column around it."""
    width = rows.shape[1]
    columns = [numpy.pad(rows[:, i], (i, width - 1 - i), mode="edge")
               for i in range(width)]
    return numpy.stack(columns, 1)


def _wrapped(rows):
    """Fill each column with itself, over and over."""
    width = rows.shape[1]
    columns = [numpy.pad(rows[:, i], (i, width - 1 - i), mode="wrap")
               for i in range(width)]
    return numpy.stack(columns, 1)


def _unskewed(rows, *, front=False):
    zeros = numpy.zeros((rows.shape[1] - 1, rows.shape[1]), dtype=rows.dtype)
    return numpy.concatenate([zeros, rows] if front else [rows, zeros])


def _drawn(seed, *sizes, kind=numpy.int64):
    """Draw rows without a zero in them."""
    dice = numpy.random.default_rng(seed)
    rows = dice.integers(1, 100, sizes) * dice.choice([-1, 1], sizes)
    return Case(lambda: (rows.astype(kind),))


def _cases():
    yield Case(lambda: (numpy.array([[1, 2, 3], [4, 5, 6]]),))
    for seed, sizes in enumerate(((5, 2), (3, 5), (4, 4), (7, 3))):
        yield _drawn(seed, *sizes)
    yield _drawn(5, 1, 4)
    yield _drawn(6, 6, 1)
    yield _drawn(7, 1, 1)
    yield _drawn(8, 9, 8, kind=numpy.int8)
    yield _drawn(9, 2, 6, kind=numpy.int8)


EXERCISE = Exercise(
    name="skew",
    right=_right,
    gives=(Value("what enters at each clock"),),
    cases=lambda: [*_cases()],
    covers="more rows than columns and fewer, one of each",
    hints=(
        "A sum goes down one row in a clock, so the activation that it is to meet in "
        "row i must come in i clocks later.",
        "rows[t, i] enters at clock t + i: column i is pushed down by i places, and "
        "zeros enter before and behind it.",
        "m, n = rows.shape; skewed = np.zeros((m + n - 1, n), dtype=rows.dtype); for "
        "i in range(n): skewed[i : i + m, i] = rows[:, i]; return skewed.",
    ),
    hint="rows[t, i] stands at [t + i, i], and zeros stand everywhere else.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "column 0 begins, and each next one waits a clock more; here the last one "
        "begins.": partial(skew, delay=lambda column, width: width - 1 - column),
        LENGTH + " This is one too many.": (
            partial(skew, more=0),
            partial(skew, more=0, delay=lambda column, width: column + 1),
        ),
        LENGTH + " This ends too early.": (
            partial(skew, more=-2, delay=lambda column, width: column),
            lambda rows: _right(rows)[: len(rows)],
        ),
        "a column does not come round again at its end (np.roll does): make M + N - 1 "
        "rows of zeros first.": (_rolled, _wrapped),
        "clocks are rows, the array's rows are columns: (M + N - 1, N). This is "
        "turned.": lambda rows: _right(rows).T,
        "the columns wait, not the rows: column i is pushed down by i.": (
            _by_row, lambda rows: _by_row(rows).T,
        ),
        "zeros enter before and behind a column, not its first or last value.": _edge,
        "zeros enter where there is nothing; here something else does.": tuple(
            partial(skew, fill=fill) for fill in (1, -1)),
        "zeros are appended here, but all columns begin at once: column i waits i "
        "clocks.": (_unskewed, lambda rows: rows),
        "all columns wait equally long here: column i waits i clocks.":
            partial(_unskewed, front=True),
        "column i waits i clocks, not more.": (
            partial(skew, more=9, delay=lambda column, width: 2 * column,
                    cut=lambda m, n: slice(m + 2 * n - 2)),
        ),
        "rows keep their order: row 0 enters first.": (
            lambda rows: _right(rows[::-1]), lambda rows: _right(rows)[::-1],
        ),
        "column i stays column i; here they are turned left to right.": (
            lambda rows: _right(rows[:, ::-1]), lambda rows: _right(rows)[:, ::-1],
        ),
    },
)
