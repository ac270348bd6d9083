"""The planning of a step, and the ways in which it goes wrong."""

from functools import partial

from llmlab.checks.batching.chunk_size import chunk_size

# A mistake stands in one line or two, as in a table.
# fmt: off


def writes(row):
    return row.left == 1


def turns(running, waiting):
    """Return those that write, then the prompts, those that run first."""
    writing = [row for row in running if row.left == 1]
    return writing + [row for row in running if row.left != 1] + list(waiting)


def pages_of(tokens, page_size):
    """Return how many pages so many tokens lie on."""
    return -(-tokens // page_size)


def more_pages(row, tokens, page_size):
    """Return the pages that a row's next tokens take beside those it has."""
    both = row.computed + tokens, row.computed
    return pages_of(both[0], page_size) - pages_of(both[1], page_size)


def fits(row, free_pages, budget, page_size):
    """Return how many of a row's tokens fit."""
    return chunk_size(row.left, row.computed, free_pages, budget, page_size)


def plan_step(running, waiting, free_pages, budget, page_size, *, turn=turns, fit=fits,
              cost=more_pages, single_cost=more_pages, spend=None, single_budget=1,
              ends=None):
    """Return {id: tokens}.

    The knobs each make a typical mistake. turn: the order; fit: a prompt's tokens;
    cost, spend: the pages and the budget that they take, as single_cost and
    single_budget for those that write. ends: whether a row ends the plan.
    """
    ends = ends or (lambda row, size: not size)
    single = {row.id for row in running if writes(row)}
    plan = {}
    for row in turn(running, waiting):
        writing = row.id in single
        size = (fits if writing else fit)(row, free_pages, budget, page_size)
        if size:
            plan[row.id] = size
            takes = single_cost if writing else cost
            free_pages -= takes(row, size, page_size)
            more = size if spend is None else spend
            budget -= single_budget if writing else more
        if ends(row, size):
            break
    return plan


def right(running, waiting, free_pages, budget, page_size):
    return plan_step(running, waiting, free_pages, budget, page_size)


def turn_of(change):
    """Return the mistake of another order; change: (writing, prompts, waiting)."""
    def turn(running, waiting):
        rows = turns(running, waiting)
        count = sum(map(writes, running))
        return change(rows[:count], rows[count : len(running)], rows[len(running) :])
    return partial(plan_step, turn=turn)


def fits_by(knobs):
    """Return the mistake of knobs of `chunk_size`, by name."""
    return partial(plan_step, fit=lambda row, free, budget, size: chunk_size(
        row.left, row.computed, free, budget, size, **knobs))


def fit_of(change):
    """Return the mistake of another chunk of prompts; change: (row, size, *limits)."""
    return partial(plan_step, fit=lambda row, *limits: change(
        row, fits(row, *limits), *limits))


def costs(cost):
    """Return two mistakes: of the pages of prompts, and of those of all."""
    return (partial(plan_step, cost=cost),
            partial(plan_step, cost=cost, single_cost=cost))


def fit_by_tokens(row, free, budget, size):
    """Take every token for one that is not computed."""
    return chunk_size(row.tokens, row.computed, free, budget, size)


def anew(row, free, budget, size):
    """Take a waiting request for one of which nothing is computed."""
    return chunk_size(row.tokens, 0, free, budget, size)


def waiting_anew(*, fit, cost):
    def mistake(running, waiting, *limits):
        names = {row.id for row in waiting}
        return plan_step(
            running, waiting, *limits,
            fit=lambda row, *a: (fit if row.id in names else fits)(row, *a),
            cost=lambda row, tokens, size: (
                pages_of(tokens, size) if cost and row.id in names
                else more_pages(row, tokens, size)))
    return mistake


def listed(running, waiting, free_pages, budget, page_size, *, every=False,
           passes=False):
    """List the one that gets nothing with 0, or all of them."""
    ends = (lambda row, size: False) if passes else None
    plan = plan_step(running, waiting, free_pages, budget, page_size, ends=ends)
    left = [row for row in turns(running, waiting) if row.id not in plan]
    return plan | dict.fromkeys([row.id for row in (left if every else left[:1])], 0)


def shared(running, waiting, free_pages, budget, page_size):
    """Share what remains of the budget equally among prompts."""
    writing = sum(map(writes, running))
    prompts = len(running) - writing + len(waiting)
    share = (budget - writing) // max(1, prompts)
    return plan_step(running, waiting, free_pages, budget, page_size,
                     fit=lambda row, free, budget, size: fits(
                         row, free, min(budget, share), size))


def waiting_passes(running, waiting, *limits):
    names = {row.id for row in running}
    return plan_step(running, waiting, *limits,
                     ends=lambda row, size: not size and row.id in names)


def running_passes(running, waiting, *limits):
    names = {row.id for row in waiting}
    return plan_step(running, waiting, *limits,
                     ends=lambda row, size: not size and row.id in names)


def beside(running, waiting, free_pages, budget, page_size):
    """Give waiting prompts a budget of their own."""
    first = right(running, [], free_pages, budget, page_size)
    for row in running:
        free_pages -= more_pages(row, first.get(row.id, 0), page_size)
    return first | right([], waiting, free_pages, budget, page_size)


def by_place(running, waiting, *limits):
    plan = right(running, waiting, *limits)
    rows = [*running, *waiting]
    return {place: plan[row.id] for place, row in enumerate(rows) if row.id in plan}


def counted_after(running, waiting, *limits):
    """Count the tokens that are computed after the step."""
    plan = right(running, waiting, *limits)
    return {row.id: row.computed + plan[row.id]
            for row in [*running, *waiting] if row.id in plan}


def assigned(running, waiting, *limits):
    """Change a row, which nobody can."""
    plan = right(running, waiting, *limits)
    for row in [*running, *waiting]:
        if row.id in plan:
            row.computed += plan[row.id]
    return plan


def left_set(running, waiting, *limits):
    """Change what follows from the row."""
    plan = right(running, waiting, *limits)
    for row in [*running, *waiting]:
        if row.id in plan:
            row.left -= plan[row.id]
    return plan
