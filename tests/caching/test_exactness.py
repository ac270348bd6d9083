"""Every cache gives the plain loop's tokens, however texts are cut and taken back."""

import pytest
import torch
from small_models import CONTEXT, draw_tokens, model

from llmlab import caching
from llmlab.models import generation

LENGTH = 60


def on_pages(one, batch, **parts):
    return caching.PagePool(one, pages=80, page_size=4).new_cache(batch, **parts)


CACHES = {
    "pages": on_pages,
    "pages, parts handed in": lambda one, batch: caching.PagePool(
        one, pages=80, page_size=4, resize_table=caching.resize_table
    ).new_cache(
        batch, page_slots=caching.page_slots, extend_pages=caching.extend_pages
    ),
    "window": lambda one, batch: caching.WindowCache(one, batch, window=LENGTH),
    "8 bits": lambda one, batch: caching.QuantizedCache(one, batch, LENGTH),
    "4 bits": lambda one, batch: caching.QuantizedCache(one, batch, LENGTH, bits=4),
}


def plain_loop(name, one, text, count):
    """Read the whole text again for each token; integers are rounded anew."""
    text = list(text)
    for _ in range(count):
        cache = CACHES[name](one, 1) if name.endswith("bits") else None
        text.append(int(one(torch.tensor([text]), cache)[0, -1].argmax()))
    return text[-count:]


def read_in_cuts(one, cache, texts, seed):
    """Read all but the last token of each text, with detours that are taken back."""
    drawn = torch.Generator().manual_seed(seed)

    def number(most):
        return int(torch.randint(most + 1, (), generator=drawn))

    read = [0] * len(texts)
    while any(at < len(text) - 1 for at, text in zip(read, texts, strict=True)):
        pairs = zip(read, texts, strict=True)
        counts = [min(number(6), len(text) - 1 - at) for at, text in pairs]
        tokens = draw_tokens(len(texts), max(1, *counts) + number(2), seed=seed)
        for row, (at, count) in enumerate(zip(read, counts, strict=True)):
            tokens[row, :count] = torch.tensor(texts[row][at : at + count])
        one(tokens, cache, counts=counts)
        read = [at + count for at, count in zip(read, counts, strict=True)]
        if number(2) == 0:
            one(draw_tokens(len(texts), 1 + number(4), seed=seed + 1), cache)
            read = [max(0, at - number(3)) for at in read]
            cache.rewind(read)
            seed += 1


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("name", CACHES)
def test_tokens_are_those_of_the_loop_that_reads_again(name, window):
    if name == "window" and window:
        with pytest.raises(ValueError, match="looks back 5 tokens by itself; choose"):
            CACHES[name](model("decoder with a window"), 1)
        return
    one = model("decoder with a window" if window else "decoder")
    for seed in range(4):
        lengths = (17, 1, 26)[seed % 2 :]
        texts = [draw_tokens(n, seed=seed + n).tolist() for n in lengths]
        cache = CACHES[name](one, len(texts))
        read_in_cuts(one, cache, texts, seed)
        last = [text[-1:] for text in texts]
        steps = list(generation.stream_batch(one, last, max_tokens=12, cache=cache))
        for row, text in enumerate(texts):
            tokens = [step[row] for step in steps]
            assert tokens == plain_loop(name, one, text, 12)


def test_a_batch_on_pages_goes_on_after_rows_have_ended():
    """Rows that stop stand still; their pages stay as many as they were."""
    one, prompts = model("decoder"), [[5, 6, 7, 8], [9], [3, 4]]
    alone = [list(one.stream(prompt, max_tokens=20)) for prompt in prompts]
    stop = (alone[1][2], alone[0][5])
    with on_pages(one, 3) as cache:
        kept = list(one.stream_batch(prompts, max_tokens=20, stop=stop))
        steps = list(
            generation.stream_batch(one, prompts, max_tokens=20, stop=stop, cache=cache)
        )
        held = cache.lengths.tolist()
        assert [len(table) for table in cache.tables] == [-(-n // 4) for n in held]
    assert steps == kept


def test_a_text_on_pages_ends_at_the_context():
    one = model("decoder")
    cache = on_pages(one, 1)
    assert cache.limit == CONTEXT
    with pytest.raises(ValueError, match="97, and the context is 96"):
        generation.stream(one, [1] * 90, max_tokens=7, cache=cache)
