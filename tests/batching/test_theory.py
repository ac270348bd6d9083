"""Theory, load and replay: formulas against a simulation, times on a clock of ours."""

import math
from collections.abc import Callable

import numpy
import pytest
from batching import alone
from small_models import model

from llmlab import batching
from llmlab.batching import Request, Scheduler, arrivals, padding, queueing, replay
from llmlab.measure import requests as measured
from llmlab.measure.requests import Times

CUSTOMERS = 400_000


def simulated_wait(intervals, services):
    """Return the mean wait in a queue, customer by customer (Lindley's recursion).

    Who comes waits for what was left of the queue and the service before, less the time
    that has gone by; it cannot be less than nothing.
    """
    steps = services[:-1] - intervals[1:]
    walk = numpy.concatenate([[0.0], numpy.cumsum(steps)])
    return float((walk - numpy.minimum.accumulate(walk)).mean())


SERVICES: dict[str, Callable] = {
    "exponential": lambda draw, n: draw.exponential(1.0, n),
    "constant": lambda draw, n: numpy.ones(n),
    "two kinds": lambda draw, n: draw.choice([0.5, 1.5], n),
    "spread": lambda draw, n: draw.gamma(0.5, 2.0, n),
}


@pytest.mark.parametrize("load", [0.3, 0.7])
@pytest.mark.parametrize("kind", SERVICES)
def test_pollaczek_and_khinchine_say_what_a_simulation_does(kind, load):
    draw = numpy.random.default_rng(0)
    services = SERVICES[kind](draw, CUSTOMERS)
    wait = simulated_wait(draw.exponential(1 / load, CUSTOMERS), services)
    formula = queueing.mg1_wait(load, 1.0, float(services.var()))
    assert formula.value == pytest.approx(wait, rel=0.05)
    assert formula.kind == "estimated" and formula.unit == "s"
    spread = float(services.var())
    about = queueing.kingman(load, 1.0, services=spread).value
    assert about == pytest.approx(formula.value, rel=1e-9)
    if kind == "exponential":
        exact = queueing.mm1_wait(load, 1.0).value
        assert exact == pytest.approx(load / (1 - load))
        assert exact == pytest.approx(wait, rel=0.05)


def test_the_example_of_the_exercise():
    assert queueing.mg1_wait(0.25, 2.0, 1.0).value == pytest.approx(1.25)


@pytest.mark.parametrize("rate", [0.5, 0.7, 1e9])
def test_no_queue_at_or_above_capacity(rate):
    for ask in (
        lambda: queueing.mm1_wait(rate, 2.0),
        lambda: queueing.mg1_wait(rate, 2.0, 0.0),
        lambda: queueing.kingman(rate, 2.0),
    ):
        with pytest.raises(ValueError, match=r"capacity of 0\.5 requests a second"):
            ask()


def test_what_theory_is_asked_must_make_sense():
    for ask, told in (
        (lambda: queueing.mm1_wait(0, 1), "rate=0"),
        (lambda: queueing.mm1_wait(1, -1), "mean=-1"),
        (lambda: queueing.mg1_wait(1, 0.5, -1), "variance=-1"),
        (lambda: queueing.saturation(1, servers=0), "servers=0"),
        (lambda: queueing.little(1, math.nan), "wait=nan"),
        (lambda: arrivals.poisson(0, 1), "rate=0"),
        (lambda: arrivals.gamma(1, 0, 1), "burstiness=0"),
        (lambda: padding.waste([], 2), "lengths is empty"),
        (lambda: padding.right([]), "at least one prompt"),
        (lambda: padding.left([[1], []], 0), "at least one token"),
    ):
        with pytest.raises(ValueError, match=told):
            ask()
    assert queueing.saturation(0.5, servers=4).value == 8
    assert queueing.little(3, 0.5).value == 1.5


def test_arrivals_come_at_their_rate_and_as_bursty_as_asked():
    for burstiness in (0.3, 1.0, 4.0):
        times = arrivals.gamma(50, burstiness, 400, seed=1)
        gaps = numpy.diff(times)
        assert len(times) == pytest.approx(20_000, rel=0.05)
        assert gaps.std() / gaps.mean() == pytest.approx(burstiness**-0.5, rel=0.05)
    assert arrivals.poisson(5, 10, seed=3) == arrivals.poisson(5, 10, seed=3)
    lengths = arrivals.lengths(20_000, 60, most=100_000)
    assert numpy.mean(lengths) == pytest.approx(60, rel=0.05)
    assert min(lengths) >= 1
    assert max(arrivals.lengths(500, 60, most=90)) == 90


def test_padding_on_both_sides():
    tokens, counts = padding.right([[5, 6, 7], [8]])
    assert (tokens.tolist(), counts) == ([[5, 6, 7], [8, 0, 0]], [3, 1])
    tokens, mask, positions = padding.left([[5, 6, 7], [0]], 0)
    assert tokens.tolist() == [[5, 6, 7], [0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert positions.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert padding.waste([3, 1, 2, 2], 2).value == pytest.approx(1 - 8 / 10)


def test_times_by_vllms_names():
    one = Times(1.0, (3.0, 3.5, 5.0), 5.0, tokens_in=4)
    assert (one.ttft, one.tpot, one.itl, one.e2e) == (2.0, 1.0, (0.5, 1.5), 4.0)
    short = Times(2.0, (), 4.0)
    assert (short.ttft, short.tpot, short.itl) == (2.0, 0.0, ())
    both = [one, short]
    assert measured.throughput(both) == 3 / 4
    assert measured.goodput(both) == 2 / 4
    assert measured.goodput(both, tpot=0.9) == 1 / 4
    assert measured.goodput(both, ttft=1.9) == 0
    facts = {f.name: f for f in measured.summary(both, details={"policy": "static"})}
    assert facts["TTFT, p50"].value == 2.0 and facts["TPOT, p99"].value == 1.0
    assert facts["goodput"].details["policy"] == "static"
    assert facts["goodput"].kind == "measured"
    guessed = measured.summary(both, kind="simulated")
    assert {fact.kind for fact in guessed} == {"simulated"}
    with pytest.raises(ValueError, match=r"times=\[\] is empty"):
        measured.goodput([])


def cost(plan):
    return 1.0 + 0.1 * sum(plan.tokens.values())


def simulated(clock, **sizes):
    scheduler = Scheduler(**{"pages": 100, "page_size": 4, "budget": None} | sizes)
    return replay.Simulated(scheduler, cost, clock)


def test_a_replay_on_a_clock_of_ours_is_exact():
    clock = replay.Virtual()
    requests = [
        Request([1] * 10, 3), Request([1] * 4, 1, arrival=2.5),
        Request([1] * 5, 2, arrival=50),
    ]  # fmt: skip
    first, second, third = replay.replay(simulated(clock), requests, clock=clock)
    assert first.tokens == pytest.approx((2.0, 3.1, 4.6))
    assert second == Times(2.5, (second.finished,), second.finished, 4)
    assert second.finished == pytest.approx(4.6)
    assert third.tokens == pytest.approx((51.5, 52.6)) and third.ttft == 1.5


def test_users_come_back_as_soon_as_they_are_served():
    clock = replay.Virtual()
    server = simulated(clock, max_running=8)
    asked = [Request([1] * 4, 2)] * 6
    times = replay.replay(server, asked, clock=clock, users=2)
    starts = sorted(one.arrival for one in times)
    assert starts == pytest.approx([0, 0, 3.0, 3.0, 6.0, 6.0])


def test_littles_law_holds_in_a_replay():
    """Requests in the system, counted over time, are their rate times their stay."""
    clock = replay.Virtual()
    comes = arrivals.poisson(0.15, 4000, seed=2)
    requests = [Request([1] * 6, 4, arrival=at) for at in comes]
    times = replay.replay(simulated(clock), requests, clock=clock)
    whole = max(one.finished for one in times)
    at = numpy.linspace(0, whole, 20_000)
    inside = sum((one.arrival <= at) & (at < one.finished) for one in times).mean()
    stay = float(numpy.mean([one.e2e for one in times]))
    assert inside == pytest.approx(
        queueing.little(len(times) / whole, stay).value, rel=0.05
    )


def test_one_by_one_serving_waits_as_theory_says():
    """Service times are constant here, so half of what exponential ones would wait."""
    clock, service = replay.Virtual(), 1.4 + 3 * 1.1
    comes = arrivals.poisson(0.6 / service, 20_000 * service, seed=4)
    requests = [Request([1] * 4, 4, arrival=at) for at in comes]
    server = simulated(clock, max_running=1)
    times = replay.replay(server, requests, clock=clock)
    wait = float(numpy.mean([one.e2e for one in times])) - service
    formula = queueing.mg1_wait(0.6 / service, service, 0.0).value
    assert wait == pytest.approx(formula, rel=0.1)


@pytest.mark.parametrize("fake", [True, False])
def test_an_engine_is_replayed_in_both_times(fake):
    """On a clock of ours a step takes what the watch says, else what it does."""
    clock = replay.Virtual() if fake else replay.Wall()
    steps = []

    def watch(step):
        steps.append(step)
        if fake:
            clock.sleep(cost(step.plan))

    engine = batching.Engine(model("decoder"), clock=clock, watch=watch, budget=None)
    requests = [Request(alone.prompt_of(n), 3, arrival=n / 50) for n in (4, 2, 9)]
    times = replay.replay(engine, requests, clock=clock)
    assert [len(one.tokens) for one in times] == [3, 3, 3]
    assert [one.arrival for one in times] == [0.08, 0.04, 0.18]
    for one in times:
        assert one.arrival < one.tokens[0] < one.tokens[1] < one.finished
    if fake:
        assert times[1].tokens == pytest.approx((1.24, 3.64, 4.94))
    else:
        fitted = replay.step_cost(steps * 3)
        assert min(fitted.step, fitted.row, fitted.token) >= 0
        assert fitted(steps[0].plan) > 0


def test_the_cost_of_a_step_is_fitted_to_what_was_seen():
    true = replay.StepCost(0.01, 0.001, 0.0002)
    plans = [{1: 1}, {1: 1, 2: 1}, {1: 30}, {1: 1, 2: 60}, {1: 1, 2: 1, 3: 9}]
    made = [batching.plans.Plan(tokens) for tokens in plans]
    steps = [batching.watching.Step(0.0, true(one), one, 0, 0, 0) for one in made]
    fitted = replay.step_cost(steps)
    assert fitted.step == pytest.approx(0.01)
    assert fitted.row == pytest.approx(0.001)
    assert fitted.token == pytest.approx(0.0002)
    with pytest.raises(ValueError, match="watch at least three"):
        replay.step_cost(steps[:2])
