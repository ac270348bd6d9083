"""Exercise 2: a batch runs as long as its longest answer."""

import math
import random
import statistics
from functools import partial

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

ROWS = "the last batch may have fewer rows: a row that is not there wastes nothing."


def grouped(lengths, batch):
    """Return the batches, in the order given."""
    return [lengths[at : at + batch] for at in range(0, len(lengths), batch)]


def static_batches(lengths, batch, *, order=list, groups=grouped, run=max, total=sum,
                   lost=None):
    """Return the steps of all batches, and the rows x steps after an answer's end.

    The knobs each make a typical mistake. run: steps of a batch, total: of all; lost:
    what a batch wastes.
    """
    parts = groups(order(lengths), batch)
    lost = lost or (lambda part, batch: run(part) * len(part) - sum(part))
    return total(map(run, parts)), sum(lost(part, batch) for part in parts)


def _right(lengths, batch):
    return static_batches(lengths, batch)


def _loses(lost):
    return partial(static_batches, lost=lost)


def _runs(run):
    """Return two mistakes: a wrong time of a batch, and waste that is right or not."""
    return (partial(static_batches, run=run), _both(run),
            partial(static_batches, run=run, lost=_positive(run)))


def _both(run):
    return lambda lengths, batch: (static_batches(lengths, batch, run=run)[0],
                                   _right(lengths, batch)[1])


def _positive(run):
    return lambda part, batch: sum(max(0, run(part) - one) for one in part)


def _full(lengths, batch):
    steps, wasted = _right(lengths, batch)
    return steps, wasted + max(lengths[-1 - (len(lengths) - 1) % batch :]) * (
        -len(lengths) % batch)


def _one_waste(place):
    def mistake(lengths, batch):
        part = grouped(lengths, batch)[place]
        return _right(lengths, batch)[0], _right(part, batch)[1]
    return mistake


def _whole_only(lengths, batch):
    return [part for part in grouped(lengths, batch) if len(part) == batch]


def _dealt(lengths, batch):
    count = math.ceil(len(lengths) / batch)
    return [lengths[at::count] for at in range(count)]


def _as_count(lengths, batch):
    return grouped(lengths, math.ceil(len(lengths) / batch))


def _continuous(lengths, batch):
    """Let the next one in as soon as a row is free."""
    ends = [0] * batch
    for length in lengths:
        row = ends.index(min(ends))
        ends[row] += length
    return max(ends), sum(max(ends) - one for one in ends)


def _cases():
    yield case([3, 1, 2, 2], 2)
    yield case([4, 9, 2, 7, 5], 3)  # the last one has two rows
    yield case([5, 2, 8, 1, 1, 6, 3], 3)  # the last one has one row
    yield case([7, 3, 5], 1)
    yield case([6, 2, 9], 8)  # all in one, which is not full
    yield case([4, 4, 4, 4, 4, 4], 3)  # nothing is wasted
    dice = random.Random(0)
    for count, batch in ((11, 4), (24, 8), (17, 5)):
        yield case([dice.randint(1, 60) for _ in range(count)], batch)


EXERCISE = Exercise(
    name="static_batches",
    right=_right,
    gives=(Value("the steps"), Value("the rows wasted")),
    cases=lambda: [*_cases()],
    covers="with a last batch that is not full",
    hints=(
        "Look at one batch: how long does it run, and how long is each row idle in it?",
        "A batch is lengths[start : start + batch], and start goes up by batch. It "
        "runs max(group) steps; a row of it is idle for max(group) - its length.",
        "for start in range(0, len(lengths), batch): group = lengths[start : start + "
        "batch]; steps += max(group); wasted += max(group) * len(group) - sum(group).",
    ),
    hint="a batch takes max(group) steps and wastes max(group) - length for each of "
         "its rows.",
    tolerance=0.0,
    mistakes={
        "a batch runs as long as its longest answer, not as long as they are on "
        "average.": (
            *_runs(statistics.fmean), *_runs(lambda part: sum(part) // len(part)),
            *_runs(lambda part: round(statistics.fmean(part))),
            *_runs(lambda part: math.ceil(statistics.fmean(part))),
            *_runs(statistics.median),
        ),
        "a batch ends with its longest answer; here it ends with its shortest.":
            _runs(min),
        "the longest answer of a batch may stand anywhere in it.": (
            *_runs(lambda part: part[0]), *_runs(lambda part: part[-1]),
        ),
        ROWS: (_full, _loses(lambda part, batch: max(part) * batch - sum(part))),
        "batches are made in the order of arrival: lengths are not sorted.": (
            partial(static_batches, order=sorted),
            partial(static_batches, order=partial(sorted, reverse=True)),
        ),
        "the last batch runs as well, even if it is not full.":
            partial(static_batches, groups=_whole_only),
        "every batch runs; this is the first one alone.":
            partial(static_batches, groups=lambda *a: grouped(*a)[:1]),
        "at most `batch` answers run together; the next ones wait for their end.":
            partial(static_batches, groups=lambda lengths, batch: [lengths]),
        "add up what all batches waste; this is the waste of one of them.": (
            _one_waste(-1), _one_waste(0),
        ),
        "a batch is `batch` requests that came one after the other.":
            partial(static_batches, groups=_dealt),
        "`batch` says how many run together, not how many batches there are.":
            partial(static_batches, groups=_as_count),
        "the rows of a batch run side by side: a step serves all of them.": (
            lambda lengths, batch: (sum(lengths), _right(lengths, batch)[1]),
            lambda lengths, batch: (sum(lengths), 0),
            lambda lengths, batch: (
                sum(max(part) * len(part) for part in grouped(lengths, batch)),
                _right(lengths, batch)[1]),
        ),
        "the next batch begins when the one before it has ended: add their steps.":
            partial(static_batches, total=max),
        "this counts batches; each takes as many steps as its longest answer.":
            lambda lengths, batch: (len(grouped(lengths, batch)),
                                    _right(lengths, batch)[1]),
        "each row of a batch wastes steps, not only the shortest: add them all.":
            _loses(lambda part, batch: max(part) - min(part)),
        "this counts the rows that end early; each wastes a row in every step "
        "after its end.":
            _loses(lambda part, batch: sum(one < max(part) for one in part)),
        "these are all rows x steps; those that write an answer are not wasted.":
            _loses(lambda part, batch: max(part) * len(part)),
        "these are the rows that write an answer; the others are wasted.":
            _loses(lambda part, batch: sum(part)),
        "wasted is a count of rows x steps, not a share.": (
            lambda *a: (_right(*a)[0], _right(*a)[1] / (_right(*a)[1] + sum(a[0]))),
            lambda *a: (_right(*a)[0], _right(*a)[1] / (_right(*a)[0] * a[1])),
            lambda *a: (_right(*a)[0], _right(*a)[1] / sum(a[0])),
        ),
        "wasted counts what is idle; here it is negative.":
            lambda *a: (_right(*a)[0], -_right(*a)[1]),
        "nobody comes in before the whole batch has ended: that is continuous "
        "batching, which comes later.": _continuous,
    },
)
