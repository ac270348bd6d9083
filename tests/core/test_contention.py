"""Calls are timed on the cores that other processes leave."""

import os
import subprocess
import sys
import time

import pytest
import torch

from llmlab import measure, show
from llmlab.core import clock, machine
from llmlab.core.clock import contention

pytestmark = pytest.mark.alone

COUNT = "while True: pass"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2


@pytest.fixture
def crowd():
    """As many processes as cores that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", COUNT]) for _ in range(CORES)]
    time.sleep(0.5)  # until they have started
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_free_cores_are_never_more_than_there_are_or_less_than_none():
    assert 0 <= contention.free_cores(0.05) <= CORES


def test_where_every_core_is_busy_calls_run_on_one_thread_and_the_result_says_so(
    crowd, two_threads
):
    seen = []
    speed = measure.speed({"one": lambda: seen.append(torch.get_num_threads())})
    assert set(seen) == {1} and (speed.ran_on.count, speed.ran_on.spared) == (1, 1)
    assert "busy, so the calls ran on 1 thread" in speed.note
    for text in (str(speed), speed._repr_html_(), repr(show.table(speed))):
        assert text.count(speed.note) == 1
    assert torch.get_num_threads() == 2


def test_threads_come_back_when_a_call_fails(crowd, two_threads):
    with pytest.raises(ZeroDivisionError):
        measure.speed({"one": lambda: 1 / 0})
    assert torch.get_num_threads() == 2


def test_a_notebook_settles_on_the_cores_that_are_free_and_says_so(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(machine, "threads", lambda: 2)
    monkeypatch.setattr(contention, "free_cores", lambda seconds: 1.1)
    try:
        settled = clock.settle()
        assert torch.get_num_threads() == 1 and settled.threads.count == 1
        assert "1 thread" in repr(settled) and "kept a core busy" in repr(settled)
        assert machine.describe().simd in repr(settled)
        monkeypatch.setattr(contention, "free_cores", lambda seconds: 2.0)
        assert "busy" not in repr(clock.settle()) and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_one_thread_is_never_given_up(crowd):
    assert clock.within(1) == 1
    with clock.given_way() as ran_on:
        assert ran_on.count >= 1


def test_a_crowd_leaves_no_core(crowd):
    assert contention.free_cores(0.3) < CORES / 2 + 0.5


@pytest.mark.parametrize(
    ("free", "threads"), [((2.0,), 2), ((1.4,), 2), ((1.3, 1.9), 2), ((1.2, 1.1), 1)]
)
def test_a_burst_costs_no_thread_and_a_neighbour_does(monkeypatch, free, threads):
    looks = iter(free)
    monkeypatch.setattr(contention, "free_cores", lambda seconds: next(looks))
    assert clock.within(2) == threads
    assert next(looks, None) is None


def test_records_name_the_threads_that_the_calls_had(crowd, two_threads):
    calls = {"one": lambda: sum(range(9)), "two": lambda: sum(range(99))}
    facts = measure.speed(calls, rounds=6).records()
    assert len(facts) > 6
    assert all(", 1 thread, " in fact.machine for fact in facts)
    assert all("ran on 1 thread" in fact.details["note"] for fact in facts)


def test_only_threads_that_were_given_up_or_fixed_have_a_note():
    assert clock.Threads(2).note == "" and clock.Threads(2).details == {}
    told = "Other processes kept 2 cores busy, so the calls ran on 6 threads."
    assert clock.Threads(6, 2).note == told
    assert clock.Threads(6, 2).details == {"note": told}
    assert "every core busy" in clock.Threads(1, 1, crowded=True).note
    assert "as asked" in clock.Threads(3, fixed=True).note
