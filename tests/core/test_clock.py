"""A trial of a few calls finds the least time of each, whoever else computes."""

import functools
import time

import pytest
import torch

from llmlab.core import clock

pytestmark = pytest.mark.alone


def counted(number):
    return functools.partial(sum, range(number))


def test_a_trial_tells_more_work_from_less():
    seconds = clock.trial({"much": counted(200_000), "little": counted(2_000)})
    assert list(seconds) == ["much", "little"]
    assert seconds["much"] > 10 * seconds["little"] > 0


def test_calls_run_in_turn_on_one_thread_after_two_of_each():
    ran = []

    def call(name):
        ran.append((name, torch.get_num_threads()))
        sum(range(100_000))  # long enough to be timed by itself

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        calls = {name: functools.partial(call, name) for name in "ab"}
        clock.trial(calls, rounds=3)
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError):
            clock.trial({"wrong": lambda: 1 / 0})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert "".join(name for name, _ in ran) == "aabb" + "ab" * 3
    assert {threads for _, threads in ran} == {1}


def test_what_the_first_calls_prepare_does_not_count():
    left = [1_000_000, 1_000_000]  # of the two that warm up

    def call():
        return sum(range(left.pop() if left else 10_000))

    seconds = clock.trial({"prepared": call, "at once": counted(10_000)})
    assert seconds["prepared"] < 10 * seconds["at once"]


def test_time_that_others_have_the_core_does_not_count_in_a_trial():
    """A thread that sleeps stands for one whose core another process has."""
    seconds = clock.trial({"waits": lambda: time.sleep(0.02)}, rounds=2)
    assert seconds["waits"] < 0.01


def test_the_shortest_call_is_timed_by_the_wall():
    assert clock.shortest(lambda: time.sleep(0.02), seconds=0.0) >= 0.02


def test_the_shortest_of_many_calls_counts():
    waits = iter([0.05, 0.05, 0.05, 0.0, 0.05])
    assert clock.shortest(lambda: time.sleep(next(waits)), seconds=0.0) < 0.02
    assert next(waits, None) is None  # one to warm up, four to be timed


@pytest.mark.parametrize(
    ("calls", "rounds", "message"),
    [
        ({}, 5, "calls={}"),
        ([counted(1)], 5, "calls="),
        ({"one": 1}, 5, r"calls\['one'\] is 1"),
        ({"one": counted(1)}, 0, "rounds=0"),
        ({"one": counted(1)}, 1.5, "rounds=1.5"),
    ],
)
def test_a_trial_of_nothing_is_refused(calls, rounds, message):
    with pytest.raises(ValueError, match=message):
        clock.trial(calls, rounds=rounds)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_trial_on_a_gpu_waits_for_its_work():
    large, small = (torch.randn(n, n, device="cuda") for n in (8192, 256))
    pair = {"large": lambda: large @ large, "small": lambda: small @ small}
    seconds = clock.trial(pair)
    assert seconds["large"] > 10 * seconds["small"] > 0
