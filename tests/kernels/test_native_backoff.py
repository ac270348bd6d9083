"""A call that a busy neighbour holds up makes the next ones run on fewer threads."""

import copy
import dataclasses
from functools import partial

import pytest
import torch
from native_models import quantized
from small_models import draw_tokens

from llmlab import graphs
from llmlab.kernels.native import huge_pages, library
from llmlab.kernels.native.backoff import KINDS, LEAST, MOST, TRIAL, Backoff
from llmlab.kernels.native.decoding import Pass


class Crew:
    """Threads on a clock of their own: a neighbour holds up calls on too many."""

    def __init__(self, threads=2, *, free=None):
        self.now, self.free, self.asked = 0.0, free or threads, []
        self.backoff = Backoff(threads, clock=lambda: self.now)

    def call(self, kind=1, calls=1):
        for _ in range(calls):
            self.backoff.run(kind, self._work)
        return self.asked[-calls:]

    def _work(self, threads):
        self.asked.append(threads)
        self.now += 20.0 if threads > self.free else 1.0 + 1.0 / threads


def test_in_quiet_all_threads_run_but_for_one_trial_in_many_calls():
    crew = Crew()
    between = [1] + [2] * (MOST - 1)
    assert crew.call(calls=3 * MOST) == ([2] * (TRIAL - 1) + 3 * between)[: 3 * MOST]


def test_of_many_kinds_one_has_its_trial_and_not_each():
    crew, asked = Crew(), []
    for _ in range(TRIAL + 2):
        for kind in range(20):
            asked += crew.call(kind)
    assert asked.count(1) == 1


def test_a_kind_that_is_called_all_the_time_is_not_forgotten():
    crew = Crew()
    for other in range(2 * KINDS):
        crew.call("own")
        crew.call(other)
    assert "own" in crew.backoff._kinds


def test_a_slow_call_gives_way_and_all_threads_come_back():
    crew = Crew()
    crew.call(calls=20)
    crew.free = 1
    assert crew.call() == [2]
    crew.free = 2
    assert crew.call(calls=LEAST + 100) == [1] * LEAST + [2] * 100


def test_the_calls_on_one_thread_double_while_it_stays_slow_and_begin_anew_in_quiet():
    crew = Crew()
    crew.call(calls=20)
    for _ in range(2):
        crew.free = 1
        hold = LEAST
        while hold < MOST:
            assert crew.call(calls=1 + hold) == [2] + [1] * hold
            hold *= 2
        for _ in range(2):
            assert crew.call(calls=1 + MOST) == [2] + [1] * MOST
        crew.free = 2
        assert crew.call(calls=MOST + 1) == [2] * MOST + [1], "a trial once it is over"


def test_soon_slow_again_counts_as_the_same_neighbour():
    crew = Crew()
    crew.call(calls=20)
    crew.free = 1
    crew.call(calls=1 + LEAST)
    crew.free = 2
    crew.call(calls=LEAST - 1)
    crew.free = 1
    assert crew.call(calls=2 + 2 * LEAST) == [2] + [1] * 2 * LEAST + [2]


def test_a_neighbour_that_came_first_is_noticed_by_the_trial():
    crew = Crew(free=1)
    crew.call(calls=TRIAL)
    assert crew.call(calls=1 + LEAST) == [2] + [1] * LEAST


def test_beside_a_neighbour_a_thousand_calls_take_less_than_four_times_as_long():
    quiet, busy = Crew(), Crew()
    for crew in (quiet, busy):
        crew.call(calls=20)
    busy.free = 1
    for crew in (quiet, busy):
        crew.now = 0.0
        crew.call(calls=63)  # the first ones, in which it is noticed
    assert busy.now < 4 * quiet.now
    for crew in (quiet, busy):
        crew.call(calls=1000)
    assert busy.now < 2 * quiet.now


def test_of_many_threads_only_as_many_are_given_up_as_it_takes():
    crew = Crew(16)
    crew.call(calls=20)
    crew.free = 15
    assert crew.call(calls=1 + LEAST) == [16] + [8] * LEAST
    crew.free = 6
    assert crew.call(calls=4) == [16, 8, 4, 4]


def test_more_work_is_not_slower_and_kinds_are_forgotten():
    asked, now = [], [0.0]
    backoff = Backoff(2, clock=lambda: now[0])

    def work(kind, threads):
        asked.append(threads)
        now[0] += 1.0 + kind

    for kind in [*range(3 * KINDS)] * 2:
        backoff.run(kind, partial(work, kind))
        assert len(backoff._kinds) <= KINDS
    assert asked == [2] * 6 * KINDS


def timed(made, *, threads, slow):
    """Return (how many threads C was given, call by call) of a model's coming calls."""
    found, given, ticks = library.find(), [], [0.0]
    weights = graphs.native.weights(made.model)
    laid = huge_pages.side_by_side(weights, found.way)
    made._pass = Pass(found, laid, threads=threads, clock=lambda: ticks[0])
    run = made._pass.library.pass_rows

    def noted(*arguments):
        given.append(arguments[-1])
        ticks[0] += 100.0 if slow(len(given)) and given[-1] > 1 else 1.0
        run(*arguments)

    made._pass.library = dataclasses.replace(found, pass_rows=noted)
    return given


@pytest.mark.parametrize("threads", [2, 3])
def test_the_bits_are_the_same_across_the_switch(threads):
    tokens = draw_tokens(3, 40)
    with torch.inference_mode():
        made = graphs.compiled(quantized("llama"), threads=threads)
        wanted = graphs.compiled(quantized("llama"), threads=1)(tokens)
        given = timed(made, threads=threads, slow=lambda call: call > 12)
        cache = made.new_cache(3, 40)
        logits = [made(part, cache) for part in tokens.split(1, dim=1)]
    assert {1, threads} == set(given) and given[-1] == 1
    assert torch.equal(torch.cat(logits, 1), wanted)


def test_one_thread_that_was_asked_for_is_left_alone():
    tokens = draw_tokens(1, 1)
    with torch.inference_mode():
        made = graphs.compiled(quantized("llama"), threads=1)
        given = timed(made, threads=1, slow=lambda call: True)
        for _ in range(2 * TRIAL):
            made(tokens)
    assert given == [1] * 2 * TRIAL and not made._pass._backoff._kinds


def test_a_copy_begins_anew_with_all_its_threads():
    with torch.inference_mode():
        made = graphs.compiled(quantized("llama"), threads=2)
        made._pass._backoff.count = 1
        new = copy.deepcopy(made)
    assert new._pass._backoff.count == new.threads == 2
