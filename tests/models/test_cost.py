"""FLOPs are those that PyTorch's counter counts, and bytes those that exist."""

import pytest
import torch
from small_models import CONTEXT, LLAMA, decoder, draw_tokens, model, recurrent, wrapped
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from llmlab import models
from llmlab.core.model import Cost

CALLS = [(1, 0), (17, 0), (1, 30), (9, 21)]  # tokens, cached
CASES = {
    "decoder": decoder,
    "decoder tied": lambda: decoder(tie_word_embeddings=True),
    "decoder with all heads its own": lambda: decoder(num_key_value_heads=4),
    "decoder with one key head": lambda: decoder(num_key_value_heads=1),
    "decoder with wide heads": lambda: decoder(head_dim=16),
    "decoder with biases": lambda: decoder(attention_bias=True, mlp_bias=True),
    "gpt2": wrapped,
    "gpt2 untied": lambda: wrapped(tie_word_embeddings=False),
    "opt": lambda: wrapped("opt", ffn_dim=48, word_embed_proj_dim=32),
    "gpt_neox": lambda: wrapped("gpt_neox", intermediate_size=48),
    "phi3": lambda: wrapped("phi3", **{k: LLAMA[k] for k in ("intermediate_size",)}),
    "openai-gpt": lambda: wrapped("openai-gpt"),
}


def counted(language_model, tokens, cached, batch, last=False):
    """Return PyTorch's count; it sees attention only where that is plain matmuls."""
    cache = language_model.new_cache(batch, CONTEXT)
    if cached:
        language_model(draw_tokens(batch, cached), cache)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        language_model(draw_tokens(batch, tokens), cache, last=last)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("last", [False, True])
def test_flops_are_those_of_pytorchs_counter(name, batch, last):
    made = CASES[name]()
    for tokens, cached in CALLS:
        expected = counted(made, tokens, cached, batch, last)
        assert made.cost(tokens, cached, batch=batch, last=last).flops == expected


def test_a_layer_that_stands_in_several_places_counts_in_each():
    alone, shared = (decoder(num_hidden_layers=4) for _ in range(2))
    shared.layers[2] = shared.layers[3] = shared.layers[1]
    for tokens, cached in CALLS:
        cost = shared.cost(tokens, cached, batch=2)
        assert cost.flops == counted(shared, tokens, cached, 2)
        assert cost.flops == alone.cost(tokens, cached, batch=2).flops
        layer = sum(p.nbytes for p in alone.layers[1].parameters())
        assert alone.cost(tokens, cached, batch=2).bytes - cost.bytes == 2 * layer


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("tied", [True, False])
def test_flops_of_an_rnn_are_those_of_its_single_steps(cell, tied):
    """PyTorch's counter sees nothing of the fused RNN, and all of the cell."""
    made = recurrent(cell, tie_word_embeddings=tied)
    step = counted(made, 1, 5, 2)
    assert made.cost(1, 5, batch=2).flops == step
    assert made.cost(7, 5, batch=2).flops == 7 * step


@pytest.mark.parametrize("tied", [True, False])
def test_the_last_answer_alone_spares_the_head_its_other_positions(tied):
    ours = recurrent(tie_word_embeddings=tied)
    head = ours.head.weight.numel() + ours.projection.weight.numel()
    whole, alone = ours.cost(9, batch=2), ours.cost(9, batch=2, last=True)
    assert whole.flops - alone.flops == 2 * 2 * 8 * head
    assert whole.bytes - alone.bytes == 2 * 8 * 61 * 8
    theirs = model("gpt2")
    whole, alone = theirs.cost(9, batch=2), theirs.cost(9, batch=2, last=True)
    assert whole.bytes - alone.bytes == 2 * 8 * 61 * 8


def test_a_window_is_counted_in_full():
    """Full T x S attention: what a window could save is a technique's to count."""
    assert decoder(window=5).cost(40).flops == decoder().cost(40).flops


@pytest.mark.parametrize("name", ["decoder", "decoder with a window", "gpt2", "opt"])
@pytest.mark.parametrize(("tokens", "cached"), CALLS)
def test_bytes_are_weights_once_the_cache_and_the_logits(name, tokens, cached):
    made, batch = model(name), 3
    tables = [m for m in made.modules() if isinstance(m, torch.nn.Embedding)]
    heads = {id(m.weight) for m in made.modules() if isinstance(m, torch.nn.Linear)}
    looked_up = [t.weight for t in tables if id(t.weight) not in heads]
    weights = sum(p.nbytes for p in made.parameters())
    weights -= sum(table.nbytes for table in looked_up)
    rows = sum(batch * tokens * table[0].nbytes for table in looked_up)
    cache = made.new_cache(batch, CONTEXT)
    if cached:
        made(draw_tokens(batch, cached), cache)
    logits = made(draw_tokens(batch, tokens), cache).nbytes
    share = (
        cache.bytes
        if name in ("gpt2", "opt")
        else (cache.bytes * (tokens + cached) // CONTEXT)
    )  # ours is allocated for the whole context
    expected = weights + rows + share + logits
    assert made.cost(tokens, cached, batch=batch).bytes == expected


def test_an_rnn_moves_its_state_and_no_more_however_long_the_text():
    lstm = model("lstm")
    state = lstm.new_cache(2, CONTEXT).bytes
    weights, logits = sum(p.nbytes for p in lstm.parameters()), 2 * 61 * 8
    assert lstm.cost(1, batch=2).bytes == weights + state + logits
    assert lstm.cost(1, 10, batch=2).bytes == weights + 2 * state + logits
    assert lstm.cost(1, 10_000) == lstm.cost(1, 10)


def test_a_model_that_reads_again_pays_for_the_whole_text():
    again, text = model("openai-gpt"), 40
    assert again.cost(1, text - 1).flops == again.cost(text).flops
    name = "model.transformer.positions_embed.weight"
    positions = again.get_parameter(name)  # the other table is the head
    weights = sum(p.nbytes for p in again.parameters()) - positions.nbytes
    moved = weights + text * positions[0].nbytes + text * 61 * 8
    assert again.cost(1, text - 1).bytes == again.cost(text).bytes == moved


def test_costs_add_up():
    assert Cost(3, 4) + Cost(10, 20) == Cost(13, 24)
    assert 2 * Cost(3, 4) == Cost(3, 4) * 2 == Cost(6, 8)
    assert Cost(6, 4).intensity == 1.5


def test_decoding_moves_more_bytes_per_flop_than_prefill():
    shape = models.random_model("tiny")
    assert shape.cost(1, 511).intensity < 2 < shape.cost(512).intensity
