"""Work is timed when it is done; tokens count in the time of all calls."""

import concurrent.futures
import functools
import itertools
import multiprocessing.pool
import subprocess
import sys
import threading

import numpy
import pytest
import torch

from llmlab import measure
from llmlab.measure.samples import Call, Run
from llmlab.measure.timing import _timing

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


async def awaited():
    return 1


async def awaited_items():
    yield 1


class Lazy:
    """Works when its items are asked for, and has no iterator's face."""

    def __iter__(self):
        yield 1


def started():
    thread = threading.Thread(target=int)
    thread.start()
    return thread


def submitted():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(int)


def asked_of_a_pool():
    with multiprocessing.pool.ThreadPool(1) as workers:
        return workers.apply_async(int)


PROMISES = {
    "coroutine": awaited,
    "items that are awaited": awaited_items,
    "future": submitted,
    "future of torch": lambda: torch.futures.Future(),
    "answer of a pool": asked_of_a_pool,
    "process": lambda: subprocess.Popen([sys.executable, "-c", ""]),
    "thread": started,
    "lazy iterable": Lazy,
    "loader": lambda: torch.utils.data.DataLoader([1, 2]),
    "function": lambda: sum,
    "lambda": lambda: lambda: 1,
    "partial": lambda: functools.partial(int, 3),
}
DONE = {
    "nothing": lambda: None,
    "tensor": lambda: torch.ones(2),
    "array": lambda: numpy.ones(2),
    "list": lambda: [1],
    "mapping": lambda: {"a": 1},
    "model": lambda: torch.nn.Linear(1, 1),
    "class": lambda: Lazy,
    "text": lambda: "abc",
}


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_is_not_timed(name):
    with pytest.raises(ValueError, match=r"calls\['it'\] gives a .*not be timed"):
        measure.speed({"it": PROMISES[name]}, seconds=0.01)
    with pytest.raises(ValueError, match=r"call gives a .*not be timed"):
        measure.memory.peak(PROMISES[name])


@pytest.mark.parametrize("name", DONE)
def test_what_is_done_is_timed(name):
    assert measure.speed({"it": DONE[name]}, seconds=0.01)["it"].median > 0


@pytest.mark.parametrize("make", [iter, lambda items: map(int, items)])
def test_an_iterator_is_pulled_to_its_end(make):
    pulled = []

    def items():
        for item in range(3):
            pulled.append(item)
            yield item

    timing = measure.speed({"it": lambda: make(items())}, rounds=6)["it"]
    assert timing.tokens == 3 and len(pulled) % 3 == 0


def timed(lengths, *, rounds=8, calls=4, second=0.001):
    """Return the timing of calls of these lengths, in turn, at 1 ms a token."""
    more = itertools.cycle(lengths)
    threads = measure.speed({"a": int}, rounds=6).ran_on

    def call():
        count = next(more)
        return Call(count * second, second, (second,) * (count - 1), count)

    by_round = tuple(tuple(call() for _ in range(calls)) for _ in range(rounds))
    return _timing(Run("it", True, False, by_round, threads), None)


@pytest.mark.parametrize(
    "lengths", [(10, 10, 10, 100), (100, 100, 100, 10), (10,), (1, 2, 3)]
)
def test_throughput_is_all_tokens_in_the_time_of_all_calls(lengths):
    timing = timed(lengths)
    assert timing.tokens_per_second == pytest.approx(1000)
    (rate,) = [r for r in timing.records() if r.name == "throughput"]
    assert rate.value == pytest.approx(1000)
    assert rate.low == pytest.approx(1000) and rate.high == pytest.approx(1000)


def test_longer_calls_weigh_by_their_time():
    """Half the calls wait a second for ten tokens, half for ten thousand."""
    threads = measure.speed({"a": int}, rounds=6).ran_on
    few, many = (Call(1.0, 0.5, (0.1,), count) for count in (10, 10_000))
    rounds = tuple((few,) if place % 2 else (many,) for place in range(10))
    timing = _timing(Run("it", True, False, rounds, threads), None)
    assert timing.tokens_per_second == pytest.approx(5005)
    (rate,) = [r for r in timing.records() if r.name == "throughput"]
    assert rate.low < 5005 < rate.high


@pytest.mark.parametrize("tokens", [0, -1, True, "3", 1.5, {"other": 3}, {"it": None}])
def test_a_number_of_tokens_is_one(tokens):
    if tokens == {"it": None}:
        assert measure.speed({"it": int}, rounds=6, tokens=tokens)["it"].tokens is None
        return
    with pytest.raises(ValueError, match="tokens"):
        measure.speed({"it": int}, rounds=6, tokens=tokens)
