"""Traces are drawn from their seed, and have the sharing that they promise."""

from collections import Counter
from itertools import pairwise

import pytest
import small_models

from llmlab import models, texts
from llmlab.caching import PagePool, PrefixTree, traces

FILE = [n * 7 % 4000 for n in range(1024)]
MAKERS = {
    "chat": lambda **options: traces.chat(**options),
    "editor": lambda **options: traces.editor(FILE, **options),
    "independent": lambda **options: traces.independent(**options),
    "zipf": lambda **options: traces.zipf(**options),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def share_read_before(prompts, *, pages=4096):
    """Return the share of tokens that a tree over pages of 16 has read before."""
    pool = PagePool(small_models.decoder(), pages=pages, page_size=16)
    tree = PrefixTree(pool)
    for prompt in prompts:
        held, count = tree.match(prompt)
        held = list(held) + [pool.take() for _ in range((len(prompt) - count) // 16)]
        tree.insert(prompt, held)
        for page in held:
            pool.drop(page)
    return tree.hits / tree.asked


@each
def test_a_seed_gives_the_same_trace_again_and_another_seed_another(make):
    assert make(seed=3) == make(seed=3) != make(seed=4)


@each
def test_prompts_are_token_ids_that_coder_can_take(make):
    prompts = make()
    assert all(prompts) and max(map(len, prompts)) <= 1024 - 24
    assert all(type(token) is int and 0 <= token < 4096 for p in prompts for token in p)


def test_a_chat_is_sent_again_with_each_turn():
    prompts = traces.chat(users=3, turns=4, header=10, seed=1)
    assert len(prompts) == 12
    assert len({tuple(prompt[:10]) for prompt in prompts}) == 1
    users = Counter(tuple(prompt[10:26]) for prompt in prompts)
    assert sorted(users.values()) == [4, 4, 4]
    for user in users:
        turns = [prompt for prompt in prompts if tuple(prompt[10:26]) == user]
        for one, following in pairwise(turns):
            assert following[: len(one)] == one and len(following) >= len(one) + 48


def test_an_editor_sends_the_file_up_to_the_cursor():
    prompts = traces.editor(FILE, requests=20, start=50, typed=(3, 9), edits=0)
    assert prompts[0] == FILE[:50]
    for one, following in pairwise(prompts):
        assert following == FILE[: len(following)]
        assert 3 <= len(following) - len(one) <= 9


def test_an_editor_that_goes_back_changes_what_was_there():
    prompts = traces.editor(FILE, requests=60, start=50, typed=(3, 9), edits=0.3)
    changed = [
        one for one, following in pairwise(prompts) if following[: len(one)] != one
    ]
    assert 8 <= len(changed) <= 28


def test_independent_prompts_share_nothing():
    prompts = traces.independent(requests=50, length=(20, 30))
    assert {*map(len, prompts)} <= {*range(20, 31)}
    assert len({tuple(prompt[:4]) for prompt in prompts}) == 50


def test_a_few_questions_are_asked_most_of_the_time():
    prompts = traces.zipf(requests=2000, distinct=100, exponent=1.0)
    counts = sorted(Counter(map(tuple, prompts)).values(), reverse=True)
    assert len(prompts) == 2000 and len(counts) <= 100
    assert sum(counts[:10]) > 900, "ten of a hundred: 0.56 of all, by the formula"
    steeper = traces.zipf(requests=2000, distinct=100, exponent=2.0)
    assert max(Counter(map(tuple, steeper)).values()) > counts[0]


def test_the_traces_have_what_a_prefix_cache_needs_and_the_independent_one_lacks():
    tokens = models.load("coder").tokenizer(texts.evaluation())["input_ids"]
    assert share_read_before(traces.editor(tokens)) > 5 / 6, "the mark: a sixth is read"
    assert share_read_before(traces.chat()) > 0.7
    assert share_read_before(traces.independent()) == 0
    assert share_read_before(traces.chat(), pages=64) < share_read_before(traces.chat())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: traces.editor(FILE[:100]), "text has 100 tokens, and 32 requests may"),
        (lambda: traces.chat(users=0), "users=0 must be a whole number of at least 1"),
        (lambda: traces.chat(question=(9, 3)), r"question=\(9, 3\) is no span"),
        (lambda: traces.chat(answer=4), "answer=4 is no span of tokens"),
        (lambda: traces.zipf(exponent=0), "exponent=0 must be a number above 0"),
        (lambda: traces.zipf(seed=None), "seed=None must be a whole number"),
        (lambda: traces.independent(vocabulary=1), "vocabulary=1 must be a whole"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
