"""Ctrl-C anywhere: every page stays free or somebody's, and the text goes on."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from interrupts import before_line
from small_models import draw_tokens, model

from llmlab import caching
from llmlab.caching import PagePool
from llmlab.models.caches import rows

ROOMS = str(Path(caching.__file__).parent), rows.__file__


def assert_whole(pool: PagePool, caches) -> None:
    """Every page is free or owned, and its count is the number of its owners."""
    owned = Counter(page for one in caches for table in one.tables for page in table)
    assert owned == Counter({p: n for p, n in enumerate(pool.counts) if n})
    assert sorted([*pool.free, *owned]) == list(range(1, pool.pages + 1))


def batch():
    pool = PagePool(model("decoder"), pages=30, page_size=4)
    cache = pool.new_cache(2)
    tokens = draw_tokens(2, 7)
    model("decoder")(tokens, cache, counts=[7, 3])
    texts = [tokens[0].tolist(), tokens[1, :3].tolist()]
    return pool, cache, texts


def assert_goes_on(cache, texts) -> None:
    """The next step answers as a model without a cache does."""
    step = model("decoder")(torch.tensor([[9], [8]]), cache)
    for row, (text, token) in enumerate(zip(texts, (9, 8), strict=True)):
        expected = model("decoder")(torch.tensor([[*text, token]]))[0, -1]
        assert (step[row, -1] - expected).abs().max() < 1e-11


CALLS = {
    "grow": lambda cache: model("decoder")(draw_tokens(2, 6), cache),
    "shrink": lambda cache: cache.rewind([2, 0]),
    "grow and give padding back": lambda cache: model("decoder")(
        draw_tokens(2, 6), cache, counts=[1, 2]
    ),
    "select": lambda cache: cache.select([1, 0, 1]),
    "join": lambda cache: cache.join(cache),
    "write to a shared page": lambda cache: model("decoder")(
        draw_tokens(4, 6), cache.join(cache)
    ),
    "release": lambda cache: cache.release(),
}


# One that comes while a cache is thrown away is told, and goes no further.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_before_any_line_leaves_pool_and_tables_whole(name):
    line, going = 0, True
    while going:
        line += 1 + line // 30  # each line at first, then more widely
        pool, cache, texts = batch()
        with before_line(line, of=ROOMS) as interrupt:
            CALLS[name](cache)
        going = interrupt.came
        assert_whole(pool, [cache])
        held = cache.lengths.tolist()
        if going and held == [7, 3]:
            assert_goes_on(cache, texts)
            assert_whole(pool, [cache])
    assert line > 5


@pytest.mark.parametrize("layer", [0, 1])
def test_ctrl_c_within_a_part_leaves_pool_and_tables_whole(layer):
    calls = []

    def extend_pages(*given):
        calls.append(given)
        if len(calls) == layer + 3:  # two layers have read the prompt
            raise KeyboardInterrupt
        return caching.extend_pages(*given)

    pool = PagePool(model("decoder"), pages=30, page_size=4)
    cache, tokens = pool.new_cache(2, extend_pages=extend_pages), draw_tokens(2, 7)
    model("decoder")(tokens, cache)
    with pytest.raises(KeyboardInterrupt):
        model("decoder")(draw_tokens(2, 5), cache)
    assert cache.lengths.tolist() == [7, 7]
    assert_whole(pool, [cache])
    assert_goes_on(cache, tokens.tolist())


@pytest.mark.parametrize("turn", range(1, 5))
def test_ctrl_c_within_the_resizing_leaves_pool_and_tables_whole(turn):
    calls = []

    def resize_table(*given):
        calls.append(given)
        if len(calls) == turn:
            raise KeyboardInterrupt
        return caching.resize_table(*given)

    pool = PagePool(model("decoder"), pages=30, page_size=4, resize_table=resize_table)
    cache, tokens = pool.new_cache(2), draw_tokens(2, 12)
    with pytest.raises(KeyboardInterrupt):
        model("decoder")(tokens[:, :6], cache)
        model("decoder")(tokens[:, 6:], cache)
    assert_whole(pool, [cache])
    held = cache.longest
    assert_goes_on(cache, tokens[:, :held].tolist())
