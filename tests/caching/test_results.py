"""Answers are kept by all that they depend on, and computed once."""

import json
import threading
import time
from functools import partial

import pytest
import small_models
import torch
from kept_answers import Clock, many

from llmlab.caching import keys, results, stores
from llmlab.models.sampling import Sampling

PROMPT = [5, 3, 8]


def cache(**options):
    return results.ResultCache(stores.Memory(8), **options)


def key(model=None, prompt=PROMPT, **choices):
    model = small_models.decoder() if model is None else model
    return results.key(model, prompt, **{"max_tokens": 4} | choices)


@pytest.mark.parametrize("answer", [None, 0, False, [], "", {"a": [1, 2.5, None]}])
def test_an_answer_comes_back_whatever_it_is(answer):
    kept = cache()
    kept.put("k", answer)
    assert kept.get("k", "nothing") == answer
    assert kept.compute("k", pytest.fail) == answer
    assert (kept.hits, kept.misses) == (2, 0)


def test_a_miss_gives_the_default_and_is_counted():
    kept = cache()
    assert kept.get("k") is None and kept.get("k", 7) == 7
    assert (kept.hits, kept.misses) == (0, 2)


def test_the_first_and_the_later_get_the_same():
    kept = cache()
    first = kept.compute("k", lambda: (1, (2, 3)))
    assert first == kept.compute("k", pytest.fail) == [1, [2, 3]]
    first.append(4)
    assert kept.get("k") == [1, [2, 3]], "what one changes is not what others get"


def test_an_answer_ends_after_its_time_by_the_clock_handed_in():
    clock = Clock()
    kept = cache(ttl=10, clock=clock)
    kept.put("k", 1)
    clock.now = 9.9
    assert kept.get("k") == 1
    clock.now = 10
    assert kept.get("k") is None
    assert len(kept.store) == 0, "it takes no place any longer"
    clock.now = 100
    kept.put("k", 2)
    clock.now = 50  # another clock kept it, or somebody set this one back
    assert kept.get("k") is None


def test_without_a_time_an_answer_never_ends():
    clock = Clock()
    kept = cache(clock=clock)
    kept.put("k", 1)
    clock.now = 1e12
    assert kept.get("k") == 1


def test_the_clock_is_one_that_the_next_process_shares_where_the_store_is(tmp_path):
    assert cache().clock is time.monotonic
    with stores.Disk(tmp_path / "a.db", 3) as store:
        assert results.ResultCache(store).clock is time.time


FOREIGN = ["", "[]", "{}", "null", "1", '"answer"', "{", "\x80\x04K\x01.", "NaN"]
FOREIGN += ['{"llmlab": 2, "at": 0, "answer": 1}', '{"llmlab": 1, "at": 0}']
FOREIGN += ['{"llmlab": 1, "at": "soon", "answer": 1}', "[" * 100_000]


@pytest.mark.parametrize("text", FOREIGN, ids=lambda text: text[:20])
def test_text_of_others_is_a_miss_and_is_replaced(text):
    kept = cache(ttl=5)
    kept.store.put("k", text)
    assert kept.get("k", "missed") == "missed"
    assert kept.compute("k", lambda: 3) == 3 == kept.get("k")


def test_what_is_kept_is_json_with_a_version():
    kept = cache(clock=Clock())
    kept.put("k", [1])
    assert json.loads(kept.store.get("k")) == {"llmlab": 1, "at": 0.0, "answer": [1]}


@pytest.mark.parametrize("answer", [{1, 2}, float("nan"), torch.ones(2), b"a"])
def test_what_json_cannot_say_is_refused(answer):
    with pytest.raises(ValueError, match=r"cannot be kept as JSON .* such as tensor"):
        cache().put("k", answer)
    with pytest.raises(ValueError, match="cannot be kept as JSON"):
        cache().compute("k", lambda: answer)


def test_fifty_threads_at_one_key_compute_once():
    kept, calls = cache(), []

    def slow():
        calls.append(1)
        time.sleep(0.2)
        return [len(calls)]

    assert many(lambda: kept.compute("k", slow)) == [[1]] * 50
    assert len(calls) == 1 and (kept.hits, kept.misses) == (49, 1)


def test_different_keys_do_not_wait_for_each_other():
    kept, gate = cache(), threading.Barrier(2, timeout=30)
    names = iter("ab")
    assert sorted(many(lambda: kept.compute(next(names), gate.wait), 2)) == [0, 1]


def test_an_exception_reaches_all_who_wait_and_is_not_kept():
    kept, calls = cache(), []

    def failing():
        calls.append(1)
        time.sleep(0.3)
        raise OSError("no such luck")

    outcomes = many(lambda: kept.compute("k", failing))
    assert {str(error) for error in outcomes} == {"no such luck"}
    assert len(calls) < 50, "most waited for the first"
    assert kept.compute("k", lambda: 4) == 4


def test_ctrl_c_of_the_one_who_computes_frees_the_others():
    kept, calls = cache(), []

    def interrupted():
        calls.append(1)
        time.sleep(0.2)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return "done"

    outcomes = many(lambda: kept.compute("k", interrupted), 8)
    assert [type(one) for one in outcomes].count(KeyboardInterrupt) == 1
    assert outcomes.count("done") == 7 and len(calls) == 2
    assert kept.get("k") == "done"


def test_who_asks_for_the_key_that_he_computes_is_told():
    kept = cache()
    with pytest.raises(RuntimeError, match="asks for itself"):
        kept.compute("k", lambda: kept.compute("k", lambda: 1))
    assert kept.compute("k", lambda: 2) == 2


def test_memoize_computes_once_for_the_same_arguments():
    calls = []

    def add(a, *, b=0):
        calls.append((a, b))
        return a + b

    quick = results.memoize(add, cache())
    assert [quick(1), quick(1), quick(1, b=2), quick(1, b=2)] == [1, 1, 3, 3]
    assert calls == [(1, 0), (1, 2)]
    with pytest.raises(ValueError, match="hand memoize a `key`"):
        quick(torch.ones(1))


def test_memoize_keeps_the_answers_of_a_model():
    model, calls = small_models.decoder(), []

    def answer(prompt, *, max_tokens):
        calls.append(prompt)
        return list(model.stream(prompt, max_tokens=max_tokens))

    quick = results.memoize(answer, cache(), key=partial(results.key, model))
    assert quick(PROMPT, max_tokens=3) == quick(PROMPT, max_tokens=3)
    assert quick(torch.tensor(PROMPT), max_tokens=3) == quick(PROMPT, max_tokens=3)
    assert len(calls) == 1 and len(quick(PROMPT, max_tokens=4)) == 4


def test_a_key_is_the_same_for_the_same_question():
    assert key() == key() == key(prompt=torch.tensor(PROMPT)) == key(stop=[])
    assert len(key()) == 64
    assert key(stop=[2, 1]) == key(stop={1, 2})
    greedy = key(sampling=Sampling(top_k=5), seed=3)
    assert greedy == key(), "the best token is the best, from whatever seed"


def test_a_key_differs_where_the_answer_may():
    model = small_models.decoder()
    drawn = Sampling(temperature=0.5)
    made = [
        key(),
        key(prompt=[5, 3]),
        key(prompt=[5, 3, 8, 0]),
        key(max_tokens=5),
        key(stop=[1]),
        key(sampling=drawn, seed=0),
        key(sampling=drawn, seed=1),
        key(sampling=Sampling(temperature=0.6), seed=0),
        key(sampling=Sampling(temperature=0.5, top_k=3), seed=0),
        key(sampling=Sampling(temperature=0.5, top_p=0.9), seed=0),
        key(model.float()),
        key(small_models.decoder(rope_theta=500.0)),
        key(small_models.recurrent()),
        key(small_models.wrapped()),
    ]
    assert len(set(made)) == len(made)


def test_a_key_follows_the_weights_and_not_their_name():
    model = small_models.decoder()
    model.weights_version = "the same"
    before = key(model)
    assert key(model) == before
    with torch.no_grad():
        model.layers[0].attention.query.weight[0, 0] += 1e-9
    changed = key(model)
    assert changed != before, "one weight was written to"
    model.layers[0].attention.query = torch.nn.Linear(32, 32, bias=False).double()
    assert key(model) not in (before, changed), "a layer was replaced"


def test_a_key_follows_weights_that_are_not_counted():
    with torch.inference_mode():
        model = small_models.decoder()
        before = key(model)
        next(iter(model.parameters())).mul_(2)
    assert key(model) != before


def test_the_weights_are_read_once(monkeypatch):
    model = small_models.decoder()
    first = keys.fingerprint(model)
    monkeypatch.setattr(keys.hashlib, "sha256", pytest.fail)
    assert keys.fingerprint(model) == first


def test_what_is_drawn_needs_a_seed_that_its_generator_starts_from():
    drawn = Sampling(temperature=0.5)
    with pytest.raises(ValueError, match=r"temperature=0.5 .* give the seed"):
        key(sampling=drawn)
    generator = torch.Generator().manual_seed(3)
    sampling = Sampling(temperature=0.5, generator=generator)
    assert key(sampling=sampling, seed=3) == key(sampling=drawn, seed=3)
    with pytest.raises(ValueError, match=r"seed=4 starts; make it anew"):
        key(sampling=sampling, seed=4)
    torch.rand(1, generator=generator)
    with pytest.raises(ValueError, match="seed=3 starts; make it anew"):
        key(sampling=sampling, seed=3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: key(prompt="text"), r"prompt='text' is no list of token ids"),
        (lambda: key(prompt=[0.5]), r"prompt=\[0.5\] is no list of token ids"),
        (lambda: key(stop=3), r"stop=3 is no list of token ids"),
        (lambda: key(max_tokens=-1), "max_tokens=-1 must be a whole number"),
        (lambda: key(sampling=0.5), "sampling=0.5 does not say how"),
        (lambda: key("coder"), "model='coder' is a name and no model"),
        (lambda: cache(ttl=0), "ttl=0 must be a number above 0; choose None"),
        (lambda: cache().get(b"k"), r"key=b'k' is no text"),
        (lambda: cache().put("\ud800", 1), "key holds half of a character"),
        (lambda: results.ResultCache({}), r"store=\{\} keeps nothing"),
        (lambda: stores.Memory(0), "capacity=0 must be a whole number of at least 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
