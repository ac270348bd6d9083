"""Checkpoints of each family, made by transformers, run on our decoder and agree."""

import json

import pytest
import torch
from small_models import LLAMA, draw_tokens, spread
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from llmlab import models

STEPS = 128
WIDE = LLAMA | {"max_position_embeddings": 256}


def rope(kind, **changes):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10_000.0} | changes}


LLAMA3 = rope(
    "llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
    rope_theta=500.0,
)
YARN = rope("yarn", factor=4.0, original_max_position_embeddings=64)
MIXED = {
    "num_hidden_layers": 4,
    "use_sliding_window": True,
    "sliding_window": 24,
    "max_window_layers": 2,
}
FAMILIES = {
    "llama": (LlamaConfig, {}),
    "llama tied": (LlamaConfig, {"tie_word_embeddings": True}),
    "llama with all heads its own": (LlamaConfig, {"num_key_value_heads": 4}),
    "llama with one key head": (LlamaConfig, {"num_key_value_heads": 1}),
    "llama with wide heads": (LlamaConfig, {"head_dim": 16}),
    "llama with biases": (LlamaConfig, {"attention_bias": True, "mlp_bias": True}),
    "llama, other theta": (LlamaConfig, rope("default", rope_theta=500.0)),
    "llama, linear scaling": (LlamaConfig, rope("linear", factor=4.0)),
    "llama, llama3 scaling": (LlamaConfig, LLAMA3),
    "llama, yarn scaling": (LlamaConfig, YARN),
    "smollm": (
        LlamaConfig,
        {"num_attention_heads": 9, "num_key_value_heads": 3, "hidden_size": 72}
        | {"tie_word_embeddings": True, "rms_norm_eps": 1e-5}
        | rope("default", rope_theta=100_000.0),
    ),
    "mistral": (MistralConfig, {"sliding_window": None}),
    "mistral with a window": (MistralConfig, {"sliding_window": 24}),
    "mistral with a window and wide heads": (
        MistralConfig,
        {"sliding_window": 7, "head_dim": 12, "tie_word_embeddings": True},
    ),
    "qwen2": (Qwen2Config, {}),
    "qwen2 tied": (Qwen2Config, {"tie_word_embeddings": True}),
    "qwen2 with a window in the upper layers": (Qwen2Config, MIXED),
    "qwen2, yarn scaling": (Qwen2Config, YARN),
    "qwen3": (Qwen3Config, {"head_dim": 16}),
    "qwen3 tied": (Qwen3Config, {"head_dim": 12, "tie_word_embeddings": True}),
    "qwen3 with biases": (Qwen3Config, {"head_dim": 16, "attention_bias": True}),
    "qwen3 with a window in the upper layers": (Qwen3Config, MIXED | {"head_dim": 16}),
}


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    """Return the folder of a checkpoint that transformers made."""
    kind, changes = FAMILIES[request.param]
    config = kind(**WIDE | changes)
    place = tmp_path_factory.mktemp("checkpoint")
    spread(AutoModelForCausalLM.from_config(config)).save_pretrained(place)
    return place


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float32, 1e-4), (torch.float64, 1e-5)]
)
def test_logits_agree_with_transformers(folder, dtype, close):
    """transformers keeps norms and rotary angles in fp32 even in float64."""
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    ours, tokens = models.load(folder, dtype=dtype), draw_tokens(2, 150)
    assert isinstance(ours, models.Decoder)
    expected = theirs(tokens).logits.detach()
    assert ours(tokens).dtype == dtype
    assert relative(ours(tokens), expected) < close
    cache = ours.new_cache(2, 150)
    parts = [ours(part, cache) for part in tokens.split((100, 1, 49), 1)]
    assert relative(torch.cat(parts, 1), expected) < close


def test_a_stray_window_of_a_llama_changes_nothing(tmp_path):
    """As in transformers' forward; the cache of its `generate` would use it."""
    config = LlamaConfig(**WIDE | {"sliding_window": 24})
    theirs = spread(AutoModelForCausalLM.from_config(config))
    theirs.save_pretrained(tmp_path)
    tokens = draw_tokens(2, 150)
    expected = theirs.eval()(tokens).logits.detach()
    assert relative(models.load(tmp_path)(tokens), expected) < 1e-4


def test_greedy_tokens_agree_with_generate(folder):
    """At a first difference the two best logits must lie within 1e-4: a tie."""
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ours, prompt = models.load(folder), draw_tokens(1, 16)
    expected = theirs.generate(prompt, max_new_tokens=STEPS, do_sample=False)
    expected = expected[0, 16:].tolist()
    found = list(models.generation.stream(ours, prompt[0], max_tokens=STEPS))
    assert len(found) == len(expected) == STEPS
    assert len(set(found)) > 5  # else agreeing would say little
    differ = [place for place in range(STEPS) if found[place] != expected[place]]
    if differ:
        text = torch.tensor([prompt[0].tolist() + found[: differ[0]]])
        best = ours(text)[0, -1].topk(2).values
        assert best[0] - best[1] < 1e-4


def test_what_we_save_loads_in_plain_transformers_with_equal_logits(folder, tmp_path):
    models.save(models.load(folder), tmp_path)
    before = AutoModelForCausalLM.from_pretrained(folder)
    after = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(after) is type(before)
    tokens = draw_tokens(2, 60)
    assert torch.equal(after(tokens).logits, before(tokens).logits)
    assert after.config.to_diff_dict() == before.config.to_diff_dict()


def test_a_checkpoint_in_several_files_loads_as_if_it_were_one(tmp_path):
    made = spread(AutoModelForCausalLM.from_config(Qwen3Config(**WIDE, head_dim=16)))
    made.save_pretrained(tmp_path / "one")
    made.save_pretrained(tmp_path / "many", max_shard_size="20KB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 2
    tokens = draw_tokens(2, 30)
    one, many = models.load(tmp_path / "one"), models.load(tmp_path / "many")
    assert torch.equal(one(tokens), many(tokens))


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16])
def test_weights_stored_in_half_are_loaded_in_the_dtype_asked_for(tmp_path, stored):
    made = spread(AutoModelForCausalLM.from_config(LlamaConfig(**WIDE))).to(stored)
    made.save_pretrained(tmp_path)
    loaded, tokens = models.load(tmp_path), draw_tokens(1, 20)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    expected = theirs(tokens).logits.detach()
    assert relative(loaded(tokens), expected) < 1e-4
    half = models.load(tmp_path, dtype="bf16")
    assert half(tokens).dtype == torch.bfloat16
    assert relative(half(tokens), expected) < 0.1


def test_a_model_moved_to_another_dtype_is_as_if_loaded_in_it(folder):
    moved, tokens = models.load(folder), draw_tokens(1, 20)
    moved(tokens)
    moved.double()
    assert torch.equal(moved(tokens), models.load(folder, dtype="fp64")(tokens))


def test_older_configurations_with_rope_scaling_are_understood(tmp_path):
    """Checkpoints from before transformers 5 say rope_theta and rope_scaling."""
    config = LlamaConfig(**WIDE, **rope("linear", factor=4.0, rope_theta=500.0))
    spread(AutoModelForCausalLM.from_config(config)).save_pretrained(tmp_path)
    expected = models.load(tmp_path)(draw_tokens(1, 40))
    file = tmp_path / "config.json"
    older = json.loads(file.read_text())
    del older["rope_parameters"]
    older |= {"rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 4.0}}
    file.write_text(json.dumps(older))
    assert torch.equal(models.load(tmp_path)(draw_tokens(1, 40)), expected)
