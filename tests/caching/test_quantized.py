"""Caches in few bits: how far numbers move, and what they take."""

import pytest
import torch
from small_models import decoder, draw_tokens, model

from llmlab import caching, models
from llmlab.caching import QuantizedCache
from llmlab.kernels import packing
from llmlab.texts import frozen


def kept(bits, x):
    """Return numbers (B, K, T, H) as a cache gives them back, and the cache."""
    cache = QuantizedCache(model("decoder"), len(x), 9, bits=bits)
    keys, values, _ = cache.extend(0, x, -x)
    assert torch.equal(values, values.to(x.dtype)) and values.dtype == x.dtype
    return keys, values, cache


@pytest.mark.parametrize("bits", [8, 4])
def test_a_number_moves_by_half_a_step_of_its_token_and_head(bits):
    x = (
        torch.randn(3, 2, 5, 8, dtype=torch.float64)
        * torch.tensor([1e-3, 40.0])[None, :, None, None]
    )
    for found, true in zip(kept(bits, x)[:2], (x, -x), strict=True):
        low, high = true.amin(-1), true.amax(-1)
        width = high - low if bits == 4 else true.abs().amax(-1)
        step = width / (127 if bits == 8 else 15)
        moved = (found - true).abs().amax(-1)
        # bf16 makes a step at most 1 % wider, and rounds the lowest number.
        rounded = low.abs() / 256 if bits == 4 else 0.0
        assert (moved <= step * 0.51 + rounded).all()
    assert not kept(bits, torch.zeros_like(x))[0].any()


def test_four_bits_lie_as_in_files():
    x = torch.randn(1, 2, 5, 8, dtype=torch.float64)
    _, _, cache = kept(4, x)
    codes, scales, lowest = (part[:, :, :5] for part in cache.layers[0][:3])
    integers = (x - lowest.double()) / scales.double() - 8
    packed = packing.pack(integers.round().clamp(-8, 7), bits=4)
    assert torch.equal(codes.flatten(), packed)


@pytest.mark.parametrize(("bits", "token", "times"), [(8, 34, 3.7), (4, 20, 6.3)])
def test_a_token_takes_so_few_bytes(bits, token, times):
    one = decoder(head_dim=32, dtype=torch.float32)
    cache = QuantizedCache(one, 3, 20, bits=bits)
    assert cache.bytes == 3 * 20 * 2 * 2 * 2 * token
    assert one.new_cache(3, 20).bytes / cache.bytes > times
    record = caching.cache_bytes(one, 20, batch=3, bits=bits)
    assert record.value == cache.bytes and record.kind == "estimated"
    assert caching.cache_bytes(one, 20, batch=3).value == one.new_cache(3, 20).bytes


@pytest.mark.parametrize(("bits", "most"), [(8, 0.001), (4, 0.01)])
def test_coder_reads_a_program_about_as_well(bits, most):
    """A whole text is the lab's own measurement; this is one short program."""
    one = models.load("coder")
    text = next(iter(frozen.short_files().values()))[:1500]
    tokens = torch.tensor([one.tokenizer(text)["input_ids"]])

    def loss(cache):
        with torch.inference_mode():
            logits = one(tokens, cache)[0, :-1]
        return torch.nn.functional.cross_entropy(logits, tokens[0, 1:])

    plain = loss(None)
    rounded = loss(QuantizedCache(one, 1, tokens.shape[1], bits=bits))
    assert 0 < abs(rounded / plain - 1) < most


def test_kernels_that_read_memory_are_not_told_of_any():
    cache = QuantizedCache(model("decoder"), 1, 9)
    for part in ("memory", "places", "reserve"):
        assert not hasattr(cache, part)


def test_nonsense_is_refused():
    one = model("decoder")
    for words, call in {
        "bits=3 is neither 8 nor 4": lambda: QuantizedCache(one, 1, 9, bits=3),
        "batch=1, length=0": lambda: QuantizedCache(one, 1, 0),
        "keys have 4 heads of 8": lambda: decoder(num_key_value_heads=4)(
            draw_tokens(1, 3), QuantizedCache(one, 1, 9)
        ),
        "10 more tokens make 10": lambda: one(
            draw_tokens(1, 10), QuantizedCache(one, 1, 9)
        ),
        "other has the form": lambda: QuantizedCache(one, 1, 9).join(
            QuantizedCache(one, 1, 9, bits=4)
        ),
    }.items():
        with pytest.raises(ValueError, match=words):
            call()


def test_waste_is_what_is_reserved_and_holds_no_token():
    assert caching.waste([30, 900], length=1024).value == 1 - 930 / 2048
    assert caching.waste([30, 900, 16], page_size=16).value == 1 - 946 / 960
    for wrong in ({}, {"length": 40, "page_size": 4}, {"length": 20}):
        with pytest.raises(ValueError, match="length="):
            caching.waste([30], **wrong)
