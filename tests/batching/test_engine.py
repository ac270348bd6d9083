"""The engine on random traces: every answer is that of the plain loop, to the token.

In float64, with preemption, cancels, prefixes, stops, full pools and odd lengths; what
is free and not yet given to anybody is NaN, so that nothing stale can help.
"""

import random
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from batching import alone
from interrupts import before_line
from small_models import CONTEXT, VOCABULARY, model

from llmlab import batching, caching
from llmlab.batching import Engine, Pages, Request, Slots, orders, plans

PAGE = 4
ROOM = str(Path(batching.__file__).parent)
MENDING = ("_mend", "mend")  # a second Ctrl-C within is for another day


def pages(name, count, *, prefixes=True):
    """Return memory on a pool whose free pages hold NaN."""
    pool = caching.PagePool(model(name), pages=count, page_size=PAGE)
    for memory in pool.layers:
        memory[PAGE:] = float("nan")  # page 0 is the null page
    tree = caching.PrefixTree(pool) if prefixes else None
    return Pages(model(name), pool, prefixes=tree)


def spoil(memory):
    """Let what is free be NaN, as it was before anybody took it."""
    free = torch.tensor(memory.pool.free, dtype=torch.int64)
    for layer in memory.pool.layers:
        layer.view(-1, PAGE, *layer.shape[1:])[free] = float("nan")


def serve(engine, requests, *, rng, cancelled=()):
    """Serve requests that come in between; return tokens and reasons by request."""
    waiting = list(enumerate(requests))
    names, tokens, reasons = {}, {}, {}
    for _ in range(3000):
        while waiting and (rng.random() < 0.4 or not engine.busy):
            place, request = waiting.pop(0)
            names[engine.submit(request)] = place
            tokens[place] = []
        for event in engine.step():
            place = names[event.request]
            if event.token is not None:
                tokens[place].append(event.token)
            if event.reason is not None:
                reasons[place] = event.reason
        for name, place in names.items():
            if place in cancelled and rng.random() < 0.2:
                engine.cancel(name)
        check_ledger(engine)
        if hasattr(engine.memory, "pool") and rng.random() < 0.2:
            spoil(engine.memory)
        if not waiting and not engine.busy:
            return tokens, reasons
    raise AssertionError("some request does not end")


def check_ledger(engine):
    """Say that the scheduler's numbers are the pool's, and the tree in nobody's way.

    What no running request holds is free, or the tree can give it back: nothing below
    it is held.
    """
    memory, scheduler = engine.memory, engine.scheduler
    if isinstance(memory, Pages):
        held = {page for name in memory.names() for page in memory._table(name)}
        assert scheduler.free_pages == scheduler.pages - len(held)
        for tree in memory.prefixes.roots.values() if memory.prefixes else ():
            assert not any(stuck(node, held) for node in tree.values())


def stuck(node, held):
    """Say whether a page that nobody holds stands above one that somebody does."""
    page, tree = node
    below = any(stuck(one, held) for one in tree.values())
    return below or (page not in held and any(one[0] in held for one in tree.values()))


def check_answers(name, requests, tokens, reasons):
    for place, request in enumerate(requests):
        right, reason = alone.answer(name, request)
        if reasons[place] == "cancelled":
            assert tokens[place] == right[: len(tokens[place])]
        else:
            assert (tokens[place], reasons[place]) == (right, reason), place


def nothing_left(engine):
    """Say that every page is free again, once the tree has given back its pages."""
    memory = engine.memory
    assert not engine.requests and not memory.names()
    assert engine.scheduler.free_pages == engine.scheduler.pages
    if isinstance(memory, Pages):
        if memory.prefixes is not None:
            memory.prefixes.clear()
        assert sorted(memory.pool.free) == list(range(1, memory.pages + 1))
    else:
        assert not memory.cache.lengths.any()


def one_trace(seed, name="decoder"):
    """Serve a random trace in random sizes; return the engine that did."""
    rng = random.Random(seed)
    tight = rng.random() < 0.4  # all grow at once, and the pool does not
    most = alone.LONGEST if tight else None
    requests = alone.requests(
        rng, count=rng.randint(2, 7), longest=5 if tight else 40, most=most
    )
    longest = max(len(one.prompt) + one.max_tokens for one in requests)
    least = -(-longest // PAGE)
    more = rng.choice([0, 1, 3] if tight else [0, 1, 3, 12])
    memory = pages(name, least + more, prefixes=rng.random() < 0.6)
    seats = rng.choice([1, 3, 5])
    budget = rng.choice([None, seats, seats + 1, 9 + seats, 40])
    order = rng.choice([orders.first_come, orders.shortest])
    engine = Engine(
        model(name), memory=memory, max_running=seats, budget=budget, order=order
    )
    cancelled = {place for place in range(len(requests)) if rng.random() < 0.15}
    found = serve(engine, requests, rng=rng, cancelled=cancelled)
    check_answers(name, requests, *found)
    nothing_left(engine)
    return engine


@pytest.mark.parametrize("part", range(10))
def test_200_random_traces_give_the_plain_loops_tokens(part):
    engines = [one_trace(seed) for seed in range(20 * part, 20 * part + 20)]
    assert any(engine.stats.preemptions for engine in engines)
    assert any(engine.memory.hits for engine in engines)


@pytest.mark.release
@pytest.mark.parametrize("part", range(10))
def test_1000_random_traces_give_the_plain_loops_tokens(part):
    for seed in range(1000 + 100 * part, 1100 + 100 * part):
        one_trace(seed)


@pytest.mark.parametrize("seed", range(6))
def test_a_window_on_pages_gives_the_plain_loops_tokens(seed):
    one_trace(seed, "decoder with a window")


@pytest.mark.parametrize("name", ["gpt2", "lstm", "gru", "bloom", "mamba", "decoder"])
def test_slots_serve_every_causal_model(name):
    for seed in range(3):
        rng = random.Random(seed)
        requests = alone.requests(rng, count=5, longest=12)
        seats = rng.randint(1, 3)
        memory = Slots(model(name), seats)
        engine = Engine(model(name), memory=memory, max_running=seats, budget=9)
        check_answers(name, requests, *serve(engine, requests, rng=rng, cancelled={1}))
        nothing_left(engine)


def test_slots_of_a_decoder_keep_padding_within_their_length():
    """A row near the end of its slot, beside a prompt that is longer than the rest."""
    requests = [
        Request(range(50), CONTEXT - 50), Request(range(40), 3), Request([3] * 60, 2),
    ]  # fmt: skip
    one = model("decoder")
    engine = Engine(one, memory=Slots(one, 2), max_running=2, budget=None)
    found = serve(engine, requests, rng=random.Random(1))
    check_answers("decoder", requests, *found)


def test_the_ends_of_what_is_possible():
    """A prompt of one page, of context - 1, one token; all end in one step."""
    requests = [
        Request(alone.prompt(random.Random(0), PAGE), 1),
        Request(alone.prompt(random.Random(1), CONTEXT - 1), 1),
        Request([7], 1),
        Request([7], CONTEXT - 1),
    ]
    engine = Engine(model("decoder"), memory=pages("decoder", 60), budget=None)
    check_answers("decoder", requests, *serve(engine, requests, rng=random.Random(0)))
    nothing_left(engine)


def test_a_stop_in_the_first_token_ends_an_answer_without_one():
    first = alone.answer("decoder", Request([5, 6], 3))[0][0]
    engine = Engine(model("decoder"))
    assert list(engine.run([Request([5, 6], 3, stop=[first])])) == [
        batching.Event(0, None, "stop")
    ]


def logits_beside(request, mates, *, seats=4):
    """Return the logits that a request's tokens were chosen from, beside others."""
    engine = Engine(model("decoder"), memory=pages("decoder", 90), max_running=seats)
    seen, run, name = [], engine.memory.run, engine.submit(request)

    def watched(names, tokens):
        logits = run(names, tokens)
        if name in names:
            seen.append(logits[names.index(name)].clone())
        return logits

    engine.memory.run = watched
    for mate in mates:
        engine.submit(mate)
    while name in engine.requests:
        engine.step()
    return torch.stack(seen)


def test_a_row_is_the_same_bit_for_bit_whoever_is_beside_it():
    """Float64; mates of other texts, and to rounding also of other lengths, or none.

    A product of another shape may add its terms in another order.
    """
    rng = random.Random(3)
    request = Request(alone.prompt(rng, 20), 10)

    def mates(*lengths):
        texts = [[rng.randrange(VOCABULARY) for _ in range(n)] for n in lengths]
        return [Request(text, 14, seed=rng.randrange(9)) for text in texts]

    first = logits_beside(request, mates(5, 9, 30))
    for _ in range(3):
        assert torch.equal(first, logits_beside(request, mates(5, 9, 30)))
    for others in (mates(30, 2, 17), mates(11), []):
        error = (logits_beside(request, others) - first).abs().max()
        assert error < 1e-12 * first.abs().max()


def test_who_begins_alike_computes_the_common_pages_once():
    memory = pages("decoder", 60)
    engine = Engine(model("decoder"), memory=memory, budget=None)
    prompt = list(range(30))
    for last in (1, 2, 3):
        found = list(engine.run([Request([*prompt, last], 2)]))
        right, _ = alone.answer("decoder", Request([*prompt, last], 2))
        assert [event.token for event in found] == right
    assert memory.hits == 2 * 28
    assert engine.stats.computed == 3 * (31 + 1) - 2 * 28


def test_two_that_run_share_their_beginning_in_a_pool_too_small_for_both():
    memory = pages("decoder", 10)
    engine = Engine(model("decoder"), memory=memory, budget=None)
    requests = [Request([*range(30), last], 6) for last in (1, 2)]
    names = [engine.submit(requests[0])]
    tokens = {0: [], 1: []}
    while engine.busy:
        for event in engine.step():
            tokens[event.request].append(event.token)
        if len(names) == 1:
            names.append(engine.submit(requests[1]))
    for place, request in enumerate(requests):
        assert tokens[place] == alone.answer("decoder", request)[0]
    nothing_left(engine)


def stumbler(fault, seed):
    """Return a hook that lets a call of the model fail, now and then."""
    rng = random.Random(seed)
    left = rng.randint(0, 12)

    def stumble(*_):
        nonlocal left
        left -= 1
        if left < 0 and rng.random() < 0.3:
            raise fault

    return stumble


FAULTS = [RuntimeError("no memory"), KeyboardInterrupt()]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("kind", ["pages", "slots"])
def test_a_fault_in_a_call_of_the_model_leaves_the_engine_usable(fault, kind):
    """Whether before, within or after the layers, and in any call."""
    for seed in range(12):
        rng = random.Random(seed)
        one = model("decoder")
        requests = alone.requests(rng, count=5)
        memory = pages("decoder", 26) if kind == "pages" else Slots(one, 3)
        engine = Engine(one, memory=memory, max_running=3, budget=7)
        names = [engine.submit(request) for request in requests]
        tokens, reasons = {name: [] for name in names}, {}
        place = rng.choice([one, one.layers[0].attention, one.layers[1].mlp, one.norm])
        interrupted = 0
        hook = place.register_forward_hook(stumbler(fault, seed))
        try:
            while engine.busy:
                try:
                    events = engine.step()
                except type(fault):
                    interrupted += 1
                    if interrupted == 4:
                        hook.remove()
                    continue
                for event in events:
                    if event.token is not None:
                        tokens[event.request].append(event.token)
                    reasons[event.request] = event.reason
        finally:
            hook.remove()
        check_answers("decoder", requests, tokens, reasons)
        nothing_left(engine)


@pytest.mark.parametrize("part", range(4))
def test_ctrl_c_at_any_line_of_a_step_loses_no_token_of_an_answer(part):
    """Wherever it strikes, the engine goes on; it may tell a token less or twice."""
    for seed in range(4 * part, 4 * part + 4):
        rng = random.Random(seed)
        requests = alone.requests(rng, count=4, longest=12)
        engine = Engine(
            model("decoder"), memory=pages("decoder", 16), max_running=3, budget=7
        )
        names = [engine.submit(request) for request in requests]
        texts = {name: engine.requests[name].text for name in names}
        reasons = {}
        while engine.busy:
            after = rng.choice([20, 100, 300, None])
            line = None if after is None else rng.randint(1, after)
            with before_line(line, of=ROOM, spared=MENDING):
                for event in engine.step():
                    reasons[event.request] = event.reason
        for name, request in zip(names, requests, strict=True):
            right, _ = alone.answer("decoder", request)
            assert texts[name][len(request.prompt) :] == right
        nothing_left(engine)


def test_a_row_without_numbers_ends_alone():
    one = model("decoder")
    engine = Engine(one, memory=pages("decoder", 60), budget=None)
    good, bad = Request([1, 2, 3], 5), Request([4, 5], 5, temperature=0.5)
    names = [engine.submit(good), engine.submit(bad)]
    run = engine.memory.run

    def spoilt(rows, tokens):
        logits = run(rows, tokens).clone()
        if names[1] in rows:
            logits[rows.index(names[1])] = float("nan")
        return logits

    engine.memory.run = spoilt
    events = []
    while engine.busy:
        events += engine.step()
    (error,) = [event for event in events if event.request == names[1]]
    assert error.reason == "error" and "the logits hold NaN" in error.error
    tokens = [event.token for event in events if event.request == names[0]]
    assert tokens == alone.answer("decoder", good)[0]
    nothing_left(engine)


def test_a_learners_plan_serves_a_trace():
    """With whole prompts only, youngest goes first, and the same tokens."""
    calls = []

    def plan_step(running, waiting, free_pages, budget, page_size):
        calls.append(len(running))
        plan = {row.id: 1 for row in running if row.tokens - row.computed == 1}
        free_pages -= sum(r.id in plan and r.computed % page_size == 0 for r in running)
        left = budget - len(plan)
        prompts = [row for row in running if row.id not in plan] + list(waiting)
        for row in prompts:
            room = free_pages * page_size + -row.computed % page_size
            chunk = min(left, row.tokens - row.computed, room)
            if not chunk:
                break
            plan[row.id] = chunk
            left -= chunk
            free_pages -= plans.more_pages(row.computed, chunk, page_size)
        return plan

    rng = random.Random(5)
    requests = alone.requests(rng, count=6)
    engine = Engine(model("decoder"), plan=plan_step, memory=pages("decoder", 26))
    check_answers("decoder", requests, *serve(engine, requests, rng=rng))
    assert calls


def test_a_plan_that_starves_is_refused_and_the_engine_goes_on():
    engine = Engine(model("decoder"), plan=lambda *_: {}, memory=pages("decoder", 30))
    engine.submit(Request([1, 2, 3], 4))
    with pytest.raises(ValueError, match="plan_step starves request 0"):
        engine.step()
    engine.scheduler._plan_step = plans.plan_step
    tokens = [event.token for event in engine.step()]
    assert tokens == alone.answer("decoder", Request([1, 2, 3], 1))[0]


DOOR = {
    "context": (lambda e: e.submit(Request([1] * 90, 7)), "makes 97, and the context"),
    "pool": (lambda e: e.submit(Request([1] * 40, 9)), "could never end; shorten it"),
    "token": (lambda e: e.submit(Request([1, 61], 2)), "prompt holds 61 at place 1"),
    "no request": (lambda e: e.submit([1, 2]), "is no request; make one"),
    "no model": (lambda e: Engine("coder"), "is a name and no model"),
    "empty": (lambda e: Request([], 3), "prompt is empty"),
    "text": (lambda e: Request("abc", 3), "is text; pass token ids"),
    "none": (lambda e: Request([1], 0), "max_tokens=0 must be a whole number"),
    "cold": (lambda e: Request([1], 1, temperature=-1), "temperature=-1 must be"),
}


@pytest.mark.parametrize("word", DOOR)
def test_what_can_never_be_served_is_refused_at_the_door(word):
    engine = Engine(model("decoder"), memory=pages("decoder", 11))
    call, told = DOOR[word]
    with pytest.raises(ValueError, match=told):
        call(engine)
    assert not engine.busy


def test_a_stream_is_one_request_among_others():
    engine = Engine(model("decoder"), memory=pages("decoder", 60))
    other = engine.submit(Request([9, 8], 6))
    stream = engine.stream(Request([1, 2, 3], 4))
    assert list(stream) == alone.answer("decoder", Request([1, 2, 3], 4))[0]
    events = []
    while engine.busy:
        events += engine.step()
    tokens = [event.token for event in events if event.request == other]
    assert tokens == alone.answer("decoder", Request([9, 8], 6))[0]
    early = engine.stream(Request([1, 2, 3], 14))
    next(early)
    early.close()
    assert not engine.requests
    assert engine.step() == [batching.Event(2, None, "cancelled")]
    nothing_left(engine)


def test_a_run_that_is_left_early_cancels_what_it_asked():
    engine = Engine(model("decoder"), memory=pages("decoder", 60))
    run = engine.run([Request([1, 2], 9), Request([3], 9)])
    next(run)
    run.close()
    assert not engine.requests
    nothing_left(engine)


def test_a_step_is_at_most_two_calls_while_padding_fits():
    steps = []
    engine = Engine(model("decoder"), budget=20, watch=steps.append)
    for length in (3, 3, 4, 5, 20, 7):
        engine.submit(Request(range(length), 5))
    before = 0
    while engine.busy:
        engine.step()
        assert engine.stats.calls - before <= 2
        before = engine.stats.calls
    assert sum(sum(step.plan.tokens.values()) for step in steps) == (
        engine.stats.computed
    )
    assert steps[0].running == 5 and steps[0].waiting == 1
    assert all(a.end <= b.start for a, b in pairwise(steps))


def soak(count):
    """Serve many requests in a stream; return pages and tokens at the end."""
    import gc

    engine = Engine(model("decoder"), memory=pages("decoder", 30), budget=24)
    rng, sizes = random.Random(0), []
    asked = alone.requests(rng, count=64, longest=12)
    served = 0
    while served < count or engine.busy:
        while served < count and len(engine.requests) < 12:
            engine.submit(asked[served % len(asked)])
            served += 1
        engine.step()
        if served % (count // 4) == 0 and len(sizes) < served // (count // 4):
            gc.collect()
            sizes.append(len(gc.get_objects()))
    assert engine.stats.ended == count
    assert max(sizes[1:]) < 1.02 * sizes[1] + 500, "no object stays behind"
    nothing_left(engine)


def test_two_hundred_requests_leave_nothing_behind():
    soak(200)


@pytest.mark.release
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_requests_leave_nothing_behind():
    soak(100_000)
