"""Exercise 5: hand out the budget and the pages of one step."""

import random
from functools import partial

from llmlab.batching.plans import Row
from llmlab.checks.batching import planning, reading
from llmlab.checks.batching.planning import (
    costs,
    fit_of,
    fits_by,
    more_pages,
    pages_of,
    plan_step,
    turn_of,
    writes,
)
from llmlab.checks.exercise import Case, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

DECODES = "those that write come first: each running one with one token left gets it " \
          "before any prompt."
ENDS = "the first prompt that gets nothing ends the plan: nobody passes by it."
CUT = "a prompt that was cut does not end the plan; one that gets nothing does."
CACHED = "of a waiting request some tokens may be computed already: go by row.left " \
         "and row.computed."
RUNNING = "prompts that run go before those that wait, in the order of the list."
BEGINS = "a single token takes a page, too, where its computed tokens fill their pages."
READ_ONLY = "rows are read only: count budget, pages and tokens in names of your own."


def observed(answer, running, waiting, free_pages, budget, page_size):
    """Write the plan in one line, in the order of the ids."""
    return reading.plan(answer)


def _by_size(row):
    return row.left


def _by_id(row):
    return row.id


def _example():
    running = [Row(0, 20, 6), Row(1, 9, 8), Row(2, 6, 5)]
    return running, [Row(3, 7), Row(4, 2)], 6, 20, 4


def _opening():
    lines = (
        "Row = check.Row",
        "running = [",
        "    Row(0, tokens=20, computed=6),",
        "    Row(1, tokens=9, computed=8),",
        "    Row(2, tokens=6, computed=5),",
        "]",
        "waiting = [Row(3, tokens=7), Row(4, tokens=2)]",
    )
    return Case(_example, setup="\n".join(lines),
                sources={"running": "running", "waiting": "waiting"})


def _cases():
    yield _opening()
    # only those that write, and pages for just these
    yield case([Row(5, 17, 16), Row(2, 9, 8), Row(7, 12, 11)], [Row(1, 6)], 2, 8, 4)
    # a prompt gets nothing: the next has a place left, and one that waits is small
    yield case([Row(0, 30, 8), Row(3, 25, 5), Row(4, 14, 13)], [Row(6, 2, 1)],
               0, 12, 4, about=ENDS)
    # the head of the queue gets nothing, and another one would have a place
    yield case([Row(2, 9, 8)], [Row(9, 40), Row(4, 12, 6)], 1, 30, 4, about=ENDS)
    # a prompt that pages cut short, and one that still has a place
    yield case([Row(1, 40, 10), Row(0, 23, 9), Row(5, 6, 5)], [], 2, 60, 4, about=CUT)
    # a waiting request of which tokens are computed; ids in no order
    yield case([Row(8, 31, 30)], [Row(3, 26, 16), Row(1, 9), Row(6, 50, 8)],
               9, 40, 8, about=CACHED)
    # a small waiting one behind a long one that runs
    yield case([Row(4, 90, 16), Row(1, 22, 21)], [Row(0, 3), Row(2, 5)],
               20, 33, 16, about=RUNNING)
    # single tokens begin a page each, and the prompt gets what remains
    yield case([Row(3, 50), Row(0, 17, 16), Row(2, 33, 32), Row(7, 8, 7)], [],
               5, 64, 16, about=BEGINS)
    # one token is left of a prompt that waits: it is a prompt
    yield case([Row(6, 12, 4), Row(2, 5, 4)], [Row(9, 1), Row(5, 5, 4)], 4, 10, 4)
    yield case([Row(3, 18, 16), Row(4, 9, 8)], [Row(1, 6)], 4, 20, 4)  # two are left
    yield case([], [Row(0, 11), Row(1, 4), Row(2, 30)], 30, 32, 8)
    yield case([], [], 5, 8, 16)
    yield case([Row(1, 13, 12)], [Row(2, 6)], 6, 1, 4, about=ENDS)  # no budget is left
    dice = random.Random(4)
    for _ in range(9):
        yield _drawn(dice)


def _drawn(dice):
    """Draw rows, and a budget and pages that suffice for those that write."""
    size = dice.choice([3, 4, 7])
    names = dice.sample(range(20), 7)
    running = []
    for name in names[: dice.randint(2, 4)]:
        computed = dice.randint(1, 25)
        running.append(Row(name, computed + dice.choice([1, 1, 9, 14, 22]), computed))
    waiting = []
    for name in names[len(running) : dice.randint(5, 7)]:
        computed = dice.choice([0, 0, 0, 2 * size])
        waiting.append(Row(name, computed + dice.randint(1, 20), computed))
    needed = sum(more_pages(row, 1, size) for row in running if writes(row))
    return case(running, waiting, needed + dice.randint(1, 9),
                len(running) + dice.randint(6, 34), size)


EXERCISE = Exercise(
    name="plan_step",
    right=planning.right,
    gives=(Value("the plan"),),
    cases=lambda: [*_cases()],
    covers="with pages or budget short, with nobody and with many",
    hints=(
        "Put all rows in one order first: who writes, the prompts that run, those that "
        "wait. Then one loop hands out what there is.",
        "For each row: how much fits (chunk_size)? Nothing: the loop ends. Else note "
        "it, and lower budget and free_pages by what it takes.",
        "A chunk takes pages after it less pages before it: with pages(n) = n / "
        "page_size rounded up, free_pages -= pages(row.computed + size) - "
        "pages(row.computed), and budget -= size.",
    ),
    hint="single tokens first, then prompts in order; each lowers budget and pages by "
         "what it takes, and the first that gets nothing ends the plan.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        DECODES: (
            turn_of(lambda writing, prompts, waiting: prompts + writing + waiting),
            turn_of(lambda writing, prompts, waiting: prompts + waiting + writing),
            turn_of(lambda writing, prompts, waiting: waiting + writing + prompts),
            turn_of(lambda writing, prompts, waiting: waiting + prompts + writing),
            partial(plan_step, turn=lambda running, waiting: [*running, *waiting]),
            partial(plan_step, turn=lambda running, waiting: [*waiting, *running]),
        ),
        RUNNING: (
            turn_of(lambda writing, prompts, waiting: writing + waiting + prompts),
            turn_of(lambda writing, prompts, waiting: writing + sorted(
                prompts + waiting, key=_by_id)),
        ),
        "single tokens of running requests come first; one that waits is a prompt, "
        "however short, and waits for its turn.":
            turn_of(lambda writing, prompts, waiting: writing + [
                row for row in waiting if writes(row)] + prompts + [
                row for row in waiting if not writes(row)]),
        "turns are those of the lists: nobody is sorted by size.": (
            turn_of(lambda writing, prompts, waiting: writing + sorted(
                prompts + waiting, key=_by_size)),
            turn_of(lambda writing, prompts, waiting: writing + prompts + sorted(
                waiting, key=_by_size)),
            turn_of(lambda writing, prompts, waiting: writing + sorted(
                prompts, key=_by_size) + sorted(waiting, key=_by_size)),
            turn_of(lambda writing, prompts, waiting: writing + sorted(
                prompts + waiting, key=_by_size, reverse=True)),
        ),
        "turns are those of the lists: an id says nothing about them.": (
            turn_of(lambda writing, prompts, waiting: writing + sorted(
                prompts, key=_by_id) + sorted(waiting, key=_by_id)),
            turn_of(lambda writing, prompts, waiting: writing + prompts + sorted(
                waiting, key=_by_id)),
        ),
        "the first in a list is the first in turn; here it goes from the end.":
            turn_of(lambda writing, prompts, waiting: (
                writing + prompts[::-1] + waiting[::-1])),
        "those that wait are missing: what remains of the step goes to them.":
            turn_of(lambda writing, prompts, waiting: writing + prompts),
        "prompts that run are missing: what was begun goes on.":
            turn_of(lambda writing, prompts, waiting: writing + waiting),
        "prompts are missing: these are single tokens alone.":
            turn_of(lambda writing, prompts, waiting: writing),
        ENDS: (
            partial(plan_step, ends=lambda row, size: False),
            planning.running_passes, planning.waiting_passes,
        ),
        CUT: (
            partial(plan_step, ends=lambda row, size: size < row.left),
            *costs(lambda row, tokens, size: more_pages(row, row.left, size)),
        ),
        "several prompts may get a chunk in one step.": (
            partial(plan_step, ends=lambda row, size: not writes(row) or not size),
            turn_of(lambda writing, prompts, waiting: (
                writing + (prompts or waiting)[:1])),
            turn_of(lambda writing, prompts, waiting: writing + prompts + waiting[:1]),
        ),
        BEGINS: partial(plan_step, single_cost=lambda row, tokens, size: 0),
        "a single token takes a page only where its computed tokens fill their pages.":
            partial(plan_step, single_cost=lambda row, tokens, size: 1),
        "single tokens count in the budget, too.": partial(plan_step, single_budget=0),
        "what one row gets, the next does not have: lower the budget by each chunk.": (
            partial(plan_step, spend=0, single_budget=0),
            partial(plan_step, spend=0), partial(plan_step, spend=1),
        ),
        "those that wait share the budget with those that run.": planning.beside,
        "pages run out as well: lower free_pages by those that a chunk takes.":
            costs(lambda row, tokens, size: 0),
        "a chunk needs places: no more tokens than the last page and the free pages "
        "hold.": fits_by({"limits": ("left", "budget")}),
        "the budget limits each chunk: cut the last one to what remains.":
            fits_by({"limits": ("left", "room")}),
        "a chunk first fills the last page that is begun; only what goes beyond it "
        "takes pages.": (
            *costs(lambda row, tokens, size: pages_of(tokens, size)),
            *costs(lambda row, tokens, size: tokens // size),
        ),
        "a row has the pages of its computed tokens already; only more ones count.": (
            *costs(lambda row, tokens, size: pages_of(row.computed + tokens, size)),
            *costs(lambda row, tokens, size: pages_of(row.tokens, size)),
        ),
        "pages are rounded up: one that is begun is taken.":
            costs(lambda row, tokens, size: (
                (row.computed + tokens) // size - row.computed // size)),
        "pages are counted in pages, not in tokens.":
            costs(lambda row, tokens, size: tokens),
        "the last page that is begun has places left, too.":
            fits_by({"begun": lambda computed, size: 0}),
        "a prompt may be cut: what fits is computed now, the rest later.": (
            fit_of(lambda row, size, *limits: size if size == row.left else 0),
        ),
        "a chunk may be larger than a page, if budget and pages suffice.":
            fit_of(lambda row, size, free, budget, page: min(size, page)),
        "prompts get as much as fits, not one token.":
            fit_of(lambda row, size, *limits: min(1, size)),
        "the first in turn gets as much as fits; the budget is not shared equally.":
            planning.shared,
        CACHED: (
            planning.waiting_anew(fit=planning.anew, cost=True),
            planning.waiting_anew(fit=planning.anew, cost=False),
            planning.waiting_anew(fit=planning.fit_by_tokens, cost=False),
        ),
        "row.tokens counts all tokens of a request; row.left are those to compute.": (
            fit_of(lambda row, size, *limits: planning.fit_by_tokens(row, *limits)),
        ),
        "who gets nothing is left out; here it is listed with 0.": (
            planning.listed, partial(planning.listed, every=True),
            partial(planning.listed, every=True, passes=True),
        ),
        "a plan goes from row.id to tokens, not from its place in a list.":
            planning.by_place,
        "a plan says how many tokens are computed now, not how many there are then.":
            planning.counted_after,
        READ_ONLY: (planning.assigned, planning.left_set),
    },
)
