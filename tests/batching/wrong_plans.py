"""Whole plans that are wrong: what a learner's step and preemption may do."""

import math

from batching import right_answers as right


def held(tokens, size):
    return math.ceil(tokens / size)


def step(*, order=None, room=True, limit=True, charge=True, begins=None, stop="break",
         pages=None, cut=True, zero=False, writes="1"):  # fmt: skip
    """Return a plan with a mistake in it."""

    def plan(running, waiting, free_pages, budget, page_size):
        made = {}
        singles = [row for row in running if row.left == 1]
        prompts = [row for row in running if row.left != 1]
        rows = (order or (lambda s, p, w: s + p + w))(singles, prompts, list(waiting))
        for row in rows:
            places = held(row.computed, page_size) * page_size - row.computed
            limits = [row.left] + [budget] * limit
            limits += [places + free_pages * page_size] * room
            size = min(limits)
            if size < row.left and not cut:
                size = 0
            if size > 0 or zero:
                made[row.id] = size
            if size <= 0:
                if stop == "break":
                    break
                continue
            new = held(row.computed + size, page_size) - held(row.computed, page_size)
            if row in singles and begins is not None:
                new = begins
            elif pages is not None:
                new = pages(row, size, page_size)
            free_pages -= new
            budget -= size if charge else 0
        return made

    return plan


def two_loops(running, waiting, free_pages, budget, page_size):
    """Stop at a running prompt that gets nothing, and go on to those that wait."""
    plan = {row.id: 1 for row in running if row.left == 1}
    left = budget - len(plan)
    free = free_pages - sum(r.id in plan and r.computed % page_size == 0
                            for r in running)  # fmt: skip
    for rows in (running, waiting):
        for row in rows:
            if row.id in plan:
                continue
            size = right.chunk_by_min(row.left, row.computed, free, left, page_size)
            if not size:
                break
            plan[row.id] = size
            left -= size
            free -= held(row.computed + size, page_size) - held(row.computed, page_size)
    return plan


def in_list_order(running, waiting, free_pages, budget, page_size):
    """Spend the budget on whoever stands first."""
    plan = {}
    for row in [*running, *waiting]:
        size = right.chunk_by_min(row.left, row.computed, free_pages, budget, page_size)
        if not size:
            break
        plan[row.id] = size
        budget -= size
        free_pages -= held(row.computed + size, page_size) - held(
            row.computed, page_size
        )
    return plan


def by_tokens(running, waiting, free_pages, budget, page_size):
    """Take row.tokens for what is left."""
    rows = [row for row in running if row.left == 1]
    rows += [row for row in running if row.left > 1]
    plan = {}
    for row in rows + list(waiting):
        left = row.tokens if row.left > 1 else 1
        size = right.chunk_by_min(left, row.computed, free_pages, budget, page_size)
        if not size:
            break
        plan[row.id] = size
        budget -= size
        free_pages -= held(row.computed + size, page_size) - held(
            row.computed, page_size
        )
    return plan


def as_pairs(*given):
    return list(right.plan_by_chunks(*given).items())


def as_floats(*given):
    return {name: float(size) for name, size in right.plan_by_chunks(*given).items()}


def by_rows(running, waiting, *limits):
    plan = right.plan_by_chunks(running, waiting, *limits)
    return {row: plan[row.id] for row in [*running, *waiting] if row.id in plan}


def changes_rows(running, waiting, free_pages, budget, page_size):
    plan = {}
    rows = [row for row in running if row.left == 1]
    rows += [row for row in running if row.left > 1]
    for row in rows + waiting:
        size = right.chunk_by_min(row.left, row.computed, free_pages, budget, page_size)
        if not size:
            break
        free_pages -= held(row.computed + size, page_size)
        free_pages += held(row.computed, page_size)
        budget -= size
        row.computed += size
        plan[row.id] = size
    return plan


def takes_out(running, waiting, free_pages, budget, page_size):
    plan = right.plan_by_chunks(running, waiting, free_pages, budget, page_size)
    while waiting and waiting[0].id in plan:
        waiting.pop(0)
    return plan


PLANS = {
    "prompts first": (step(order=lambda s, p, w: p + w + s), "before any prompt"),
    "list order": (in_list_order, "before any prompt"),
    "skips the head": (step(stop="continue"), "nobody passes by"),
    "two loops": (two_loops, "nobody passes by"),
    "no pages": (step(room=False), "needs places"),
    "overruns": (step(limit=False), "cut the last one"),
    "never charged": (step(charge=False), "lower the budget by each chunk"),
    "free pages stay": (step(pages=lambda row, n, size: 0), "lower free_pages"),
    "whole prompts": (step(cut=False), "may be cut"),
    "zero": (step(zero=True), "is left out"),
    "page of a decode": (step(begins=0), "a single token takes a page, too"),
    "page for each": (step(begins=1), "only where its computed tokens fill"),
    "own pages": (
        step(pages=lambda row, n, size: held(n, size)),
        "first fills the last page",
    ),
    "pages twice": (
        step(pages=lambda row, n, size: held(row.computed + n, size)),
        "only more ones count",
    ),
    "waiting first": (step(order=lambda s, p, w: s + w + p), "prompts that run go"),
    "shortest": (
        step(order=lambda s, p, w: s + sorted(p + w, key=lambda row: row.left)),
        "sorted by size",
    ),
    "nobody new": (step(order=lambda s, p, w: s + p), "those that wait are missing"),
    "decodes only": (step(order=lambda s, p, w: s), "single tokens alone"),
    "one prompt": (
        step(order=lambda s, p, w: s + (p + w)[:1]),
        "several prompts",
    ),
    "tokens": (by_tokens, "row.left are those to compute"),
    "pairs": (as_pairs, "return a dict"),
    "floats": (as_floats, "keeps whole numbers"),
    "rows": (by_rows, "the keys are ids"),
    "rows changed": (changes_rows, "read only"),
    "nothing": (lambda *given: {}, "single tokens first"),
}


def victims(*, line=lambda rows: rows[:0:-1], gain=None, lower=None, stop="<=",
            refuse=True):  # fmt: skip
    """Return a preemption with a mistake in it."""

    def preempt(running, needed, free_pages, page_size):
        gone = []
        for row in line(list(running)):
            enough = needed < free_pages if stop == "<" else needed <= free_pages
            if enough and stop != "never":
                break
            gone.append(row.id)
            free_pages += row.pages if gain is None else gain(row, page_size)
            full = row.computed % page_size == 0
            needed -= full if lower is None else lower(full)
        if refuse and needed > free_pages:
            raise ValueError("not enough")
        return gone, free_pages

    return preempt


def oldest_stays_last(running, needed, free_pages, page_size):
    """Take the rows from the front, the first one left alone."""
    return victims(line=lambda rows: rows[1:])(running, needed, free_pages, page_size)


def largest_first(running, needed, free_pages, page_size):
    young = sorted(running[1:], key=lambda row: row.pages, reverse=True)
    return victims(line=lambda rows: young)(running, needed, free_pages, page_size)


def runs_empty(running, needed, free_pages, page_size):
    left, gone = list(running), []
    while needed > free_pages:
        row = left.pop()
        gone.append(row.id)
        free_pages += row.pages
        needed -= row.computed % page_size == 0
    return gone, free_pages


def told_as_none(running, needed, free_pages, page_size):
    try:
        return right.preempt_by_loop(running, needed, free_pages, page_size)
    except ValueError:
        return [], free_pages


def pops(running, needed, free_pages, page_size):
    gone = []
    while needed > free_pages and len(running) > 1:
        row = running.pop()
        gone.append(row.id)
        free_pages += row.pages
        needed -= row.computed % page_size == 0
    if needed > free_pages:
        raise ValueError("not enough")
    return gone, free_pages


VICTIMS = {
    "oldest first": (victims(line=list), "the youngest goes first"),
    "from the front": (oldest_stays_last, "the youngest goes first"),
    "oldest too": (victims(line=lambda rows: rows[::-1]), "the oldest never goes"),
    "too many": (victims(stop="never"), "all but the oldest do"),
    "one more": (victims(stop="<"), "as soon as it is enough"),
    "tokens": (victims(gain=lambda row, size: row.computed), "not its tokens"),
    "by its tokens": (
        victims(gain=lambda row, size: held(row.computed, size)),
        "shares",
    ),
    "needed stays": (victims(lower=lambda full: 0), "needs no next page"),
    "needed falls": (victims(lower=lambda full: 1), "the others needed none"),
    "largest": (largest_first, "not who holds many"),
    "never refused": (victims(refuse=False), "raise ValueError"),
    "runs empty": (runs_empty, "the oldest never goes"),
    "none": (told_as_none, "raise ValueError"),
    "sorted": (
        lambda *given: (sorted(right.preempt_by_loop(*given)[0]),
                        right.preempt_by_loop(*given)[1]),
        "in the order in which they go",
    ),
    "ids": (
        lambda running, *rest: right.preempt_by_loop(
            sorted(running, key=lambda row: row.id), *rest),
        "an id does not",
    ),
    "rows": (
        lambda running, *rest: (
            [row for row in running[::-1]
             if row.id in right.preempt_by_loop(running, *rest)[0]],
            right.preempt_by_loop(running, *rest)[1]),
        "row.id",
    ),
    "victims alone": (
        lambda *given: right.preempt_by_loop(*given)[0],
        "how many pages are free",
    ),
}  # fmt: skip


def pads_in_place(prompts, pad):
    for prompt in prompts:
        while len(prompt) < max(map(len, prompts)):
            prompt.insert(0, pad)
    return right.pad_by_lists(prompts, pad)


def sorts_in_place(lengths, batch):
    lengths.sort()
    return right.static_by_loop(lengths, batch)


def eats_arrivals(arrivals, max_batch, max_wait):
    groups = right.dynamic_by_loop(arrivals, max_batch, max_wait)
    arrivals.clear()
    return groups
