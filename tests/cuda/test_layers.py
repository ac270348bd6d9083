"""Quantized layers on a GPU: the numbers of the processor, in every layout."""

import pytest
import torch
from on_device import far, placed
from small_models import decoder, draw_tokens
from torch import nn

from llmlab import kernels, models, quantization
from llmlab.kernels.format import Format
from llmlab.models import generation
from llmlab.quantization import awq, gptq

pytestmark = pytest.mark.cuda
FORMATS = {
    "int8": Format(bits=8),
    "int8 in groups": Format(bits=8, group_size=32),
    "int8, activations too": Format(bits=8, activations=True),
    "int4": Format(bits=4, group_size=32),
    "int4 about zero": Format(bits=4, group_size=32, symmetric=True),
    "int4, one scale a row": Format(bits=4),
    "int3": Format(bits=3, group_size=32),
    "int2": Format(bits=2, group_size=32),
}


def linear():
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(128, 64)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return layer.requires_grad_(False)


@pytest.mark.parametrize("word", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_that_moves_gives_the_same_numbers(device, word, dtype):
    small = quantization.quantize(linear(), FORMATS[word])
    x = torch.randn(5, 128, generator=torch.Generator().manual_seed(1))
    right = small(x)
    found = placed(small, device, dtype)(x.to(device, dtype))
    assert found.dtype == dtype and found.device.type == device.type
    assert far(found, right) < (1e-4 if dtype == torch.float32 else 0.03)


@pytest.mark.parametrize("word", ["int8", "int4", "int8, activations too"])
def test_a_layer_that_is_quantized_there_has_the_same_weights(device, word):
    ours = quantization.quantize(linear(), FORMATS[word])
    theirs = quantization.quantize(placed(linear(), device), FORMATS[word])
    x = torch.randn(3, 128, generator=torch.Generator().manual_seed(2))
    assert far(theirs(x.to(device)), ours(x)) < 1e-4


@pytest.mark.parametrize("word", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fastest_operators_of_the_device_are_right(device, is_real, word, dtype):
    """`kernels.autotune` tries what this device has, and takes none that is wrong."""
    if device.type != "cpu" and not is_real:
        pytest.skip("a pretended GPU has the operators of none")
    small = placed(quantization.quantize(linear(), FORMATS[word]), device, dtype)
    for rows in (1, 40):
        tuned = kernels.autotune(nn.Sequential(small), batch=rows)
        x = torch.randn(rows, 128, generator=torch.Generator().manual_seed(3))
        right = quantization.quantize(linear(), FORMATS[word])(x)
        assert far(tuned(x.to(device, dtype)), right) < 0.03


@pytest.mark.parametrize("word", ["int8", "int4", "int8, activations too"])
def test_a_quantized_decoder_writes_the_same_tokens(device, word):
    small = quantization.quantize(
        decoder(dtype=torch.float32, hidden_size=64, intermediate_size=96),
        FORMATS[word],
    )
    on_device = placed(small, device)
    tokens = draw_tokens(2, 10)
    assert far(on_device(tokens.to(device)), small(tokens)) < 1e-3
    right = list(generation.stream(small, [4, 5, 6], max_tokens=6))
    assert list(generation.stream(on_device, [4, 5, 6], max_tokens=6)) == right


@pytest.mark.parametrize("technique", [gptq, awq])
def test_methods_that_read_text_do_so_on_the_device(device, technique):
    original = decoder(dtype=torch.float32, hidden_size=64, intermediate_size=96)
    data, tokens = [draw_tokens(2, 16)], draw_tokens(2, 9, seed=1)
    right = technique.quantize(original, data, FORMATS["int4"])(tokens)
    there = placed(original, device)
    small = technique.quantize(there, data, FORMATS["int4"])
    assert far(small(tokens.to(device)), right) < 0.05  # a tie may round otherwise


def test_a_quantized_model_is_saved_from_the_device_and_comes_back(device, tmp_path):
    small = quantization.quantize(models.random_model("tiny"), FORMATS["int4"])
    right = small(torch.arange(9)[None])
    models.save(placed(small, device), tmp_path / "small")
    assert far(models.load(tmp_path / "small")(torch.arange(9)[None]), right) < 1e-5
    there = models.load(tmp_path / "small", device=device)
    assert far(there(torch.arange(9, device=device)[None]), right) < 1e-4
