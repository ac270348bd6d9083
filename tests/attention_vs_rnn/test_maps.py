"""Attention weights as transformers computes them, and what they do not tell."""

import math
from dataclasses import replace

import pytest
import torch
from byte_models import reader
from small_models import decoder, draw_tokens, recurrent, wrapped
from transformers import AutoModelForCausalLM

from llmlab.attention_vs_rnn import importance, maps
from llmlab.models import layers
from llmlab.models.transformers_model import TransformersModel

TEXT = "def f(x): return"


def eager(model, tokens):
    """The weights that transformers' own plain attention returns."""
    inner = model.model
    inner.set_attn_implementation("eager")
    with torch.inference_mode():
        found = inner(input_ids=tokens, output_attentions=True, use_cache=False)
    inner.set_attn_implementation("sdpa")
    return found.attentions


def close(found, expected):
    """Equal up to float32, in which transformers takes the softmax."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gpt2", {}),  # learnt positions
        ("opt", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
        ("llama", {"intermediate_size": 48, "num_key_value_heads": 2}),  # rotary
        ("qwen3", {"intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8}),
        ("phi3", {"intermediate_size": 48, "sliding_window": 5}),
        ("gpt_neox", {"intermediate_size": 48}),  # rotary in a part of the head
    ],
)
def test_the_weights_are_those_of_transformers(family, changes):
    model, tokens = wrapped(family, **changes), draw_tokens(2, 9)
    found, expected = maps.weights(model, tokens), eager(model, tokens)
    assert sorted(found) == [0, 1] and len(expected) == 2
    for layer, weights in found.items():
        assert weights.shape == (2, 4, 9, 9)
        close(weights, expected[layer])


@pytest.mark.parametrize("window", [None, 5])
def test_the_weights_of_our_decoder_are_those_of_transformers(window):
    ours, tokens = decoder(window=window), draw_tokens(2, 9)
    theirs = AutoModelForCausalLM.from_config(ours.config).double().eval()
    names = {
        "embedding": "model.embed_tokens", "norm": "model.norm",
        "layers": "model.layers", "attention_norm": "input_layernorm",
        "mlp_norm": "post_attention_layernorm", "attention": "self_attn",
        "query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "o_proj",
        "gate": "gate_proj", "up": "up_proj", "down": "down_proj", "head": "lm_head",
    }  # fmt: skip
    weights = {
        ".".join(names.get(part, part) for part in name.split(".")): value
        for name, value in ours.state_dict().items()
    }
    theirs.load_state_dict(weights, strict=False)
    expected = eager(TransformersModel(theirs), tokens)
    for layer, found in maps.weights(ours, tokens).items():
        close(found, expected[layer])


def test_a_row_adds_up_to_1_and_hides_what_is_later():
    for weights in maps.weights(decoder(), draw_tokens(1, 12)).values():
        torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4, 12).double())
        assert not weights.triu(1).any()


def test_one_token_sees_itself():
    (first, *_) = maps.weights(decoder(), draw_tokens(2, 1)).values()
    assert torch.equal(first, torch.ones(2, 4, 1, 1).double())


def test_catching_changes_no_logits_and_leaves_nothing_behind():
    model, tokens = decoder(), draw_tokens(1, 8)
    before, called = model(tokens), []

    def hear(layer, named, result):
        called.append(layer)
        return result

    with maps.Listening(model, hear):
        assert torch.equal(model(tokens), before)
    assert called == [0, 1]
    assert torch.equal(model(tokens), before) and called == [0, 1]
    assert not any(layer._forward_hooks for layer in model.layers)


def test_a_model_that_computes_all_weights_is_asked_for_them():
    model, tokens = wrapped("gpt2"), draw_tokens(1, 6)
    expected = maps.weights(model, tokens)
    model.model.set_attn_implementation("eager")
    for layer, weights in maps.weights(model, tokens).items():
        torch.testing.assert_close(weights, expected[layer])


@pytest.mark.parametrize(
    "model", [recurrent(), wrapped("mamba", state_size=4)], ids=["lstm", "mamba"]
)
def test_a_model_without_attention_says_so(model):
    with pytest.raises(ValueError, match="shows no attention weights"):
        maps.weights(model, draw_tokens(1, 6))


def test_a_text_becomes_a_record_for_each_pair():
    model = reader(context=32)
    facts = maps.of_text(model, "a b\n")
    assert len(facts) == 2 * 4 * (4 * 5) // 2  # layers, heads, pairs
    last = [
        fact
        for fact in facts
        if (fact.details["layer"], fact.details["head"], fact.details["query"])
        == (1, 2, 3)
    ]
    assert [fact.details["key token"] for fact in last] == ["a", " ", "b", "\n"]
    assert sum(fact.value for fact in last) == pytest.approx(1)
    expected = maps.weights(model, torch.tensor([maps.tokenize(model, "a b\n")[0]]))
    assert [f.value for f in last] == pytest.approx(expected[1][0, 2, 3].tolist())


def test_a_text_that_makes_no_map_is_refused():
    model = reader(context=128)
    with pytest.raises(ValueError, match="text has 0 tokens"):
        maps.of_text(model, "")
    with pytest.raises(ValueError, match="text has 80 tokens"):
        maps.of_text(model, "x" * 80)
    model.tokenizer = None
    with pytest.raises(ValueError, match="no tokenizer"):
        maps.of_text(model, "x")


# Importance


def without_by_hand(model, tokens, right, key):
    """The cost when the last token's reading of one key is 0, in every layer."""
    plain = layers.attend

    def attend(queries, keys, values, mask):
        mixed = plain(queries, keys, values, mask).clone()
        scores = queries[:, :, -1:] @ keys.repeat_interleave(2, 1).mT
        weights = (scores / math.sqrt(queries.shape[-1])).softmax(-1)
        weights[..., key] = 0
        mixed[:, :, -1:] = weights @ values.repeat_interleave(2, 1)
        return mixed

    layers.attend = attend
    try:
        logits = model(tokens)[0, -1]
    finally:
        layers.attend = plain
    return -logits.log_softmax(-1)[right].item() / math.log(2)


def test_the_effect_is_that_of_a_value_not_read():
    model = reader(context=32)
    ids, _ = maps.tokenize(model, TEXT)
    tokens = torch.tensor([ids])
    facts = importance.readings(model, TEXT, " x")
    right = maps.tokenize(model, " x")[0][0]
    (whole,) = [f.value for f in facts if f.name == "cost of the answer"]
    logits = model(tokens)[0, -1]
    assert whole == pytest.approx(-logits.log_softmax(-1)[right].item() / math.log(2))
    effects = [f for f in facts if f.name == "effect of removal"]
    assert [f.details["key token"] for f in effects] == list(TEXT)
    for key in (0, 6, len(ids) - 1):
        expected = without_by_hand(model, tokens, right, key) - whole
        assert effects[key].value == pytest.approx(expected, abs=1e-9)


def test_weights_are_means_over_the_heads_that_were_asked_for():
    model = reader(context=32)
    found = maps.weights(model, torch.tensor([maps.tokenize(model, TEXT)[0]]))
    facts = importance.readings(model, TEXT, "x", layers=[1], heads=[0, 3])
    values = [f.value for f in facts if f.name == "attention weight"]
    expected = found[1][0, [0, 3], -1].mean(0)
    assert values == pytest.approx(expected.tolist())


def test_a_weight_can_be_large_and_count_for_nothing():
    """Where the value is 0, all of the attention goes to nothing."""
    model = reader(context=32, num_hidden_layers=1)
    attention = model.layers[0].attention
    attention.value.weight.zero_()
    facts = importance.readings(model, TEXT, " x")
    weights = [f.value for f in facts if f.name == "attention weight"]
    effects = [f.value for f in facts if f.name == "effect of removal"]
    assert sum(weights) == pytest.approx(1) and effects == [0.0] * len(weights)


def test_a_transformers_model_is_taken_apart_too():
    model = wrapped("gpt2")
    model.tokenizer = reader().tokenizer
    tokens = draw_tokens(1, 6)
    whole = importance.cost(model, tokens, 3)
    rest = {"layers": [0, 1], "heads": [0, 1, 2, 3]}
    assert importance.cost(model, tokens, 3, without=[2], **rest) != whole
    assert importance.cost(model, tokens, 3, without=[2], layers=[0]) == whole
    model.model.set_attn_implementation("eager")
    with pytest.raises(ValueError, match="sdpa"):
        importance.cost(model, tokens, 3, without=[2], **rest)


def test_orders_agree_fully_not_at_all_or_the_other_way():
    facts = importance.readings(reader(context=32), TEXT, " x")
    assert -1 <= importance.rank_agreement(facts) <= 1
    weights = [f for f in facts if f.name == "attention weight"]
    for sign in (1, -1):
        same = [
            replace(f, name="effect of removal", value=sign * f.value, unit="bit")
            for f in weights
        ]
        found = importance.rank_agreement(weights + same)
        assert found == pytest.approx(sign)
    with pytest.raises(ValueError, match="hold 2"):
        importance.rank_agreement(facts[:5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": ""}, "answer is empty"),
        ({"layers": [7]}, r"layers=\[7\]"),
        ({"heads": []}, r"heads=\[\]"),
        ({"text": "x"}, "one token"),
    ],
)
def test_readings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        importance.readings(
            reader(context=32), **{"text": TEXT, "answer": " x"} | changes
        )
