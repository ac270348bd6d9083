"""Exercise 4: pages are taken when a row grows, and given back when it shrinks."""

import math
from functools import partial

from llmlab.checks import shown, values
from llmlab.checks.exercise import Case, Exercise, MisfitError, Raised, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

GIVES = Value("the pages"), Value("the free pages")
TOO_FEW = "too few are free: raise ValueError, before anything is taken."
NEW = "return new lists, `[*pages]`: else changing one changes the other later."
BACK = "a row that shrinks gives its last pages to the end of free, in the order of " \
       "the table."
ENOUGH = "two pages are there, two more are needed, two are free: that is enough."
SHRUNK = "a row that shrinks needs no free page; its last ones go to the end of free."
REFUSED = "a ValueError"


def rounded_up(tokens, page_size):
    """Return how many pages hold so many tokens."""
    return math.ceil(tokens / page_size)


def resize_table(pages, tokens, page_size, free, *, need=rounded_up, spare=0,
                 late=None, first=True, at="end", turned=False, cut="end",
                 keep=(), least=False, join=None):
    """Return the pages that hold so many tokens, and what is free then.

    The knobs each make a typical mistake. spare: pages that are to stay free. late:
    what comes back where too few are free. first: whether the first of free are taken;
    at: where pages go, turned: in reverse; cut: which ones go. keep: where free stays
    as it was.
    """
    count = need(tokens, page_size)
    more = count - len(pages)
    if more > len(free) - spare and more > 0:
        if late is None:
            raise ValueError(f"{more} pages more, {len(free)} are free")
        return late(pages, free)
    if more >= 0:
        taken = free[:more] if first else free[::-1][:more]
        left = free[more:] if first else free[: len(free) - more]
        grown = join(pages, taken) if join else pages + taken
        return grown, [*free] if "grown" in keep else left
    if least:
        return [*pages], [*free]
    kept = pages[:count] if cut == "end" else pages[-more:]
    given = pages[count:] if cut == "end" else pages[:-more]
    given = given[::-1] if turned else given
    if "shrunk" in keep:
        return kept, [*free]
    return kept, (free + given if at == "end" else given + free)


def _right(pages, tokens, page_size, free):
    return resize_table(pages, tokens, page_size, free)


def observed(answer, pages, tokens, page_size, free):
    """Return the two lists, or twice what is said where the call is to be refused."""
    due = -(-tokens // page_size) > len(pages) + len(free)
    if due and isinstance(answer, Raised):
        return REFUSED, REFUSED
    if due:
        raise MisfitError("resize_table refuses where too few pages are free",
                          expected=REFUSED, got=shown.value(answer), hint=TOO_FEW)
    given = values.unpack(answer, GIVES, "resize_table")
    if all(isinstance(one, int) for one in given):  # one of the lists, alone
        raise MisfitError("resize_table gives 2 values",
                          expected="the pages, the free pages", got=shown.value(answer),
                          hint="return the pages, the free pages, in this order.")
    if any(one is old for one in given for old in (pages, free)):
        raise MisfitError("resize_table gives new lists", expected="new lists",
                          got="a list that was given", hint=NEW)
    return tuple(given)


def _one_more(tokens, page_size):
    return tokens // page_size + 1


def _one_more_of_some(tokens, page_size):
    return tokens // page_size + 1 if tokens else 0


def _added(pages, tokens, page_size, free, *, need=rounded_up):
    """Take the tokens for new ones, behind pages that are full."""
    held = len(pages) * page_size
    return resize_table(pages, held + tokens, page_size, free, need=need)


def _one_page(pages, tokens, page_size, free, *, more=1, fewer=1, blind=False):
    """Take or give so many pages at most. blind: refuse only where none is free."""
    count = rounded_up(tokens, page_size)
    near = max(len(pages) - fewer, min(len(pages) + more, count))
    if not blind and count > len(pages) + len(free):
        raise ValueError
    return _right(pages, near * page_size, page_size, free)


def _anew(pages, tokens, page_size, free):
    """Take a table from free and give the old pages back."""
    count = rounded_up(tokens, page_size)
    if count > len(pages) + len(free):
        raise ValueError
    line = [*free, *pages]
    return line[:count], line[count:]


def _minus_zero(pages, tokens, page_size, free):
    """Slice by how many go, which is nothing at times."""
    gone = len(pages) - rounded_up(tokens, page_size)
    if gone < 0:
        return _right(pages, tokens, page_size, free)
    return pages[:-gone], free + pages[-gone:]


def _what_there_is(pages, free):
    return [*pages, *free], []


def _case(pages, tokens, page_size, free, about=""):
    short = -(-tokens // page_size) > len(pages) + len(free)
    made = case(pages, tokens, page_size, free, about=about)
    return Case(made.build, about=TOO_FEW, refuses=ValueError) if short else made


def _cases():
    yield _case([7], 6, 4, [2, 5])
    yield _case([3, 9], 8, 4, [6, 1, 8])  # two full pages, and no more
    yield _case([3, 9], 9, 4, [6, 1, 8])
    yield _case([], 17, 5, [12, 4, 9, 3, 7, 1])  # from nothing to four
    yield _case([8, 2, 11, 5, 6], 6, 3, [4, 10], BACK)  # to a full page
    yield _case([8, 2, 11, 5], 7, 3, [10, 9, 1], BACK)
    yield _case([4, 12, 7], 0, 16, [9], BACK)
    yield _case([], 0, 8, [5, 3])
    yield _case([5, 1], 20, 6, [9, 2], ENOUGH)
    yield _case([5, 1], 25, 6, [9, 2])  # one page short
    yield _case([6], 6, 3, [])
    yield _case([10, 6, 3], 13, 8, [], SHRUNK)
    yield _case([2, 9], 21, 10, [7, 4, 6, 3])
    yield _case([], 4, 1, [11, 3, 8, 6, 2])
    yield _case([13, 5], 48, 4, [1, 9, 8])  # far too few


EXERCISE = Exercise(
    name="resize_table",
    right=_right,
    gives=GIVES,
    cases=lambda: [*_cases()],
    covers="growing, shrinking, to nothing, and refused",
    hints=(
        "First how many pages so many tokens need; then take some, or give some back.",
        "needed = -(-tokens // page_size) rounds up. Growing takes free[:more]; "
        "shrinking gives pages[needed:] back, to the end of free.",
        "if needed > len(pages) + len(free): raise ValueError(...); more = max(0, "
        "needed - len(pages)); table = pages + free[:more]; return table[:needed], "
        "free[more:] + table[needed:].",
    ),
    hint="as many pages as tokens / page_size, rounded up: from the front of free, "
         "back to its end.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "the last page may be filled in part: tokens / page_size is rounded up.": (
            partial(resize_table, need=lambda tokens, size: tokens // size),
            partial(resize_table, need=lambda tokens, size: max(1, tokens // size)),
        ),
        "a page too many where pages are full: tokens / page_size, rounded up.": (
            partial(resize_table, need=_one_more),
            partial(resize_table, need=_one_more_of_some),
        ),
        "without tokens a row needs no page: all go back.":
            partial(resize_table, need=lambda t, size: max(1, rounded_up(t, size))),
        "`round` goes down as often as up; a page that is begun is needed, too.":
            partial(resize_table, need=lambda tokens, size: round(tokens / size)),
        "a page holds page_size tokens, not one.":
            partial(resize_table, need=lambda tokens, size: tokens),
        "tokens are all that the table is to hold, not those that are new.": (
            _added,
            partial(_added, need=_one_more),
        ),
        "free pages are taken from the front of free.": (
            partial(resize_table, first=False),
            partial(resize_table, first=False,
                    join=lambda pages, taken: pages + taken[::-1]),
        ),
        "new pages come behind the old ones: a table is in the order of the tokens.":
            partial(resize_table, join=lambda pages, taken: taken + pages),
        "new pages stand in the order that they have in free.":
            partial(resize_table, join=lambda pages, taken: pages + taken[::-1]),
        "what is taken is no longer free, and what is given back is.":
            partial(resize_table, keep=("grown", "shrunk")),
        "what is taken is no longer free.": partial(resize_table, keep=("grown",)),
        "the pages that go are free again; here nobody has them.":
            partial(resize_table, keep=("shrunk",)),
        "a row that shrinks gives pages back; here the table only grows.":
            partial(resize_table, least=True),
        "the last pages go: the first ones hold the tokens that stay.": (
            partial(resize_table, cut="front"),
            partial(resize_table, cut="front", turned=True),
        ),
        "pages go back to the end of free, not to its front.": (
            partial(resize_table, at="front"),
            partial(resize_table, at="front", turned=True),
        ),
        "pages go back in the order of the table; here they are reversed.":
            partial(resize_table, turned=True),
        "all free pages may be taken: refuse where more are needed than are free.":
            partial(resize_table, spare=1),
        "where too few are free nothing is taken: raise ValueError.":
            partial(resize_table, late=_what_there_is),
        "where too few are free, raise ValueError; unchanged lists tell nobody.":
            partial(resize_table, late=lambda pages, free: ([*pages], [*free])),
        "a row may need several pages more or less at once.": (
            _one_page, partial(_one_page, more=99), partial(_one_page, fewer=99),
            partial(_one_page, blind=True), partial(_one_page, fewer=99, blind=True),
        ),
        "`pages[:-n]` is empty where n is 0: slice by what stays, pages[:needed].":
            _minus_zero,
        "the pages that a row has stay its own: its tokens lie there.": _anew,
        "these are the right lists in another order: the pages, then the free ones.":
            lambda *a: _right(*a)[::-1],
        "free keeps its order: the first comes first, whatever its number.": (
            lambda pages, tokens, size, free: _right(pages, tokens, size, sorted(free)),
            lambda *a: (_right(*a)[0], sorted(_right(*a)[1])),
        ),
        "a table is in the order of its tokens: pages are not sorted.": (
            lambda *a: (sorted(_right(*a)[0]), _right(*a)[1]),
        ),
    },
)
