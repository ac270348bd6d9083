"""What a call with a cache answers, for every model we have.

What every cache must bear is in `contracts/test_caches.py`.
"""

import pytest
import torch
from small_models import CONTEXT, MAKERS, VOCABULARY, draw_tokens, model, recurrent

RECURRENT = ("rnn", "lstm", "gru")
REWINDING = sorted(set(MAKERS) - set(RECURRENT))
OURS = ("decoder", "decoder with a window", *RECURRENT)


def assert_same(name, found, expected):
    """Equal but for rounding; some classes of transformers compute in fp32 inside."""
    close = 1e-11 if name in OURS else 1e-6
    assert (found - expected).abs().max() <= close * expected.abs().max()


@pytest.mark.parametrize("name", MAKERS)
def test_one_token_more_in_every_ragged_row_needs_no_counts(name):
    texts = draw_tokens(3, 10)
    cache = model(name).new_cache(3, CONTEXT)
    model(name)(texts[:, :6], cache, counts=[6, 2, 4])
    after = torch.stack([texts[0, 6:7], texts[1, 2:3], texts[2, 4:5]])
    logits = model(name)(after, cache)
    assert cache.lengths.tolist() == [7, 3, 5]
    for row, length in enumerate(cache.lengths):
        alone = model(name)(texts[row : row + 1, :length])[0, -1]
        assert_same(name, logits[row, 0], alone)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("counts", [None, [6, 6, 6], [6, 1, 4]])
@pytest.mark.parametrize("cached", [True, False])
def test_the_last_answer_alone_is_the_last_of_all(name, counts, cached):
    tokens = draw_tokens(3, 6)
    cache = model(name).new_cache(3, CONTEXT) if cached else None
    alone = model(name)(tokens, cache, counts=counts, last=True)
    whole, ends = model(name)(tokens), counts or [6, 6, 6]
    expected = torch.stack([whole[row, end - 1] for row, end in enumerate(ends)])
    assert alone.shape == (3, 1, VOCABULARY)
    assert_same(name, alone[:, 0], expected)
    assert cache is None or cache.lengths.tolist() == ends


@pytest.mark.parametrize("name", MAKERS)
def test_bytes_are_the_memory_that_the_cache_takes(name):
    tokens = draw_tokens(2, 10)
    cache = model(name).new_cache(2, 10)
    model(name)(tokens, cache)
    assert cache.bytes == {
        "decoder": 2 * 2 * 2 * 2 * 8 * 10 * 8,  # k and v, layers, rows, heads, width
        "decoder with a window": 2 * 2 * 2 * 2 * 8 * 10 * 8,
        "rnn": 3 * 2 * 24 * 8,  # layers, rows, width, whatever was read
        "lstm": 2 * 3 * 2 * 24 * 8,
        "gru": 3 * 2 * 24 * 8,
        "openai-gpt": 2 * 10 * 8,  # the tokens alone
        "mamba": 2 * 10 * 8,
    }.get(name, 2 * 2 * 2 * 4 * 8 * 10 * 8)


@pytest.mark.parametrize("name", REWINDING)
def test_a_full_cache_refuses_and_keeps_what_it_held(name):
    text = draw_tokens(1, 9)
    cache = model(name).new_cache(1, 6)
    model(name)(text[:, :5], cache)
    with pytest.raises(ValueError, match=r"7.*holds 6.*new_cache"):
        model(name)(text[:, 5:7], cache)
    assert cache.lengths.tolist() == [5]
    logits = model(name)(text[:, 5:6], cache)
    assert_same(name, logits, model(name)(text[:, :6])[:, -1:])


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2", "mamba"])
def test_an_interrupted_call_leaves_the_cache_as_it_was(name):
    text = draw_tokens(2, 9)
    cache = model(name).new_cache(2, CONTEXT)
    model(name)(text[:, :4], cache, counts=[4, 2])

    def interrupt(module, arguments, output):
        raise KeyboardInterrupt

    last = list(model(name).layers)[-1]
    hook = last.register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        model(name)(text[:, 4:7], cache)
    hook.remove()
    assert cache.lengths.tolist() == [4, 2]
    logits = model(name)(text[:, 4:7], cache)
    assert_same(name, logits[0], model(name)(text[:1, :7])[0, 4:])
    joined = torch.cat((text[1:, :2], text[1:, 4:7]), 1)
    assert_same(name, logits[1], model(name)(joined)[0, 2:])


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2", "mamba"])
@pytest.mark.parametrize(("batch", "length"), [(0, 4), (-1, 4), (1, 0), (1, -3)])
def test_a_cache_for_nothing_is_refused(name, batch, length):
    with pytest.raises(ValueError, match=rf"batch={batch}, length={length}"):
        model(name).new_cache(batch, length)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fast_paths_of_an_rnn_agree_in_the_types_that_ship(dtype):
    """Many tokens run in a fused kernel, single ones in a cell: the same weights."""
    lstm, tokens = recurrent(dtype=dtype), draw_tokens(2, 16)
    whole, cache = lstm(tokens), lstm.new_cache(2, 16)
    steps = torch.cat([lstm(token, cache) for token in tokens.split(1, 1)], 1)
    assert whole.dtype == steps.dtype == dtype
    close = 1e-5 if dtype == torch.float32 else 0.1
    assert (steps - whole).abs().max() <= close * whole.abs().max()


def test_the_vocabulary_and_the_context_are_what_was_asked_for():
    assert {model(name).vocabulary for name in MAKERS} == {VOCABULARY}
    unlimited = ("bloom", "mamba")  # their configurations name no limit
    limited = [name for name in MAKERS if name not in unlimited]
    assert {model(name).context for name in limited} == {CONTEXT}
