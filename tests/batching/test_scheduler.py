"""The scheduler alone, on random traces: numbers only, so thousands of them are quick.

A trace says who comes when, how long its prompt is and how much it writes, where it
stops early and who is cancelled. The driver plays it and looks after each step whether
what the scheduler promises is so.
"""

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.batching import orders, plans
from llmlab.batching.invariants import check_plan
from llmlab.batching.plans import Row
from llmlab.batching.scheduler import Scheduler

PAGE_SIZES = st.sampled_from([1, 2, 4, 7, 16])


@st.composite
def traces(draw):
    """Return a scheduler's sizes and who comes: (step, tokens, writes, stops, ends)."""
    size, seats = draw(PAGE_SIZES), draw(st.integers(1, 6))
    pages = draw(st.integers(2, 12))
    budget = draw(st.one_of(st.none(), st.integers(seats, seats + 20)))
    limit = pages * size + 1  # tokens that fit, with the one that is never computed
    comers = []
    for _ in range(draw(st.integers(1, 12))):
        tokens = draw(st.integers(1, limit - 1))
        most = draw(st.integers(1, min(limit - tokens, 12)))
        stops = draw(st.one_of(st.none(), st.integers(1, most)))
        cancelled = draw(st.one_of(st.none(), st.none(), st.integers(0, 30)))
        comers.append((draw(st.integers(0, 25)), tokens, most, stops, cancelled))
    comers.sort(key=lambda comer: comer[0])
    return {
        "pages": pages, "page_size": size, "max_running": seats, "budget": budget,
    }, comers  # fmt: skip


def played(sizes, comers, **parts):
    """Play a trace to its end; return who ended when, and in which order they began."""
    scheduler = Scheduler(**sizes, **parts)
    waits, first, ended, cancelled = {}, [], {}, set()
    written, step, comers = {}, 0, list(enumerate(comers))
    submitted, most = {}, {}
    while comers or scheduler.running or scheduler.waiting:
        while comers and comers[0][1][0] <= step:
            name, (_, tokens, writes, _, _) = at = comers.pop(0)
            scheduler.submit(name, tokens, writes, arrival=step)
            submitted[name], most[name] = at[1], tokens + writes
        for name, comer in submitted.items():
            if comer[4] == step and name not in ended and name not in cancelled:
                free, held = scheduler.free_pages, pages_of(scheduler, name)
                assert scheduler.cancel(name)
                assert scheduler.free_pages == free + held, "freed at once"
                cancelled.add(name)
        before = {row.id: row for row in scheduler.running}
        plan = scheduler.plan(now=step)
        look(scheduler, plan, before)
        waits = {
            row.id: waits.get(row.id, 0) + 1
            for row in before.values()
            if row.left == 1 and row.id not in plan.tokens
        }
        assert max(waits.values(), default=0) <= 1, "nobody who writes is left out"
        stopped = []
        for name, tokens in plan.tokens.items():
            (row,) = (row for row in scheduler.running if row.id == name)
            if tokens == row.left:
                written[name] = written.get(name, 0) + 1
                first += [] if name in first else [name]
                if submitted[name][3] == written[name]:
                    stopped.append(name)
        for name in scheduler.done(plan.tokens, stopped):
            ended[name] = step
        both = len(scheduler.running) + len(scheduler.waiting)
        assert both + len(ended) + len(cancelled) == len(submitted)
        step += 1
        assert step < 5000, "every request ends"
    assert scheduler.free_pages == scheduler.pages
    for name, (_, _, writes, stops, _) in submitted.items():
        if name in ended:
            assert written[name] == (stops or writes)
    return ended, first, cancelled


def pages_of(scheduler, name):
    return sum(row.pages for row in scheduler.running if row.id == name)


def look(scheduler, plan, before):
    """Say that a plan keeps its budgets and never puts the oldest aside."""
    total, size = sum(plan.tokens.values()), scheduler.page_size
    assert scheduler.budget is None or total <= scheduler.budget
    assert len(scheduler.running) <= scheduler.max_running
    rows = {row.id: row for row in scheduler.running}
    pages = sum(plans.more_pages(rows[n].computed, t, size)
                for n, t in plan.tokens.items())  # fmt: skip
    assert pages <= scheduler.free_pages
    assert all(1 <= tokens <= rows[name].left for name, tokens in plan.tokens.items())
    if before:
        assert min(before) not in plan.victims
        assert min(before) in plan.tokens, "the oldest always gets on"
    assert bool(plan.tokens) == bool(scheduler.running)


def check_every_promise(trace, **parts):
    sizes, comers = trace
    ended, _, cancelled = played(sizes, comers, **parts)
    assert ended.keys() | cancelled == set(range(len(comers)))


@given(trace=traces())
@settings(max_examples=300)
def test_a_random_trace_keeps_every_promise(trace):
    check_every_promise(trace)


@pytest.mark.release
@pytest.mark.timeout(1800)
@given(trace=traces())
@settings(max_examples=10_000)
def test_ten_thousand_random_traces_keep_every_promise(trace):
    check_every_promise(trace)


ORDERS = {
    "shortest": orders.shortest,
    "by priority": orders.by_priority,
    "aging": orders.aging(orders.shortest, seconds=5),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@given(trace=traces())
@settings(max_examples=60)
def test_every_request_ends_in_any_order(trace, order):
    check_every_promise(trace, order=order)


@given(trace=traces())
@settings(max_examples=100)
def test_equal_prompts_are_answered_in_the_order_of_arrival(trace):
    sizes, comers = trace
    tokens = min(comer[1] for comer in comers)
    equal = [(at, tokens, most, None, None) for at, _, most, _, _ in comers]
    _, first, _ = played(sizes, equal)
    assert first == sorted(first)


def test_a_step_by_hand():
    """Two that write, one whose prompt is half read, two that wait; pages of 4."""
    running = [Row(1, 9, 8, 2), Row(2, 7, 6, 2), Row(3, 30, 12, 3)]
    waiting = [Row(4, 5), Row(5, 3)]
    assert plans.plan_step(running, waiting, 9, 26, 4) == {
        1: 1,
        2: 1,
        3: 18,
        4: 5,
        5: 1,
    }
    assert plans.plan_step(running, waiting, 6, 26, 4) == {1: 1, 2: 1, 3: 18}
    assert plans.plan_step(running, waiting, 3, 26, 4) == {1: 1, 2: 1, 3: 8}
    assert plans.plan_step(running, waiting, 9, 10, 4) == {1: 1, 2: 1, 3: 8}


def test_who_goes_by_hand():
    running = [Row(1, 9, 8, 2), Row(2, 8, 7, 2), Row(3, 5, 4, 1), Row(4, 2, 1, 1)]
    assert plans.preempt(running, 2, 0, 4) == ([4, 3], 2)  # 3 needs no page any more
    assert plans.preempt(running, 2, 2, 4) == ([], 2)
    with pytest.raises(ValueError, match="needed=1 pages and 0 are free"):
        plans.preempt(running[:1], 1, 0, 4)


def starves(running, waiting, free_pages, budget, page_size):
    """Prompts before those that write."""
    chunks = {row.id: 2 for row in (*running, *waiting) if row.left > 1}
    return chunks or {row.id: 1 for row in running}


def passes_by(running, waiting, free_pages, budget, page_size):
    right = plans.plan_step(running, waiting, free_pages, budget, page_size)
    return {n: t for n, t in right.items() if not waiting or n != waiting[0].id}


def overruns(running, waiting, free_pages, budget, page_size):
    return {row.id: row.left for row in (*running, *waiting)}


def leaves_empty(running, waiting, free_pages, budget, page_size):
    return {}


def no_dict(running, waiting, free_pages, budget, page_size):
    return [row.id for row in running]


def nothing_for_some(running, waiting, free_pages, budget, page_size):
    right = plans.plan_step(running, waiting, free_pages, budget, page_size)
    return right | {row.id: 0 for row in waiting if row.id not in right}


def somebody_else(running, waiting, free_pages, budget, page_size):
    return {99: 1}


BAD_PLANS = {
    starves: "starves request 0, which has one token left",
    passes_by: "takes request 1 before 0, whose turn it is",
    overruns: "overruns its budget: 34 tokens of 16",
    leaves_empty: "starves request 0, the oldest, which has 10 tokens left",
    no_dict: "plan_step is .*; return a dict",
    nothing_for_some: "gives request 2 0 tokens, and it has 14 left",
    somebody_else: "names request 99; choose among running and waiting",
}


@pytest.mark.parametrize("plan", BAD_PLANS, ids=lambda plan: plan.__name__)
def test_a_plan_that_breaks_a_rule_is_refused_in_one_sentence(plan):
    scheduler = Scheduler(pages=20, page_size=4, budget=16, plan=plan)
    for name, tokens in enumerate((10, 10, 14)):
        scheduler.submit(name, tokens, 5)
    with pytest.raises(ValueError, match=BAD_PLANS[plan]) as caught:
        for _ in range(20):
            scheduler.done(scheduler.plan().tokens)
    assert str(caught.value).startswith("plan_step ")


def test_a_plan_that_takes_pages_it_has_not_is_refused():
    running = [Row(1, 9, 8, 2), Row(2, 12, 3, 1)]
    right = {1: 1, 2: 5}
    assert check_plan(right, running, [], 2, 9, 4) == right
    with pytest.raises(ValueError, match="takes 3 pages and 2 are free; count a page"):
        check_plan({1: 1, 2: 6}, running, [], 2, 9, 4)


BAD_VICTIMS = {
    "the oldest first": (lambda r, n, f, s: ([r[0].id], f + r[0].pages), "the oldest"),
    "not the youngest": (lambda r, n, f, s: ([r[1].id], f + r[1].pages), "youngest"),
    "too few": (lambda r, n, f, s: ([], f), "go on until it is enough"),
    "leaks": (lambda r, n, f, s: ([r[-1].id], f), "leaks: it says that 0 pages"),
    "no pair": (lambda r, n, f, s: None, "return .victims, free."),
}


@pytest.mark.parametrize("word", BAD_VICTIMS)
def test_who_goes_is_checked_too(word):
    part, told = BAD_VICTIMS[word]
    scheduler = Scheduler(pages=6, page_size=2, budget=9, preempt=part)
    for name in range(3):
        scheduler.submit(name, 2, 6)
    with pytest.raises(ValueError, match=told):
        for _ in range(12):
            scheduler.done(scheduler.plan().tokens)


def test_a_request_that_can_never_fit_is_refused_at_the_door():
    scheduler = Scheduler(pages=4, page_size=4)
    scheduler.submit(0, 10, 7)
    with pytest.raises(ValueError, match="max_tokens=8 after a prompt of 10 takes 5"):
        scheduler.submit(1, 10, 8)
    with pytest.raises(ValueError, match=r"budget=3 .*at least 8"):
        Scheduler(pages=4, budget=3)


def test_shortest_first_lets_a_long_one_wait_and_aging_ends_it():
    waits = {}
    for word in ("shortest", "aging"):
        scheduler = Scheduler(
            pages=20, page_size=4, max_running=1, budget=64, order=ORDERS[word]
        )
        scheduler.submit(0, 30, 5)
        for step in range(40):
            scheduler.submit(1 + step, 2, 1, arrival=step)
            plan = scheduler.plan(now=step)
            if 0 in plan.tokens:
                break
            scheduler.done(plan.tokens)
        waits[word] = step
    assert waits == {"shortest": 39, "aging": 5}


def test_who_plans_knows_numbers_only():
    """The scheduler and its parts import no torch, and nothing that does."""
    folder = Path(plans.__file__).parent
    for word in ("scheduler", "plans", "orders", "invariants"):
        tree = ast.parse((folder / f"{word}.py").read_text())
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = {f"{node.module}" for node in froms if node.module.startswith("llmlab")}
        assert ours <= {
            "llmlab.batching", "llmlab.core", "llmlab.core.arguments",
            "llmlab.batching.orders", "llmlab.batching.plans",
        }  # fmt: skip
        assert "torch" not in {node.module for node in froms}


def test_a_part_may_take_its_lists_apart():
    def takes(running, waiting, free_pages, budget, page_size):
        plan = plans.plan_step(running, waiting, free_pages, budget, page_size)
        running.clear()
        waiting.clear()
        return plan

    scheduler = Scheduler(pages=9, page_size=4, plan=takes)
    scheduler.submit(0, 5, 3)
    for _ in range(3):
        scheduler.done(scheduler.plan().tokens)
    assert not scheduler.running and not scheduler.waiting
