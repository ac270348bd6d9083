"""Speed: what is timed, how often, and what may be said of it."""

import gc
import itertools
import os
import time

import numpy
import pytest
import torch

from llmlab import measure
from llmlab.core import records
from llmlab.measure import comparison

pytestmark = pytest.mark.alone

ONCE = 0.021  # seconds; with seconds=0.1 asked for, a round holds such a call once


def waits(seconds):
    return lambda: time.sleep(seconds)


def stream(first, later, tokens):
    """Return a call whose tokens come after these seconds."""

    def call():
        for token in range(tokens):
            time.sleep(later if token else first)
            yield token

    return call


def test_a_call_that_takes_a_third_of_the_time_is_called_faster():
    speed = measure.speed({"slow": waits(0.009), "fast": waits(0.003)}, rounds=12)
    (verdict,) = speed.verdicts
    assert (verdict.name, verdict.against) == ("fast", "slow")
    assert verdict.word == "faster" and 1.5 < verdict.low <= verdict.ratio
    assert speed.verdict("slow", "fast").word == "slower"
    assert speed.ratio("fast", "slow") == verdict.ratio


def test_equal_calls_are_called_equal_95_times_in_100():
    dice, same = numpy.random.default_rng(0), 0
    for _ in range(300):
        mood = dice.lognormal(sigma=0.5, size=30)  # of the machine, from round to round
        a, b = mood * dice.lognormal(sigma=0.05, size=(2, 30))
        same += comparison.compare("a", a, "b", b).word == comparison.SAME
    assert same >= 0.94 * 300


def test_a_tenth_is_detected_through_noise_four_times_as_large():
    dice, found, held = numpy.random.default_rng(1), 0, 0
    for _ in range(300):
        mood = dice.lognormal(sigma=0.4, size=40)
        a, b = mood * dice.lognormal(sigma=0.05, size=(2, 40))
        verdict = comparison.compare("a", a, "b", 1.1 * b)
        found += verdict.word == comparison.FASTER
        held += verdict.low <= 1.1 <= verdict.high
    assert found >= 0.95 * 300 and held >= 0.94 * 300


def test_no_number_of_rounds_makes_a_thousandth_significant():
    a = [1.0] * 100
    assert comparison.compare("a", a, "b", [1.001] * 100).word == comparison.SAME
    assert comparison.compare("a", a, "b", [1.01] * 100).word == comparison.FASTER


def order_of(names, rounds, seed=0):
    """Return the names in the order in which they ran, the warm-up left out."""
    log = []
    calls = {
        name: lambda name=name: (time.sleep(ONCE), log.append(name)) for name in names
    }
    measure.speed(calls, seconds=0.1, rounds=rounds, warmup=1, seed=seed)
    return "".join(log[len(names) :])


@pytest.fixture(autouse=True)
def full_dial():
    """Count rounds as asked for, whatever dial the whole run has."""
    os.environ.pop("LLMLAB_TIME", None)  # the environment is put back after each test


def test_every_round_runs_every_call_in_an_order_that_changes():
    order = order_of("ab", rounds=12)
    rounds = {order[place : place + 2] for place in range(0, len(order), 2)}
    assert len(order) == 24 and rounds == {"ab", "ba"}


def test_the_order_follows_from_the_seed():
    assert order_of("abc", 6, seed=1) == order_of("abc", 6, seed=1)
    assert order_of("abc", 6, seed=1) != order_of("abc", 6, seed=2)


def test_a_stream_gives_its_first_token_apart_from_the_others():
    speed = measure.speed({"chat": stream(0.03, 0.004, 5)}, rounds=6)
    chat = speed["chat"]
    assert chat.time_to_first_token.median >= 0.03
    assert 0.004 <= chat.per_token.median < chat.time_to_first_token.median
    assert chat.median >= 0.03 + 4 * 0.004
    assert chat.tokens == 5
    assert chat.tokens_per_second == pytest.approx(5 / chat.median)
    assert len(chat.gaps) == 4 * len(chat.samples)


def test_a_batch_counts_the_rows_that_still_write():
    steps = [[1, 2, 3], [4, None, 5], [None, None, 6]]
    speed = measure.speed({"batch": lambda: iter(steps)}, rounds=6)
    assert speed["batch"].tokens == 6


def test_a_stream_of_one_token_has_no_time_per_later_token():
    timing = measure.speed({"one": lambda: iter([1])}, rounds=6)["one"]
    assert timing.per_token is None and timing.time_to_first_token.median > 0


def test_a_stream_without_a_token_is_refused():
    with pytest.raises(ValueError, match=r"'none'.*without an item"):
        measure.speed({"none": lambda: iter([])}, rounds=6)


def test_a_round_of_long_calls_is_their_mean_so_that_each_bears_its_share():
    waits_in_turn = itertools.cycle([0.002, 0.002, 0.02])
    speed = measure.speed({"a": lambda: time.sleep(next(waits_in_turn))}, rounds=6)
    typical = measure.percentile(speed["a"].samples, 0.5)
    assert speed["a"].median > 2 * typical > 0.004


def test_short_calls_are_repeated_within_a_round():
    calls = {"short": lambda: None, "long": waits(ONCE)}
    speed = measure.speed(calls, seconds=0.1, rounds=6)
    short, long = speed["short"], speed["long"]
    assert len(short.samples) > 10 * len(short.total.rounds)
    assert len(long.samples) == len(long.total.rounds) == 6
    assert short.median < 1e-4 < long.median


def test_percentiles_are_those_that_the_samples_support():
    few = measure.speed({"few": waits(ONCE)}, seconds=0.1, rounds=10)["few"]
    assert list(few.percentiles) == ["p50", "p90"]
    gaps = measure.speed({"many": stream(0.001, 0.0001, 40)}, rounds=6)["many"]
    assert list(gaps.percentiles) == ["p50", "p90", "p95", "p99"]
    assert gaps.percentiles["p50"] <= gaps.percentiles["p99"]


def test_the_time_dial_lowers_repetitions_but_never_below_an_interval(monkeypatch):
    def rounds(dial, **wish):
        monkeypatch.setenv("LLMLAB_TIME", dial)
        speed = measure.speed({"a": waits(ONCE)}, warmup=1, **wish)
        return len(speed["a"].total.rounds)

    assert rounds("1", seconds=0.1, rounds=14) == 14
    assert rounds("0.5", seconds=0.1, rounds=14) == 7
    assert rounds("0.01", rounds=14) == rounds("0.01", seconds=1) == 6


def test_tokens_of_a_plain_call_give_its_rate():
    calls = {"one": waits(ONCE), "two": waits(ONCE)}
    speed = measure.speed(calls, seconds=0.1, rounds=6, tokens={"one": 100})
    assert speed["one"].tokens_per_second == pytest.approx(100 / speed["one"].median)
    assert speed["two"].tokens_per_second is None


def test_records_carry_units_intervals_and_the_verdict():
    calls = {"plain": stream(0.005, 0.001, 3), "fast": stream(0.001, 0.001, 3)}
    found = measure.speed(calls, rounds=6, seed=7).records()
    of_plain = {r.name: r for r in found if r.subject == "plain"}
    assert of_plain["latency"].unit == of_plain["time per token"].unit == "s"
    assert of_plain["throughput"].unit == "token/s"
    for name in ("latency", "time to first token", "time per token", "throughput"):
        assert of_plain[name].low <= of_plain[name].value <= of_plain[name].high
    (verdict,) = [r for r in found if r.name == "speed-up"]
    assert verdict.subject == "fast against plain"
    assert verdict.details["verdict"] == "faster"
    assert {r.kind for r in found} == {"measured"} and {r.seed for r in found} == {7}
    assert records.from_json(records.to_json(found)) == tuple(found)


def test_a_speed_reads_as_a_table_with_its_verdicts():
    calls = {"plain": waits(ONCE), "same": waits(ONCE)}
    speed = measure.speed(calls, seconds=0.1, rounds=6)
    assert "plain  " in str(speed) and "same: " in str(speed)
    assert "<table" in speed._repr_html_()


def test_asking_for_a_call_that_was_not_measured_names_those_that_were():
    speed = measure.speed({"plain": waits(0.001)}, rounds=6)
    with pytest.raises(KeyError, match=r"'fast' was not measured.*'plain'"):
        speed["fast"]


def test_an_error_of_a_call_comes_through_and_the_collector_works_again():
    countdown = iter(range(5))

    def fails():
        time.sleep(ONCE)
        if next(countdown) == 4:
            raise ArithmeticError("no luck")

    with pytest.raises(ArithmeticError, match="no luck"):
        measure.speed({"fails": fails}, rounds=20)
    assert gc.isenabled()


@pytest.mark.parametrize(
    "calls, rest, words",
    [
        ({}, {}, "at least one name"),
        ([print], {}, "at least one name"),
        ({"a": 3}, {}, "cannot be called"),
        ({"a": print}, {"seconds": 0}, "seconds"),
        ({"a": print}, {"seconds": float("nan")}, "seconds"),
        ({"a": print}, {"rounds": 5}, "no 95 % interval"),
        ({"a": print}, {"warmup": -1}, "warmup"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_it_runs(calls, rest, words):
    with pytest.raises(ValueError, match=words):
        measure.speed(calls, **rest)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_work_on_a_gpu_is_timed_by_its_own_events():
    a = torch.randn(4096, 4096, device="cuda")

    def tokens():
        for _ in range(3):
            yield a @ a

    speed = measure.speed({"one": lambda: a @ a, "stream": tokens}, rounds=10)
    assert speed["one"].median > 2 * 4096**3 / 1e15  # no GPU does a PFLOP/s in fp32
    assert 1.5 < speed["stream"].median / speed["one"].median < 6


def test_models_race_through_their_own_face_and_read_text_with_their_own_words():
    class Model:
        def __init__(self, wait, tokenizer=None):
            self.wait, self.tokenizer, self.read = wait, tokenizer, []

        def stream(self, prompt, *, max_tokens):
            self.read.append(list(prompt))
            for token in range(max_tokens):
                time.sleep(self.wait)
                yield token

    slow, fast = Model(0.004), Model(0.001, lambda text: {"input_ids": [len(text)]})
    speed = measure.race({"slow": slow, "fast": fast}, [4, 5], max_tokens=3, rounds=6)
    assert slow.read[0] == fast.read[0] == [4, 5]
    assert speed["slow"].tokens == 3
    assert speed.verdict("fast", "slow").ratio > 1.5
    measure.race({"fast": fast}, "def f", max_tokens=2, rounds=6)
    assert fast.read[-1] == [5]
    with pytest.raises(ValueError, match=r"model 'slow' has no tokenizer.*'def f'"):
        measure.race({"slow": slow}, "def f", max_tokens=2)
    with pytest.raises(ValueError, match=r"model 'silent' is a object, which writes"):
        measure.race({"silent": object()}, [1], max_tokens=2)
    for none in ({}, [slow]):
        with pytest.raises(ValueError, match="at least one name to a model"):
            measure.race(none, [1], max_tokens=2)
    alone = measure.race({"fast": fast}, [1], max_tokens=2, rounds=6, threads=1)
    assert "as asked" in alone.note


def test_models_race_on_a_batch_of_prompts():
    class Model:
        def stream_batch(self, prompts, *, max_tokens):
            self.read = prompts
            for token in range(max_tokens):
                time.sleep(0.001)
                yield [token] * len(prompts)

    model, prompts = Model(), [[1, 2], [3]]
    speed = measure.race({"batch": model}, prompts, max_tokens=3, rounds=6)
    assert model.read == prompts
    assert speed["batch"].tokens == 3 * len(prompts)
    with pytest.raises(ValueError, match="'none' is a object, which writes no text"):
        measure.race({"none": object()}, prompts, max_tokens=3)


def test_threads_may_be_fixed_and_the_note_says_so():
    before, seen = torch.get_num_threads(), []
    calls = {"look": lambda: seen.append(torch.get_num_threads())}
    speed = measure.speed(calls, rounds=6, threads=before + 1)
    assert set(seen) == {before + 1} and torch.get_num_threads() == before
    assert speed.ran_on.count == before + 1
    assert f"ran on {before + 1} threads, as asked" in speed.note
    assert speed.note in str(speed) and speed.note in speed._repr_html_()
    for fact in speed.records():
        assert f", {before + 1} threads, " in fact.machine
        assert fact.details["note"] == speed.note
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match=f"threads={wrong}"):
            measure.speed(calls, rounds=6, threads=wrong)
