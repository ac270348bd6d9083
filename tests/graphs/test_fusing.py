"""Fused products give the same answers, and come apart again."""

import families
import fused_models as changed
import pytest
import torch
from fused_models import DECODERS, MAKERS, answers, digest, furthest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import draw_tokens, spread
from transformers import AutoModelForCausalLM, LlamaConfig

from llmlab import graphs, models, quantization
from llmlab.graphs import fusing, joined
from llmlab.kernels import Format
from llmlab.measure import operators
from llmlab.models.decoder import Decoder


def test_qkv_of_the_package_is_one_product():
    draw = torch.Generator().manual_seed(0)
    x, query, key, value = (
        torch.randn(rows, 5, generator=draw, dtype=torch.float64)
        for rows in (2, 8, 4, 4)
    )
    counts = operators.count(lambda: fusing.qkv(x, query, key, value))
    assert counts.calls["mm"] == 1
    for got, weight in zip(
        fusing.qkv(x, query, key, value), (query, key, value), strict=True
    ):
        assert torch.allclose(got, x @ weight.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("qkv", [None, fusing.qkv], ids=["joined", "called"])
@pytest.mark.parametrize("name", DECODERS)
def test_a_fused_model_answers_as_before_and_the_original_stays(name, qkv):
    model = MAKERS[name]()
    before, wanted = digest(model), answers(model)
    fused = fusing.fuse(model, qkv=qkv)
    assert furthest(answers(fused), wanted) <= 1e-12
    assert digest(model) == before
    assert fused.cost(3, 5) == model.cost(3, 5)
    again = fusing.unfuse(fused)
    assert digest(again) == before
    assert torch.equal(answers(again), wanted)


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 24),
    st.booleans(), st.booleans(), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_any_groups_widths_and_biases(groups, shared, half, hidden, one, two, seed):
    config = LlamaConfig(
        **changed.SIZES
        | {
            "num_hidden_layers": 1,
            "num_key_value_heads": groups,
            "num_attention_heads": groups * shared,
            "hidden_size": groups * shared * 2 * half,
            "head_dim": 2 * half,
            "intermediate_size": hidden,
            "attention_bias": one,
            "mlp_bias": two,
        }
    )
    model = spread(Decoder(config), seed=seed).to(torch.float64)
    both = fusing.fuse(graphs.fold_norms(model))
    assert furthest(answers(both, seed=seed), answers(model, seed=seed)) <= 1e-12


def test_heads_that_pruning_left_are_joined_as_they_are():
    model = changed.llama()
    attention = model.layers[0].attention
    for part, rows in (("query", 12), ("key", 4), ("value", 4)):
        layer = getattr(attention, part)
        layer.weight = torch.nn.Parameter(layer.weight.detach()[:rows])
        layer.out_features = rows
    attention.output.weight = torch.nn.Parameter(
        attention.output.weight.detach()[:, :12]
    )
    fused = fusing.fuse(model)
    assert fused.layers[0].attention.heads == [3, 1, 1]
    assert furthest(answers(fused), answers(model)) <= 1e-12


def test_parts_offer_what_others_ask_of_a_plain_layer():
    model = changed.qwen3()
    fused = fusing.fuse(model)
    for part in ("query", "key", "value"):
        plain = getattr(model.layers[0].attention, part)
        rows = getattr(fused.layers[0].attention, part)
        assert torch.equal(rows.weight, plain.weight)
        assert torch.equal(rows.bias, plain.bias)
        assert rows.out_features == plain.out_features
    storage = fused.layers[0].attention.joined.weight.untyped_storage()
    assert storage.data_ptr() == rows.weight.untyped_storage().data_ptr()


def test_coder_is_the_same_in_float32():
    model = models.load("coder-small")
    tokens = torch.arange(1, 40)[None]
    with torch.inference_mode():
        wanted, got = model(tokens), fusing.fuse(model)(tokens)
    assert furthest(got, wanted) <= 1e-5


def test_a_fused_model_is_saved_as_a_plain_llama_again(tmp_path):
    fused = fusing.fuse(changed.llama())
    with pytest.raises(ValueError, match="could not say how"):
        models.save(fused, tmp_path / "fused")
    folder = models.save(fusing.unfuse(fused), tmp_path / "plain")
    ours = models.load(folder, dtype=torch.float64)
    assert furthest(answers(ours), answers(fused)) <= 1e-12
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    tokens = draw_tokens(2, 9)
    with torch.inference_mode():  # its norms take means in fp32
        logits = theirs(input_ids=tokens).logits
        assert furthest(logits, fused(tokens)) <= 1e-5


def test_fused_and_then_quantized_is_quantized_row_by_row():
    model = changed.llama().float()
    one = quantization.quantize(fusing.fuse(model), Format(bits=8))
    two = quantization.quantize(model, Format(bits=8))
    assert type(one.layers[0].attention.joined).__name__ == "QuantizedLinear"
    assert furthest(answers(one), answers(two)) <= 1e-5
    with pytest.raises(ValueError, match="fuse the float model first, then quantize"):
        fusing.fuse(two)


REFUSED = {
    "gpt2": (lambda: families.make("gpt2"), "knows the layers of our decoder alone"),
    "t5": (lambda: families.make("t5"), "knows the layers of our decoder alone"),
    "fused": (lambda: fusing.fuse(changed.llama()), "fused already"),
    "a name": (lambda: "coder", "is a name and no model"),
    "formats": (lambda: mixed(), "in several formats"),
}


def mixed():
    model = changed.llama()
    model.layers[0].attention.key.to(torch.float32)
    return model


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_fused_is_refused_in_one_sentence(case):
    make, words = REFUSED[case]
    with pytest.raises(ValueError, match=words) as caught:
        fusing.fuse(make())
    assert "\n" not in str(caught.value)


WRONG = {
    "two": (lambda x, q, k, v: (x @ q.T, x @ k.T), "return .q, k, v."),
    "thirds": (
        lambda x, q, k, v: (x @ torch.cat((q, k, v)).T).chunk(3, -1),
        "it must be a tensor of",
    ),
    "rows": (lambda x, q, k, v: (x[:1] @ q.T, x @ k.T, x @ v.T), "qkv gave q of"),
    "lists": (lambda x, q, k, v: ([1], [2], [3]), "qkv gave q of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_product_gives_one_sentence(case):
    qkv, words = WRONG[case]
    fused = fusing.fuse(changed.llama(), qkv=qkv)
    with pytest.raises(ValueError, match=words) as caught:
        answers(fused)
    assert "\n" not in str(caught.value)


def test_a_layer_is_apart_what_it_was():
    plain = changed.llama().layers[0].mlp
    fused = joined.FusedSwiGLU(plain)
    for part in ("gate", "up", "down"):
        assert torch.equal(
            getattr(fused.apart(), part).weight, getattr(plain, part).weight
        )
