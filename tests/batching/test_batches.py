"""Static and dynamic batches: who leaves when, and the plain loop's answers."""

import math
import random

import pytest
from batching import alone
from hypothesis import given
from hypothesis import strategies as st
from small_models import CONTEXT, model

from llmlab.batching import Batches, Request, Window, replay, static


def answers(events, count):
    tokens, reasons = [[] for _ in range(count)], [None] * count
    for event in events:
        if event.token is not None:
            tokens[event.request].append(event.token)
        if event.reason is not None:
            assert reasons[event.request] is None, "it ends once"
            reasons[event.request] = event.reason
    return list(zip(tokens, reasons, strict=True))


@pytest.mark.parametrize("name", ["decoder", "gpt2", "lstm", "mamba"])
@pytest.mark.parametrize("sort", [False, True])
def test_static_batches_give_the_plain_loops_answers(name, sort):
    rng = random.Random(1)
    requests = alone.requests(rng, count=7)
    requests.append(Request(alone.prompt(rng, CONTEXT - 1), 1))
    events = static.generate(model(name), requests, batch=3, sort=sort)
    right = [alone.answer(name, request) for request in requests]
    assert answers(events, len(requests)) == right


def test_sorting_puts_like_lengths_together():
    requests = [Request([1] * n, 2) for n in (20, 3, 21, 4)]
    events = static.generate(model("decoder"), requests, batch=2, sort=True)
    assert [event.request for event in events] == [1, 3, 1, 3, 0, 2, 0, 2]


def test_a_text_beyond_the_context_is_refused_before_anything_runs():
    requests = [Request([1], 2), Request([1] * CONTEXT, 1)]
    with pytest.raises(ValueError, match="max_tokens=1 after 96 tokens"):
        next(static.generate(model("decoder"), requests, batch=2))


def left(comes, max_batch, max_wait):
    """Play arrivals to a window; return when each batch left, and who was in it."""
    window, batches = Window(max_batch, max_wait), []
    for item, at in enumerate([*comes, math.inf]):
        while window.next_due() < at:
            batches.append((window.next_due(), window.due(window.next_due())))
        if at < math.inf:
            window.add(item, at)
            if batch := window.due(at):
                batches.append((at, batch))
    return batches


def test_a_batch_leaves_when_it_is_full_or_its_first_has_waited():
    found = left([0.0, 0.1, 0.15, 0.5], 3, 0.2)
    assert found == [(0.15, [0, 1, 2]), (0.7, [3])]
    assert left([0.0, 0.25], 3, 0.25) == [(0.25, [0, 1])], "at the deadline exactly"
    assert left([0.0, 1.0], 3, 0) == [(0.0, [0]), (1.0, [1])]


@given(
    gaps=st.lists(st.integers(0, 8), min_size=1, max_size=20),
    max_batch=st.integers(1, 5),
    max_wait=st.integers(0, 9),
)
def test_nobody_waits_longer_than_said_and_nobody_is_lost(gaps, max_batch, max_wait):
    comes = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    found = left(comes, max_batch, max_wait)
    assert [item for _, batch in found for item in batch] == list(range(len(comes)))
    for at, batch in found:
        assert len(batch) <= max_batch
        waited = [at - comes[item] for item in batch]
        assert max(waited) <= max_wait and min(waited) >= 0
        assert len(batch) == max_batch or max(waited) == max_wait


def test_what_a_window_is_asked_must_make_sense():
    with pytest.raises(ValueError, match="max_batch=0"):
        Window(0, 1)
    with pytest.raises(ValueError, match="max_wait=-1"):
        Window(1, -1)
    window = Window(2, 5)
    window.add("a", 0)
    assert window.remove("a") and not window.remove("a")
    assert window.next_due() == math.inf


def test_dynamic_batches_wait_for_company_and_answer_alike():
    clock = replay.Virtual()

    def steps(requests):
        for events in static.steps(model("decoder"), requests):
            clock.sleep(1.0)
            yield events

    server = Batches(steps, max_batch=2, max_wait=0.5, clock=clock)
    requests = [
        Request(alone.prompt_of(n), 4, arrival=at)
        for n, at in ((3, 0), (9, 9), (4, 9.2))
    ]
    first, second, third = replay.replay(server, requests, clock=clock)
    assert first.tokens == pytest.approx((1.5, 2.5, 3.5, 4.5))
    assert second.tokens == third.tokens == pytest.approx((10.2, 11.2, 12.2, 13.2))
    events = static.generate(model("decoder"), requests, batch=3)
    right = [alone.answer("decoder", request) for request in requests]
    assert answers(events, 3) == right
    assert not server.busy


def test_a_fault_in_a_batch_gives_the_server_back():
    def steps(requests):
        raise RuntimeError("no memory")
        yield

    server = Batches(steps, max_batch=1, max_wait=0, clock=replay.Virtual())
    server.submit(Request([1], 1))
    with pytest.raises(RuntimeError):
        server.step()
    assert not server.busy


def test_simulated_batches_cost_what_their_longest_does():
    clock = replay.Virtual()
    steps = replay.simulated_steps(lambda plan: float(sum(plan.tokens.values())), clock)
    server = Batches(steps, max_batch=2, max_wait=math.pi, clock=clock)
    requests = [Request([1] * 5, 3), Request([1] * 9, 1)]
    first, second = replay.replay(server, requests, clock=clock)
    assert second.tokens == (18.0,)
    assert first.tokens == (18.0, 20.0, 22.0)
