"""What a plan must keep, whoever made it: else one sentence says what went wrong.

A learner's plan decides who gets on, so a mistake in it shows as a request that never
ends, a page written twice or a memory that fills up, long after the step that caused
it. Here it shows at once.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from llmlab.batching.plans import Rows, more_pages
from llmlab.core.arguments import is_whole, shown


def check_plan(
    plan: Any, running: Rows, waiting: Rows, free_pages: int, budget: int, size: int
) -> dict[int, int]:
    """Return a plan that keeps the rules; ValueError says which one it breaks.

    The arguments are those that the plan was made from, `size` the page size.
    """
    if not isinstance(plan, Mapping):
        raise _wrong(
            f"is {shown(plan)}", "return a dict from a request's id to its tokens"
        )
    rows = {row.id: row for row in (*running, *waiting)}
    for name, tokens in plan.items():
        if name not in rows:
            raise _wrong(
                f"names request {shown(name)}", "choose among running and waiting"
            )
        if not is_whole(tokens) or not 1 <= tokens <= rows[name].left:
            raise _wrong(
                f"gives request {name} {shown(tokens)} tokens, and it has "
                f"{rows[name].left} left",
                "give an int from 1 to what is left, or leave it out",
            )
    _check_budget(plan, rows, free_pages, budget, size)
    _check_turns(plan, running, waiting)
    _check_progress(plan, running, waiting, free_pages, budget, size)
    return {int(name): int(tokens) for name, tokens in plan.items()}


def _check_budget(plan: Mapping, rows: dict, free: int, budget: int, size: int) -> None:
    total = sum(plan.values())
    if total > budget:
        raise _wrong(
            f"overruns its budget: {total} tokens of {budget}",
            "cut the last chunk to what remains",
        )
    pages = sum(more_pages(rows[n].computed, plan[n], size) for n in plan)
    if pages > free:
        raise _wrong(
            f"takes {pages} pages and {free} are free",
            f"count a page for each {size} tokens that a request goes beyond its last",
        )


def _check_turns(plan: Mapping, running: Rows, waiting: Rows) -> None:
    """Nobody who writes is left out, and nobody who waits is passed by."""
    for row in running:
        if row.left == 1 and row.id not in plan:
            raise _wrong(
                f"starves request {row.id}, which has one token left to compute",
                "give every running request with one token left its token first",
            )
    left_out = None
    for row in waiting:
        if row.id not in plan:
            left_out = row.id if left_out is None else left_out
        elif left_out is not None:
            raise _wrong(
                f"takes request {row.id} before {left_out}, whose turn it is",
                "stop at the first one that gets nothing",
            )


def _check_progress(
    plan: Mapping, running: Rows, waiting: Rows, free: int, budget: int, size: int
) -> None:
    """The oldest gets on in every step; where nobody runs, the first in the queue."""
    first = next(iter(running or waiting), None)
    if first is None or first.id in plan:
        return
    raise _wrong(
        f"starves request {first.id}, the oldest, which has {first.left} tokens left, "
        f"with a budget of {budget} tokens and {free} free pages of {size}",
        "after the single tokens, begin with the first prompt",
    )


def check_victims(
    answer: Any, running: Rows, needed: int, free_pages: int, size: int
) -> list[int]:
    """Return who is put aside, if that is right; ValueError says what is not."""
    try:
        victims, free = answer
        several = itertools.islice(victims, len(running) + 1)
        victims, free = [int(name) for name in several], int(free)
    except (TypeError, ValueError, OverflowError):
        raise _wrong_victims(
            f"returned {shown(answer)}", "return (victims, free): a list and a number"
        ) from None
    youngest = [row.id for row in reversed(running[1:])][: len(victims)]
    if running and running[0].id in victims:
        raise _wrong_victims(
            f"puts request {running[0].id} aside, the oldest", "never choose it"
        )
    if victims != youngest:
        raise _wrong_victims(f"chose {victims}", f"the youngest first are {youngest}")
    gone = [row for row in running if row.id in victims]
    true_free = free_pages + sum(row.pages for row in gone)
    if free != true_free:
        raise _wrong_victims(
            f"leaks: it says that {free} pages are free then, and {true_free} are",
            "add the pages of those that go, and nothing else",
        )
    needed -= sum(more_pages(row.computed, 1, size) for row in gone)
    if needed > free:
        raise _wrong_victims(
            f"frees {free} pages where {needed} are needed", "go on until it is enough"
        )
    return victims


def _wrong(fault: str, way: str) -> ValueError:
    return ValueError(f"plan_step {fault}; {way}.")


def _wrong_victims(fault: str, way: str) -> ValueError:
    return ValueError(f"preempt {fault}; {way}.")
