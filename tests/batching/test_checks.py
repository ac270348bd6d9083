"""The checks of lab 08 let right answers pass, and name what is wrong in wrong ones.

What they let pass serves the rest of the lab; a wrong plan in an engine does no harm.
"""

import itertools
import random
import re

import pytest
from batching import alone, wrong_plans
from batching.right_answers import RIGHT
from batching.wrong_answers import CHANGING, WRONG
from checks import factory
from small_models import model

from llmlab import caching
from llmlab.batching import Engine, Pages
from llmlab.batching.invariants import check_victims
from llmlab.checks import batching as check
from llmlab.checks.calls import Outcome
from llmlab.checks.shown import Written
from llmlab.grading import messages

globals().update(factory.tests(check, RIGHT, factory.by_name(check, WRONG)))

STEPS = 1500  # more than any of these traces takes


@pytest.mark.parametrize(("exercise", "parameter", "answer"), CHANGING)
def test_an_argument_that_is_changed_is_named(exercise, parameter, answer):
    text = factory.message(getattr(check, exercise), answer)
    factory.three_lines(text)
    assert f"{exercise} leaves {parameter} as it was" in text


def test_a_plan_that_calls_a_wrong_chunk_size_is_judged_by_what_it_does():
    def plan_step(running, waiting, free_pages, budget, page_size):
        rows = [row for row in running if row.left == 1]
        rows += [row for row in running if row.left > 1]
        plan = {}
        for row in rows + waiting:
            size = chunk_size(row.left, row.computed, free_pages, budget, page_size)
            if not size:
                break
            plan[row.id] = size
            taken = -(-(row.computed + size) // page_size)
            free_pages -= taken - -(-row.computed // page_size)
            budget -= size
        return plan

    chunk_size = RIGHT["chunk_size"][0]
    check.plan_step(plan_step)
    chunk_size = WRONG["chunk_size"]["no budget"][0]
    assert "the budget limits" in factory.message(check.plan_step, plan_step)


def test_a_row_is_shown_as_it_is_made():
    row = check.Row(3, tokens=9, computed=8)
    assert repr(row) == "Row(3, tokens=9, computed=8)"
    assert repr(check.Row(0, 5)) == "Row(0, tokens=5)"
    assert eval(repr(row), {"Row": check.Row}) == row


def test_a_plan_is_shown_alike_by_the_grader():
    sent = messages.of_outcome(Outcome((Written("{1: 1}"),)))
    (value,) = messages.outcome_of(sent, ("right",)).values
    assert value == "{1: 1}" and repr(value) == "{1: 1}"


def trace(seed):
    """Return requests, and how many pages of four tokens: at times too few for all."""
    rng = random.Random(seed)
    tight = seed % 2
    most = alone.LONGEST if tight else None
    count, longest = rng.randint(4, 6), 7 if tight else 30
    requests = alone.requests(rng, count=count, longest=longest, most=most)
    least = max(-(-(len(one.prompt) + one.max_tokens) // 4) for one in requests)
    return requests, least + (1 if tight else 6), rng


def served(seed, **parts):
    """Return an engine that has served a trace, with tokens like the plain loop's.

    Raises whatever the parts make of it.
    """
    requests, count, rng = trace(seed)
    memory = Pages(model("decoder"), caching.PagePool(
        model("decoder"), pages=count, page_size=4))  # fmt: skip
    engine = Engine(
        model("decoder"),
        memory=memory,
        max_running=4,
        budget=rng.choice([4, 6, 11]),
        **parts,
    )
    names, tokens, waiting = {}, {}, [*requests]
    for _ in range(STEPS):
        if waiting and (rng.random() < 0.5 or not engine.busy):
            request = waiting.pop(0)
            names[engine.submit(request)] = request
        for event in engine.step():
            tokens.setdefault(event.request, [])
            if event.token is not None:
                tokens[event.request].append(event.token)
        if not waiting and not engine.busy:
            break
    assert not engine.busy, "every request ends"
    assert engine.scheduler.free_pages == engine.scheduler.pages, "no page is lost"
    for name, request in names.items():
        assert tokens[name] == alone.answer("decoder", request)[0]
    return engine


@pytest.mark.parametrize("plan", RIGHT["plan_step"], ids=lambda one: one.__name__)
def test_what_the_check_of_a_plan_accepts_serves_requests(plan):
    calls = []

    def counted(*given):
        calls.append(1)
        return plan(*given)

    engines = [served(seed, plan=counted) for seed in range(4)]
    assert len(calls) >= sum(one.stats.steps for one in engines) > 40


@pytest.mark.parametrize("preempt", RIGHT["preempt"], ids=lambda one: one.__name__)
def test_what_the_check_of_a_preemption_accepts_serves_requests(preempt):
    engines = [served(seed, preempt=preempt) for seed in (1, 3, 5)]
    assert sum(one.stats.preemptions for one in engines) > 2


WRONG_PARTS = [
    *(("plan", what, part) for what, (part, _) in wrong_plans.PLANS.items()),
    *(("preempt", what, part) for what, (part, _) in wrong_plans.VICTIMS.items()),
]


@pytest.mark.parametrize(
    ("part", "what", "answer"), WRONG_PARTS, ids=[f"{p}-{w}" for p, w, _ in WRONG_PARTS]
)
def test_a_wrong_plan_is_refused_in_a_sentence_or_does_no_harm(part, what, answer):
    """Tokens are the plain loop's, or it is said what is wrong."""
    for seed in range(8):
        try:
            served(seed, **{part: answer})
        except (ValueError, AttributeError, IndexError) as error:
            text = str(error)
            names = {"plan": "plan_step ", "preempt": "preempt "}[part]
            told = text.startswith(names) and text.endswith(".") and "; " in text
            learners = text in ("can't set attribute", "not enough") or (
                "pages are needed" in text or "pop from empty" in text)  # fmt: skip
            assert told or learners, text


ODD = {  # what a preemption may give back, and a word of what is said
    "infinity": (lambda *_: ([1], float("inf")), "return (victims, free)"),
    "endless": (lambda *_: (itertools.repeat(1), 3), "the youngest first are"),
    "twice": (lambda running, *_: ([running[-1].id] * 2, 3), "the youngest first are"),
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_preemption_is_refused_before_anybody_goes(what):
    answer, word = ODD[what]
    rows = [check.Row(0, 9, 8, 2), check.Row(1, 9, 8, 2)]
    with pytest.raises(ValueError, match=re.escape(word)) as refused:
        check_victims(answer(rows), rows, 2, 0, 4)
    assert "0" not in str(refused.value).partition("first are")[2], "never the oldest"
