"""Caches in few bits: how far numbers move, and what they take."""

import pytest
import torch
from small_models import decoder, draw_tokens, model

from llmlab import caching
from llmlab.caching import QuantizedCache
from llmlab.kernels import packing


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
        width = true.abs().amax(-1) if bits == 8 else (
            true.amax(-1).clamp(min=0) - true.amin(-1).clamp(max=0)
        )  # fmt: skip
        step = width / (127 if bits == 8 else 15)
        moved = (found - true).abs().amax(-1)
        # A scale of bf16 is at most 1 % too wide; a zero point is rounded, too.
        assert (moved <= step * (0.51 if bits == 8 else 1.02)).all()
    assert not kept(bits, torch.zeros_like(x))[0].any()


def test_four_bits_lie_as_in_files():
    x = torch.randn(1, 2, 5, 8, dtype=torch.float64)
    _, _, cache = kept(4, x)
    codes, scales, zero_points = cache.layers[0][:3]
    integers = x / scales[:, :, :5].double() + zero_points[:, :, :5]
    packed = packing.pack(integers.round().clamp(-8, 7), bits=4)
    assert torch.equal(codes[:, :, :5].flatten(), packed)


@pytest.mark.parametrize(("bits", "token", "times"), [(8, 34, 3.7), (4, 19, 6.4)])
def test_a_token_takes_so_few_bytes(bits, token, times):
    one = decoder(head_dim=32, dtype=torch.float32)
    cache = QuantizedCache(one, 3, 20, bits=bits)
    assert cache.bytes == 3 * 20 * 2 * 2 * 2 * token
    assert one.new_cache(3, 20).bytes / cache.bytes > times
    record = caching.cache_bytes(one, 20, batch=3, bits=bits)
    assert record.value == cache.bytes and record.kind == "estimated"
    assert caching.cache_bytes(one, 20, batch=3).value == one.new_cache(3, 20).bytes


@pytest.mark.parametrize(("bits", "most"), [(8, 0.02), (4, 0.4)])
def test_answers_stay_near_those_of_the_plain_cache(bits, most):
    one = decoder(hidden_size=64, head_dim=32)
    tokens = draw_tokens(2, 30)
    plain = one(tokens).log_softmax(-1).exp()
    found = one(tokens, QuantizedCache(one, 2, 30, bits=bits)).log_softmax(-1).exp()
    assert 0 < (found - plain).abs().mean() / plain.mean() < most


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
