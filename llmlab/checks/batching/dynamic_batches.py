"""Exercise 3: a batch leaves when it is full, or when its first member has waited."""

import random
from functools import partial
from itertools import pairwise

from llmlab.checks.batching import reading
from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

EXACT = "who arrives exactly at the deadline still goes with the batch."
FULL = "a full batch leaves at once: when the one arrives that fills it."
LAST = "the last batch leaves as well, at its deadline: nobody knows that it is last."
FIRST = "the wait counts from the first member of a batch, not from the last one."


def dynamic_batches(arrivals, max_batch, max_wait, *, late=None, due=None, full=None,
                    alone=None, end="due", most=None):
    """Return (start, members) of each batch.

    The knobs each make a typical mistake. due: the deadline of members; late: whether
    an arrival misses it. full, alone: when a batch leaves that is full, or whose
    deadline an arrival missed. end: what becomes of the last one; most: members.
    """
    late = late or (lambda arrival, deadline: arrival > deadline)
    due = due or (lambda times: times[0] + max_wait)
    batches, members = [], list[int]()
    for place, arrival in enumerate(arrivals):
        times = [arrivals[one] for one in members]
        if members and late(arrival, due(times)):
            batches.append((alone(times, arrival) if alone else due(times), members))
            members = []
        members = [*members, place]
        if len(members) == (most or max_batch):
            times = [arrivals[one] for one in members]
            batches.append((full(times) if full else arrival, members))
            members = []
    if members and end != "lost":
        times = [arrivals[one] for one in members]
        batches.append((due(times) if end == "due" else times[-1], members))
    return batches


def _right(arrivals, max_batch, max_wait):
    return dynamic_batches(arrivals, max_batch, max_wait)


def observed(answer, arrivals, max_batch, max_wait):
    """Write the pairs in one line."""
    return reading.batches(answer, len(arrivals))


def _from_last(arrivals, max_batch, max_wait, *, start="due"):
    return dynamic_batches(arrivals, max_batch, max_wait,
                           due=lambda times: times[-1] + max_wait,
                           **({} if start == "due" else
                              {"alone": lambda t, _: t[0] + max_wait}))


def _never_full(arrivals, max_batch, max_wait):
    return dynamic_batches(arrivals, 10**9, max_wait)


def _at_deadline(arrivals, max_batch, max_wait):
    """Let a batch go at its deadline, though it was full before."""
    return dynamic_batches(arrivals, max_batch, max_wait,
                           full=lambda times: times[0] + max_wait)


def _only_full(arrivals, max_batch, max_wait, *, rest=True):
    """Wait for a full batch, however long that takes."""
    return dynamic_batches(arrivals, max_batch, max_wait,
                           late=lambda arrival, deadline: False,
                           end="due" if rest else "lost")


def _restarted(arrivals, max_batch, max_wait):
    """Count the wait from the time at which the batch before has left."""
    batches, members, since = [], list[int](), arrivals[0]
    for place, arrival in enumerate(arrivals):
        if members and arrival > since + max_wait:
            since += max_wait
            batches.append((since, members))
            members = []
        members = [*members, place]
        if len(members) == max_batch:
            batches.append((arrival, members))
            members, since = [], arrival
    return [*batches, (since + max_wait, members)] if members else batches


def _too_late(arrivals, max_batch, max_wait, *, strict=False):
    """Look whether the wait is over only when the next one has joined."""
    batches, members = [], list[int]()
    for place, arrival in enumerate(arrivals):
        members = [*members, place]
        waited = arrival - arrivals[members[0]]
        over = waited > max_wait if strict else waited >= max_wait
        if len(members) == max_batch or over:
            batches.append((arrival, members))
            members = []
    last = [(arrivals[members[0]] + max_wait, members)] if members else []
    return batches + last


def _cleared(arrivals, max_batch, max_wait):
    """Use one list of members for all batches."""
    right = _right(arrivals, max_batch, max_wait)
    start, members = right[-1]
    open_last = start == arrivals[members[0]] + max_wait and len(members) < max_batch
    left = members if open_last else []
    return [(moment, left) for moment, _ in right]


def _by_gap(arrivals, max_batch, max_wait):
    """Let a batch go where the next one is further than max_wait behind the last."""
    return _from_last(arrivals, max_batch, max_wait, start="first")


def _mapped(change):
    """Return the mistake of changing every pair; change: (start, members, arrivals)."""
    return lambda arrivals, most, wait: [
        change(start, members, arrivals)
        for start, members in _right(arrivals, most, wait)
    ]


def _sliding(arrivals, max_batch, max_wait):
    """Compare neighbours: a batch ends where two lie further apart."""
    cuts = [0, *(at + 1 for at, (one, other) in enumerate(pairwise(arrivals))
                 if other - one > max_wait), len(arrivals)]
    return [(arrivals[end - 1] + max_wait, [*range(start, end)])
            for start, end in pairwise(cuts)]


def _cases():
    yield case([0.0, 0.1, 0.15, 0.5], 3, 0.25)
    yield case([0.5, 0.75, 1.0, 1.125, 2.0], 4, 0.5)  # on the deadline
    yield case([1.0, 1.25, 1.5, 1.5, 1.75], 3, 0.5)  # full at the deadline
    yield case([0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75], 3, 2.0, about=FULL)
    yield case([2.0, 5.0, 9.0], 4, 1.5)  # each alone
    yield case([3.0, 3.5], 8, 0.75, about=LAST)
    yield case([0.25, 0.5, 0.75], 1, 4.0)  # one is a batch
    yield case([1.0, 1.0, 1.0, 2.0, 2.0, 4.5], 2, 0.5)  # several at once
    yield case([1.0, 1.0, 1.5, 2.0, 2.0], 4, 0.0)  # no wait at all
    yield case([0.0, 0.4, 0.8, 1.2, 1.6, 2.0], 6, 1.0)  # evenly
    dice = random.Random(0)
    for count, most, wait in ((9, 4, 0.503), (14, 3, 0.257)):
        yield case(_drawn(dice, count), most, wait)


def _drawn(dice, count):
    """Draw arrivals of hundredths, so that none falls on a deadline of thousandths."""
    moments, now = [], 0
    for _ in range(count):
        now += dice.choice([3, 7, 12, 19, 31, 60])
        moments.append(now / 100)
    return moments


EXERCISE = Exercise(
    name="dynamic_batches",
    right=_right,
    gives=(Value("the batches"),),
    cases=lambda: [*_cases()],
    covers="full ones, late ones, and arrivals on the deadline",
    hints=(
        "Keep the members of the batch that is open. An arrival either comes too late "
        "for it, or it joins; and when it joins, the batch may be full.",
        "The deadline is arrivals[members[0]] + max_wait. Who arrives after it lets "
        "the batch leave at the deadline and opens the next one. A full batch leaves "
        "with the arrival that filled it, what is open at the end at its deadline.",
        "for place, arrival in enumerate(arrivals): if members and arrival > deadline: "
        "batches.append((deadline, members)), members = []; members.append(place); if "
        "len(members) == max_batch: batches.append((arrival, members)), members = [].",
    ),
    hint="a batch leaves when it is full, at that arrival, or at its first member's "
         "arrival + max_wait.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        EXACT: (
            partial(dynamic_batches, late=lambda arrival, due: arrival >= due),
            partial(dynamic_batches, late=lambda arrival, due: arrival >= due,
                    end="last"),
        ),
        FULL: (_at_deadline,
               partial(dynamic_batches, full=lambda times: times[0])),
        FIRST: (_from_last, _by_gap),
        "at most max_batch go together; here there is no limit.": (
            _never_full, _sliding,
        ),
        "max_batch may go together, not one more.":
            lambda arrivals, most, wait: _right(arrivals, most + 1, wait),
        "a batch is full with max_batch members; here it is full with one less.":
            lambda arrivals, most, wait: _right(arrivals, max(1, most - 1), wait),
        "the last batch is lost: what is open at the end leaves, too.":
            partial(dynamic_batches, end="lost"),
        LAST: partial(dynamic_batches, end="last"),
        "a batch with room waits until its deadline, not until its last member comes.":
            (
                partial(dynamic_batches, end="last", alone=lambda times, _: times[-1]),
                partial(dynamic_batches, alone=lambda times, _: times[-1]),
            ),
        "a batch leaves at its deadline, not when somebody arrives after it.":
            partial(dynamic_batches, alone=lambda times, arrival: arrival),
        "max_wait is up even if the batch is not full: then it leaves.": (
            _only_full, partial(_only_full, rest=False),
            partial(dynamic_batches, late=lambda arrival, due: False, end="last"),
        ),
        "who comes after the deadline opens the next batch; here it still goes with "
        "the one that should have left.": (
            _too_late, partial(_too_late, strict=True),
        ),
        "a pair must keep its members: `members.clear()` empties the list that is in "
        "it, `members = []` makes a new one.": _cleared,
        "the wait begins with a batch's first member, not when the batch before left.":
            _restarted,
        "the time is that of leaving, not that of the first arrival.":
            _mapped(lambda start, members, arrivals: (arrivals[members[0]], members)),
        "start is the time on the clock of arrivals, not how long the first waited.":
            _mapped(lambda start, members, arrivals: (
                start - arrivals[members[0]], members)),
        "members are places in arrivals, not the times that stand there.":
            _mapped(lambda start, members, arrivals: (
                start, [arrivals[one] for one in members])),
        "places count from 0; here they count from 1.":
            _mapped(lambda start, members, _: (start, [one + 1 for one in members])),
        "the members of a batch are a list of places, not how many there are.":
            _mapped(lambda start, members, _: (start, [len(members)])),
        "a pair is (start, members), in this order.":
            _mapped(lambda start, members, _: (members, start)),
    },
)
