"""Every cache remembers on a GPU what it remembers on the processor."""

import pytest
import torch
from on_device import far, placed
from small_models import draw_tokens, model

from llmlab import caching

pytestmark = pytest.mark.cuda
LENGTH = 40


def on_pages(reader, batch):
    return caching.PagePool(reader, pages=60, page_size=4).new_cache(
        batch, length=LENGTH
    )


def in_bits(bits):
    return lambda reader, batch: caching.QuantizedCache(
        reader, batch, LENGTH, bits=bits
    )


def in_a_window(reader, batch):
    return caching.WindowCache(reader, batch, window=LENGTH, sinks=4)


def plain(reader, batch):
    return reader.new_cache(batch, LENGTH)


KINDS = {  # name -> (model, how it is made, whether tokens are taken back one by one)
    "plain": ("decoder", plain, True),
    "window of a model": ("decoder with a window", plain, True),
    "pages": ("decoder", on_pages, True),
    "8 bits": ("decoder", in_bits(8), True),
    "4 bits": ("decoder", in_bits(4), True),
    "window": ("decoder", in_a_window, True),
    "states": ("lstm", plain, False),
    "columns": ("gpt2", plain, True),
    "columns of a window": ("phi3", plain, True),
    "tokens": ("openai-gpt", plain, True),
}


def life(reader, make, backs_off, device):
    """Let rows grow, take tokens back, leave and join; return all logits."""
    cache, said = make(reader, 3), []

    def read(count, seed, *, counts=None, last=False):
        tokens = draw_tokens(len(cache.lengths), count, seed=seed).to(device)
        logits = reader(tokens, cache, counts=counts, last=last)
        if counts is not None and not last:
            keep = torch.arange(count)[None] < torch.tensor(counts)[:, None]
            said.append(logits.cpu()[keep])
        else:
            said.append(logits.cpu())

    read(5, 1)
    read(1, 2)
    read(4, 3, counts=[4, 1, 3])
    read(3, 4, counts=torch.tensor([1, 3, 2]), last=True)
    cache.rewind([9, 7, 8] if backs_off else [11, 0, 11])
    read(2, 5)
    cache = cache.select([2, 0])
    read(1, 6)
    other = make(reader, 1) if make is not on_pages else cache.select([0])
    if make is not on_pages:
        reader(draw_tokens(1, 6, seed=7).to(device), other)
    cache = cache.join(other)
    read(1, 8)
    read(2, 9)
    return said


@pytest.mark.parametrize("name", KINDS)
def test_a_cache_lives_on_the_device_as_on_the_processor(device, name):
    reader, make, backs_off = KINDS[name]
    right = life(model(reader), make, backs_off, torch.device("cpu"))
    found = life(placed(model(reader), device), make, backs_off, device)
    assert len(found) == len(right) == 8
    for mine, theirs in zip(found, right, strict=True):
        assert far(mine, theirs) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["plain", "pages", "8 bits", "window"])
def test_a_cache_keeps_the_models_format(device, name, dtype):
    reader, make, _ = KINDS[name]
    on_device = placed(model(reader), device, dtype)
    cache = make(on_device, 2)
    tokens = draw_tokens(2, 9).to(device)
    on_device(tokens[:, :6], cache)
    found = on_device(tokens[:, 6:], cache)
    assert cache.lengths.device.type == device.type
    right = model(reader)(tokens.cpu())[:, 6:]
    short, rounded = dtype == torch.bfloat16, name == "8 bits"
    assert far(found, right) < (0.15 if short else 0.05 if rounded else 1e-4)
