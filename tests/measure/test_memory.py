"""Memory: bytes are counted once, and the worst moment of a call is found."""

import pytest
import small_models
import torch
from torch import nn

from llmlab import quantization
from llmlab.kernels import abilities
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.measure import memory

MEGA = 10**6


def test_weights_are_the_bytes_of_all_parameters():
    model = small_models.decoder(dtype=torch.float32)
    (weights,) = memory.held(model)
    own = sum(p.numel() for p in model.parameters()) * 4
    buffers = sum(b.nbytes for b in model.buffers())
    assert weights.value == own + buffers and weights.unit == "B"
    assert weights.subject == f"{model.name} fp32"


def test_half_the_bytes_per_number_is_half_the_memory():
    big, small = (
        memory.weight_bytes(nn.Linear(64, 32).to(dtype))
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert big == 2 * small == 4 * (64 * 32 + 32)


def test_tied_and_shared_weights_count_once():
    tied = small_models.decoder(tie_word_embeddings=True)
    untied = small_models.decoder(tie_word_embeddings=False)
    table = tied.embedding.weight.nbytes
    assert memory.weight_bytes(untied) - memory.weight_bytes(tied) == table
    pair = nn.ModuleList([nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)])
    pair[1].weight = nn.Parameter(pair[0].weight.data)  # another object, same storage
    assert memory.weight_bytes(pair) == 8 * 8 * 4


def test_layers_in_the_order_of_onednn_count_their_numbers():
    for dtype in (torch.bfloat16, torch.float32):
        if abilities.prepacked(dtype):
            weight = torch.randn(64, 32, dtype=dtype)
            assert memory.weight_bytes(PrepackedLinear(weight)) == weight.nbytes
    whole = QuantizedLinear(quantization.absmax(weight.float()), activations=True)
    assert 64 * 32 < memory.weight_bytes(whole) < 64 * 32 + 64 * 16


def test_a_sparse_weight_counts_its_values_and_its_places():
    layer = nn.Linear(100, 100, bias=False)
    dense = torch.zeros(100, 100)
    dense[0, :10] = 1.0
    layer.weight = nn.Parameter(dense.to_sparse(), requires_grad=False)
    assert memory.weight_bytes(layer) == 10 * 4 + 2 * 10 * 8


def test_a_cache_counts_what_it_allocated():
    model = small_models.model("decoder")
    cache = model.new_cache(3, 20)
    _, found = memory.held(model, cache)
    # keys and values of 3 rows, 20 tokens, 2 layers, 2 heads, 8 numbers of 8 bytes
    assert found.value == cache.bytes == 2 * 3 * 20 * 2 * 2 * 8 * 8
    assert found.name == "cache" and found.details["batch"] == 3


def test_the_allocator_peak_is_the_worst_moment_and_not_the_end():
    def call():
        wide = torch.zeros(5 * MEGA, dtype=torch.uint8)
        wider = torch.zeros(20 * MEGA, dtype=torch.uint8)
        del wide, wider
        return torch.zeros(MEGA, dtype=torch.uint8)

    allocator, _ = memory.peak(call)
    assert allocator.value == pytest.approx(25 * MEGA, rel=0.01)
    assert (allocator.name, allocator.kind) == ("allocator peak", "measured")


def test_the_allocator_peak_leaves_out_what_stood_before():
    kept = torch.zeros(50 * MEGA, dtype=torch.uint8)
    allocator, _ = memory.peak(lambda: kept[:MEGA].clone())
    assert MEGA <= allocator.value < 2 * MEGA


def test_a_stream_is_pulled_to_its_end():
    def stream():
        for size in (1, 3, 2):
            yield torch.zeros(size * MEGA, dtype=torch.uint8)

    allocator, _ = memory.peak(stream)
    assert 3 * MEGA <= allocator.value < 6 * MEGA


def test_the_process_peak_is_at_least_what_the_call_touched():
    _, process = memory.peak(lambda: torch.ones(50 * MEGA, dtype=torch.uint8).sum())
    assert process.value > 50 * MEGA and process.unit == "B"
    assert process.details["since"].startswith("start of the ")


def test_measuring_memory_says_nothing(capfd):
    memory.peak(lambda: torch.zeros(10))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
