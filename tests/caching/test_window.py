"""A window: what is kept is what a text of only these tokens would have made."""

import pytest
import torch
from small_models import CONTEXT, decoder, draw_tokens, model

from llmlab.caching import WindowCache
from llmlab.caching.window import turned_back
from llmlab.models import generation
from llmlab.models.layers import rotate

ROTARY_ROUNDING = 1e-4  # its angles are of fp32, so a distance is one at any place


def seen_alone(one, text, window, sinks):
    """Return what follows each token, of a text that has only what it sees.

    The oracle of one layer, where keys know nothing of other tokens.
    """
    answers = []
    for end in range(1, len(text) + 1):
        start = max(sinks, end - (window - sinks))
        seen = text[:end] if end <= window else text[:sinks] + text[start:end]
        answers.append(one(torch.tensor([seen]))[0, -1])
    return torch.stack(answers)


@pytest.mark.parametrize(("window", "sinks"), [(8, 0), (8, 2), (12, 4), (6, 4)])
def test_a_token_sees_the_sinks_and_the_last_ones_at_positions_of_the_cache(
    window, sinks
):
    one, text = decoder(num_hidden_layers=1), draw_tokens(40).tolist()
    expected = seen_alone(one, text, window, sinks)
    for cuts, close in (([1] * 40, 1e-12), ([40], 1e-5), ([5, 20, 1, 14], 1e-5)):
        cache, start = WindowCache(one, 1, window=window, sinks=sinks), 0
        for count in cuts:
            logits = one(torch.tensor([text[start : start + count]]), cache)[0]
            wanted = expected[start : start + count]
            assert (logits - wanted).abs().max() < close * expected.abs().max()
            start += count
        assert cache.lengths.tolist() == [window - 1] and not cache.can_rewind


def test_keys_turned_back_are_those_of_the_lower_positions():
    one, raw = model("decoder"), torch.randn(1, 2, 30, 8, dtype=torch.float64)
    high, low = (one.rotary(start, 30, 90, raw) for start in (50, 7))
    found = rotate(turned_back(rotate(raw, high), high), low)
    assert (found - rotate(raw, low)).abs().max() < 1e-12


def test_answers_do_not_depend_on_how_a_ragged_batch_is_cut():
    one, tokens = model("decoder"), draw_tokens(3, 40)
    steps, drawn = WindowCache(one, 3, window=12), torch.Generator().manual_seed(1)
    expected = torch.cat([one(tokens[:, n : n + 1], steps) for n in range(40)], 1)
    cache, read = WindowCache(one, 3, window=12), [0, 0, 0]
    while min(read) < 40:
        counts = torch.randint(10, (3,), generator=drawn).tolist()
        counts = [min(n, 40 - at) for n, at in zip(counts, read, strict=True)]
        call = draw_tokens(3, max(1, *counts) + 1)
        for row, (at, n) in enumerate(zip(read, counts, strict=True)):
            call[row, :n] = tokens[row, at : at + n]
        logits = one(call, cache, counts=counts)
        for row, (at, n) in enumerate(zip(read, counts, strict=True)):
            lost = logits[row, :n] - expected[row, at : at + n]
            assert not n or lost.abs().max() < ROTARY_ROUNDING
            read[row] += n
    assert cache.lengths.tolist() == [11] * 3


def test_generation_goes_past_the_context_and_memory_stays_what_it_is():
    one = model("decoder")
    cache = WindowCache(one, 2, window=20, sinks=2)
    prompts = draw_tokens(2, 30).tolist()
    steps = generation.stream_batch(one, prompts, max_tokens=120, cache=cache)
    first, sizes = [next(steps) for _ in range(40)], {cache.bytes}
    for step in steps:
        first.append(step)
        sizes.add(cache.bytes)
    assert len(first) == 120 > CONTEXT and len(sizes) == 1
    assert cache.limit is None and cache.lengths.tolist() == [19, 19]
    with pytest.raises(ValueError, match="the context is 96"):
        generation.stream_batch(one, prompts, max_tokens=120)


def test_a_row_that_forgot_starts_anew_and_others_join_it():
    one = model("decoder")
    cache = WindowCache(one, 1, window=9)
    one(draw_tokens(1, 30), cache)
    with pytest.raises(ValueError, match=r"lengths\[0\]=5 after 8 tokens.*row to 0"):
        cache.rewind(5)
    both = cache.join(WindowCache(one, 1, window=9))
    assert not both.can_rewind and both.select([1]).can_rewind
    cache.rewind(0)
    assert cache.can_rewind and cache.bytes == 0
    tokens = draw_tokens(1, 6, seed=3)
    assert (one(tokens, cache) - one(tokens)).abs().max() < 1e-11
    one(tokens.expand(2, -1), both)
    assert both.lengths.tolist() == [8, 6]
    with pytest.raises(ValueError, match="other has the form"):
        cache.join(WindowCache(one, 1, window=10))


def test_nonsense_is_refused():
    one = model("decoder")
    for words, call in {
        "window=5 must be a whole number of at least 6": lambda: WindowCache(
            one, 1, window=5
        ),
        "sinks=-1 must be": lambda: WindowCache(one, 1, window=9, sinks=-1),
        "batch=0": lambda: WindowCache(one, 0, window=9),
        "keys have 4 heads of 8": lambda: decoder(num_key_value_heads=4)(
            draw_tokens(1, 3), WindowCache(one, 1, window=9)
        ),
        "counts=3 of tokens that no layer": lambda: WindowCache(
            one, 1, window=9
        ).advance(3),
    }.items():
        with pytest.raises(ValueError, match=words):
            call()
