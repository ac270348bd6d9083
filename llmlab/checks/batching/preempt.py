"""Exercise 6: who is put aside where pages run out."""

import random
from functools import partial
from operator import attrgetter

from llmlab.batching.plans import Row
from llmlab.checks import shown, values
from llmlab.checks.exercise import Case, Exercise, MisfitError, Raised, Value, case
from llmlab.checks.shown import Written

# A mistake stands in one line or two, as in a table.
# fmt: off

_by_id, _by_pages = attrgetter("id"), attrgetter("pages")
GIVES = Value("who goes"), Value("the pages that are free then")
REFUSED = Written("a ValueError")
TOO_FEW = "if even without all but the oldest too few are free, raise ValueError."
SHARED = "row.pages is what a row frees: fewer than its tokens take, where it shares " \
         "some with an older one."
NEXT = "who goes needs no next page: one less is needed where its computed tokens " \
       "fill their pages."
LOOK = "the last one that may go can be enough: look once more after it."
SUFFICE = "it is enough here, if all but the oldest go: count row.pages of each, and " \
          "the pages that they need no more."
BOTH = "return (victims, free): a list of ids, and how many pages are free then."
ENOUGH = "enough are free already: nobody goes."
YOUNGEST = "the youngest goes first; the first in the list is the oldest."


def fills(row, page_size):
    """Return the page that a row's next token takes: 1, or 0 where one is begun."""
    return int(row.computed % page_size == 0)


def young(running):
    """Return those that may go, the youngest first."""
    return running[:0:-1]


def preempt(running, needed, free_pages, page_size, *, line=young, gain=None,
            lower=fills, enough=None, short=None, start=True, late=None, gone=None,
            least=0):
    """Return who goes, and the pages that are free then.

    The knobs each make a typical mistake. line: who goes, in order; gain: the pages
    that come free, lower: those that are needed no more. enough: when it ends, short:
    when it fails; start: whether what was free counts. gone: the victims as they are
    told; late: whether what there is comes back where it is never enough; least: how
    many go in any case.
    """
    enough = enough or (lambda needed, free: needed <= free)
    gain = gain or (lambda row, size: row.pages)
    victims, free = list[Row](), free_pages if start else 0
    for row in line(running):
        if enough(needed, free) and len(victims) >= least:
            break
        victims.append(row)
        free += gain(row, page_size)
        needed -= lower(row, page_size)
    short = short or (lambda needed, free: needed > free)
    if short(needed, free) and late is None:
        raise ValueError(f"{needed} pages are needed, {free} are free")
    names = [row.id for row in victims]
    return gone(victims, names, running) if gone else names, free


def _right(running, needed, free_pages, page_size):
    return preempt(running, needed, free_pages, page_size)


def observed(answer, running, needed, free_pages, page_size):
    """Return who goes and what is free, or twice what is said of a refusal."""
    going = running[1:]
    most = free_pages + sum(row.pages for row in going)
    due = needed - sum(row.computed % page_size == 0 for row in going) > most
    if due and isinstance(answer, Raised):
        return REFUSED, REFUSED
    if due:
        raise MisfitError("preempt refuses where it can never be enough",
                          expected=REFUSED, got=shown.value(answer), hint=TOO_FEW)
    if isinstance(answer, Raised):
        raise MisfitError("preempt refuses only where it can never be enough",
                          expected="who goes", got=REFUSED, hint=SUFFICE)
    victims, free = values.unpack(answer, GIVES, "preempt")
    if isinstance(victims, int):
        raise MisfitError("preempt gives 2 values", expected="a list of ids, a number",
                          got=shown.value(answer), hint=BOTH)
    read = values.pulled(victims, len(running))
    if read is not None and any(isinstance(one, tuple) for one in read):
        raise MisfitError("who goes is named by its id", expected="ids",
                          got=shown.value(read), hint="return row.id, not the row.")
    return victims, free


def _all_but_one(running, needed, free_pages, page_size):
    """Put all but the oldest aside where anybody has to go."""
    short = needed > free_pages
    return preempt(running, needed, free_pages, page_size,
                   least=len(running) - 1 if short else 0)


def _one_more(running, needed, free_pages, page_size):
    victims, _ = _right(running, needed, free_pages, page_size)
    more = len(victims) + bool(victims)
    return preempt(running, needed, free_pages, page_size, least=more)


def _nobody(running, needed, free_pages, page_size):
    """Let nobody go where it is never enough."""
    try:
        return _right(running, needed, free_pages, page_size)
    except ValueError:
        return [], free_pages


def _unlooked(running, needed, free_pages, page_size):
    """Take it for too few where the last one that may go was needed."""
    victims, free = _right(running, needed, free_pages, page_size)
    if len(victims) == len(running) - 1:
        raise ValueError
    return victims, free


def _at_most_one(running, needed, free_pages, page_size):
    victims, free = _right(running, needed, free_pages, page_size)
    rows = {row.id: row.pages for row in running}
    return victims[:1], free - sum(rows[name] for name in victims[1:])


def _after(running, needed, free_pages, page_size):
    """Return what is left when the others have taken their pages."""
    victims, free = _right(running, needed, free_pages, page_size)
    rows = {row.id: row for row in running}
    return victims, free - needed + sum(fills(rows[one], page_size) for one in victims)


def _only_freed(running, needed, free_pages, page_size):
    victims, free = _right(running, needed, free_pages, page_size)
    return victims, free - free_pages


def _line(key, *, reverse=False):
    return lambda running: sorted(young(running), key=key, reverse=reverse)


def _case(running, needed, free_pages, page_size, about=""):
    """Return a case; it refuses where all but the oldest do not free enough."""
    made = case(running, needed, free_pages, page_size, about=about)
    going = running[1:]
    most = free_pages + sum(row.pages for row in going)
    short = needed - sum(fills(row, page_size) for row in going) > most
    return Case(made.build, about=TOO_FEW if short else about, refuses=ValueError)


def _example():
    running = [Row(0, 9, 8, 2), Row(1, 6, 5, 2), Row(2, 13, 12, 3), Row(3, 5, 4, 1)]
    return running, 3, 0, 4


def _opening():
    lines = (
        "Row = check.Row",
        "running = [",
        "    Row(0, tokens=9, computed=8, pages=2),",
        "    Row(1, tokens=6, computed=5, pages=2),",
        "    Row(2, tokens=13, computed=12, pages=3),",
        "    Row(3, tokens=5, computed=4, pages=1),",
        "]",
    )
    return Case(_example, setup="\n".join(lines), sources={"running": "running"})


def _cases():
    yield _opening()
    yield _case([Row(4, 17, 16, 4), Row(1, 9, 8, 2), Row(7, 7, 6, 2), Row(2, 6, 5, 2)],
                2, 1, 4)  # the youngest frees two where one is missing
    yield _case([Row(2, 9, 8, 2), Row(5, 13, 12, 3)], 2, 2, 4, ENOUGH)
    yield _case([Row(3, 9, 8, 1), Row(6, 17, 16, 2)], 2, 5, 8, ENOUGH)
    # whoever goes needs nothing, and frees nothing
    yield _case([Row(1, 25, 24, 3), Row(3, 17, 16, 0), Row(0, 9, 8, 0)], 3, 2, 8)
    # some that share pages with older ones
    yield _case([Row(0, 33, 32, 8), Row(9, 21, 20, 2), Row(4, 29, 28, 1),
                 Row(6, 17, 16, 0)], 4, 0, 4)
    # ids in no order: the list says who is older
    yield _case([Row(8, 13, 12, 4), Row(2, 10, 9, 3), Row(9, 7, 6, 2), Row(5, 4, 3, 1),
                 Row(3, 13, 12, 4), Row(1, 10, 9, 3)], 6, 0, 3)
    yield _case([Row(5, 9, 8, 2)], 1, 0, 4)  # alone
    yield _case([Row(3, 9, 8, 2), Row(7, 4, 3, 0), Row(1, 7, 6, 0)], 1, 0, 4)
    yield _case([Row(3, 9, 8, 2), Row(7, 5, 4, 0), Row(1, 9, 8, 0)], 3, 1, 4)  # just so
    dice = random.Random(2)
    for _ in range(8):
        yield _drawn(dice)


def _drawn(dice):
    """Draw rows that need more pages than are free, at times more than there are."""
    size = dice.choice([2, 3, 4])
    names = dice.sample(range(30), dice.randint(4, 7))
    running = []
    for name in names:
        held = dice.randint(1, 6)
        computed = held * size - dice.choice([0, 0, 0, 1])
        pages = held - dice.choice([0, 0, min(held, 2)])
        running.append(Row(name, computed + 1, computed, pages))
    needed = sum(fills(row, size) for row in running)
    return _case(running, needed, dice.choice([0, 0, 1]), size)


EXERCISE = Exercise(
    name="preempt",
    right=_right,
    gives=GIVES,
    cases=lambda: [*_cases()],
    covers="one that goes, many, none, and never enough",
    hints=(
        "Go through the rows from the end, and look before each one whether it is "
        "enough already.",
        "for row in reversed(running[1:]) leaves the oldest out. Who goes adds its "
        "row.pages to free_pages; needed goes down by 1 if row.computed % page_size "
        "is 0.",
        "for row in reversed(running[1:]): if needed <= free_pages: break; "
        "victims.append(row.id); free_pages += row.pages; needed -= row.computed % "
        "page_size == 0. Then, if needed > free_pages: raise ValueError(...).",
    ),
    hint="from the end of the list, never the first; each adds row.pages and may need "
         "a page less.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        YOUNGEST: (
            partial(preempt, line=lambda running: running[1:]),
            partial(preempt, line=list),
        ),
        "the oldest never goes: so one always comes to its end.":
            partial(preempt, line=lambda running: running[::-1]),
        "only as many go as must; here all but the oldest do.": (
            _all_but_one, partial(preempt, least=99),
        ),
        "this puts one more aside than it must: stop as soon as it is enough.": (
            _one_more,
            partial(preempt, enough=lambda needed, free: needed < free),
            partial(preempt, enough=lambda needed, free: needed < free,
                    short=lambda needed, free: needed >= free),
        ),
        ENOUGH: partial(preempt, least=1),
        "more than one may have to go, until it is enough.": _at_most_one,
        "a row's pages come free, not its tokens.": (
            partial(preempt, gain=lambda row, size: row.tokens),
            partial(preempt, gain=lambda row, size: row.computed),
        ),
        SHARED: (
            partial(preempt, gain=lambda row, size: -(-row.computed // size)),
            partial(preempt, gain=lambda row, size: -(-row.tokens // size)),
            partial(preempt, gain=lambda row, size: row.computed // size),
        ),
        "who goes frees all of its pages, not one.":
            partial(preempt, gain=lambda row, size: 1),
        NEXT: partial(preempt, lower=lambda row, size: 0),
        "only a row whose computed tokens fill their pages was to take one; the others "
        "needed none.":
            partial(preempt, lower=lambda row, size: 1),
        "a row takes a page next where computed % page_size is 0; here it is where it "
        "is not.":
            partial(preempt, lower=lambda row, size: 1 - fills(row, size)),
        "its pages come free, and besides it needs none: two things, counted apart.":
            partial(preempt, lower=lambda row, size: row.pages),
        "what was free before counts as well.": (
            partial(preempt, start=False), _only_freed,
        ),
        "the pages that are free before the others take theirs.": _after,
        "victims are in the order in which they go, the youngest first.": (
            partial(preempt, gone=lambda rows, names, running: names[::-1]),
            partial(preempt, gone=lambda rows, names, running: sorted(names)),
        ),
        "the list says who is young, an id does not.": (
            partial(preempt, line=_line(_by_id, reverse=True)),
            partial(preempt, line=lambda running: sorted(running, key=_by_id)[:0:-1]),
            partial(preempt, line=lambda running: sorted(running, key=_by_id)[::-1]),
        ),
        "who is young goes, not who holds many or few pages.": (
            partial(preempt, line=_line(_by_pages, reverse=True)),
            partial(preempt, line=_line(_by_pages)),
            partial(preempt, line=lambda running: sorted(
                running[1:], key=_by_pages, reverse=True)),
            partial(preempt, line=lambda running: sorted(running[1:], key=_by_pages)),
            partial(preempt, line=lambda running: sorted(running, key=_by_pages)[::-1]),
        ),
        TOO_FEW: (partial(preempt, late="what there is"), _nobody),
        LOOK: _unlooked,
        "a victim is named by its id, not by its place.":
            partial(preempt, gone=lambda rows, names, running: [
                running.index(row) for row in rows]),
        "these are those that stay; return those that go.":
            partial(preempt, gone=lambda rows, names, running: [
                row.id for row in running if row.id not in names]),
        "return the ids of those that go, not how many there are.":
            partial(preempt, gone=lambda rows, names, running: len(rows)),
    },
)
