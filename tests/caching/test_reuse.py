"""Generation from pages that were read before gives the plain loop's tokens."""

import random
from pathlib import Path

import pytest
import small_models
import torch
from interrupts import before_line

from llmlab import caching
from llmlab.caching import PagePool, PrefixTree, reuse, traces
from llmlab.models import generation
from llmlab.models.sampling import Sampling

ROOM = str(Path(caching.__file__).parent)
MODEL = small_models.decoder()
VOCABULARY = small_models.VOCABULARY


def prepared(*, pages=24, page_size=4, model=MODEL, **options):
    pool = PagePool(model, pages=pages, page_size=page_size)
    return pool, PrefixTree(pool, **options)


def plain(prompt, *, model=MODEL, **options):
    return list(generation.stream(model, prompt, **{"max_tokens": 6} | options))


def on_pages(prompt, pool, prefixes, *, model=MODEL, **options):
    options = {"max_tokens": 6} | options
    return list(reuse.stream(model, prompt, pool=pool, prefixes=prefixes, **options))


def check_whole(pool, prefixes):
    """Every page is free or the tree's, and nobody else's."""
    owned = {page for page in range(1, pool.pages + 1) if pool.counts[page]}
    assert owned.isdisjoint(pool.free) and len({*pool.free}) == len(pool.free)
    assert len(owned) + len(pool.free) == pool.pages
    assert max(pool.counts) <= 1 and len(owned) == len(prefixes or ())


def small_chat(seed=0):
    return traces.chat(
        users=3, turns=4, header=9, question=(1, 6), answer=(1, 5),
        vocabulary=VOCABULARY, seed=seed,
    )  # fmt: skip


@pytest.mark.parametrize("page_size", [1, 4, 7, 64])
def test_tokens_are_those_of_the_plain_loop(page_size):
    pool, prefixes = prepared(pages=200 // page_size + 2, page_size=page_size)
    for prompt in small_chat():
        assert on_pages(prompt, pool, prefixes) == plain(prompt)
        check_whole(pool, prefixes)
    assert page_size > 9 or prefixes.hits > prefixes.asked / 4


def test_tokens_are_the_same_where_the_pool_hardly_holds_a_prompt():
    pool, prefixes = prepared(pages=16)
    for prompt in small_chat(seed=1) + small_chat(seed=2):
        assert on_pages(prompt, pool, prefixes) == plain(prompt)
        check_whole(pool, prefixes)
    assert len(prefixes) <= 16 and 0 < prefixes.hits


def test_tokens_are_the_same_with_a_window():
    model = small_models.decoder(window=5)
    pool, prefixes = prepared(model=model, pages=60)
    for prompt in small_chat():
        expected = plain(prompt, model=model)
        assert on_pages(prompt, pool, prefixes, model=model) == expected
    assert prefixes.hits


def test_without_a_tree_the_pages_only_come_and_go():
    pool, _ = prepared()
    prompt = list(range(20))
    assert on_pages(prompt, pool, None) == plain(prompt)
    check_whole(pool, None)


def test_only_what_was_not_read_is_fed(monkeypatch):
    pool, prefixes = prepared()
    fed, forward = [], MODEL.forward

    def counted(tokens, *args, **options):
        fed.append(tokens.shape[1])
        return forward(tokens, *args, **options)

    monkeypatch.setattr(MODEL, "forward", counted)
    prompt = list(range(18))
    assert on_pages(prompt, pool, prefixes) == on_pages(prompt, pool, prefixes)
    assert fed == [18, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1]
    fed.clear()
    on_pages(prompt[:16], pool, prefixes, max_tokens=1)
    assert fed == [4], "of a prompt of whole pages, the last is read for its logits"


def test_a_request_finds_what_another_one_still_reads_from():
    pool, prefixes = prepared()
    prompt = list(range(18))
    first = reuse.stream(MODEL, prompt, pool=pool, prefixes=prefixes, max_tokens=6)
    begun = [next(first)]
    other = on_pages([*prompt[:16], 5, 5], pool, prefixes)
    assert prefixes.hits == 16 and other == plain([*prompt[:16], 5, 5])
    assert begun + list(first) == plain(prompt)
    check_whole(pool, prefixes)


def test_the_same_page_behind_other_beginnings_is_read_again():
    pool, prefixes = prepared()
    same = [7, 7, 8, 9]
    for start in ([1, 2, 3, 4], [4, 3, 2, 1]):
        prompt = [*start, *same, 5]
        assert on_pages(prompt, pool, prefixes) == plain(prompt)
    assert prefixes.hits == 0 and len(prefixes) == 4


def test_salts_do_not_see_each_other():
    pool, prefixes = prepared()
    prompt = list(range(18))
    for salt in ("me", "you", "me"):
        assert on_pages(prompt, pool, prefixes, salt=salt) == plain(prompt)
    assert prefixes.hits == 16


def test_sampling_and_stop_reach_the_loop():
    pool, prefixes = prepared()
    prompt = list(range(18))
    for _ in range(2):
        drawn = [
            call(prompt, sampling=Sampling(
                temperature=2.0, generator=torch.Generator().manual_seed(1)
            ))
            for call in (plain, lambda p, **k: on_pages(p, pool, prefixes, **k))
        ]  # fmt: skip
        assert drawn[0] == drawn[1]
    first, second = plain(prompt)[:2]
    assert second != first
    assert on_pages(prompt, pool, prefixes, stop=[second]) == [first]
    prefixes.clear()
    assert on_pages(prompt, pool, prefixes, stop=[first]) == []
    assert len(prefixes) == 4, "what was read is kept, whatever was answered"
    check_whole(pool, prefixes)


def test_a_stream_that_is_closed_gives_its_pages_back():
    pool, prefixes = prepared()
    begun = reuse.stream(
        MODEL, list(range(18)), pool=pool, prefixes=prefixes, max_tokens=6
    )
    check_whole(pool, prefixes)
    next(begun)
    assert len(pool.free) < 20
    begun.close()
    check_whole(pool, prefixes)
    del begun
    never = reuse.stream(MODEL, [1, 2], pool=pool, prefixes=prefixes, max_tokens=6)
    del never
    check_whole(pool, prefixes)


def test_a_pool_that_is_too_small_is_told_and_stays_whole():
    pool, prefixes = prepared(pages=5)
    on_pages(list(range(9)), pool, prefixes)
    with pytest.raises(ValueError, match="pages=5 of this pool are not enough"):
        on_pages(list(range(18)), pool, prefixes)
    check_whole(pool, prefixes)
    assert on_pages(list(range(9)), pool, prefixes) == plain(list(range(9)))


def test_stale_memory_never_reaches_an_answer():
    pool, prefixes = prepared(pages=16)
    chooser = random.Random(0)
    for prompt in small_chat():
        for memory in pool.layers:
            paged = memory.view(-1, pool.page_size, *memory.shape[1:])
            paged[pool.free] = torch.nan
        assert on_pages(prompt, pool, prefixes) == plain(prompt)
        prefixes.evict(chooser.randrange(5))


def test_ctrl_c_at_any_line_leaves_pool_and_tree_whole():
    pool, prefixes = prepared(pages=7)
    texts = [list(range(18)), [*range(16), 3, 3], [9] * 14]
    at, went_on = 1, True
    while went_on:
        prefixes.clear()
        on_pages(texts[0], pool, prefixes, max_tokens=1)

        with before_line(at, of=ROOM, spared=["__del__"]) as interrupt:
            for text in texts[1:]:
                on_pages(text, pool, prefixes, max_tokens=1)
        went_on = interrupt.came
        pool.evict(0)  # cuts off what was given back
        check_whole(pool, prefixes)
        at += 1
    assert at > 100
    for text in texts:
        assert on_pages(text, pool, prefixes) == plain(text)


def test_bad_input_is_named_before_anything_runs():
    pool, prefixes = prepared()
    other, _ = prepared()
    cases = {
        "prefixes lie on the pages of another pool": {"pool": other},
        "another model; give each model a pool": {"model": small_models.decoder()},
        "max_tokens=-1 must be": {"max_tokens": -1},
        "prompt is empty": {"prompt": []},
        "prompt holds 61 at place 0": {"prompt": [61]},
        "and the context is 96": {"max_tokens": 96},
        "sampling=3 does not say": {"sampling": 3},
        "salt=3 is no text": {"salt": 3},
    }
    on_pages([1] * 9, pool, prefixes)
    for message, change in cases.items():
        options = {"model": MODEL, "prompt": [1, 2], "pool": pool, "max_tokens": 2}
        with pytest.raises(ValueError, match=message):
            reuse.stream(**options | {"prefixes": prefixes} | change)
    check_whole(pool, prefixes)
