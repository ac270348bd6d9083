"""What a GGUF file says of a Llama is read as it is meant; no other file is read."""

import pytest
import torch

from llmlab.models import gguf_llama, gguf_tokenizer

METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 96,
    "llama.embedding_length": 24,
    "llama.feed_forward_length": 40,
    "llama.attention.head_count": 6,
    "llama.attention.head_count_kv": 3,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "llama.rope.freq_base": 5000.0,
    "llama.vocab_size": 61,
    "tokenizer.ggml.eos_token_id": 2,
}


def rotated_in_pairs(rows, position, theta):
    """Turn neighbours 2i and 2i + 1 of one head's vector as llama.cpp does."""
    pairs = torch.view_as_complex(rows.unflatten(0, (-1, 2)).contiguous())
    steps = torch.arange(len(pairs), dtype=torch.float64) / len(pairs)
    angles = position * theta**-steps
    return torch.view_as_real(
        pairs * torch.polar(torch.ones(len(pairs)).double(), angles)
    )


def rotated_by_halves(rows, position, theta):
    """Turn i and i + H/2 of one head's vector as transformers does."""
    first, second = rows.chunk(2)
    steps = torch.arange(len(first), dtype=torch.float64) / len(first)
    cos, sin = (f(position * theta**-steps) for f in (torch.cos, torch.sin))
    return torch.cat([first * cos - second * sin, second * cos + first * sin])


def test_rows_by_halves_give_the_scores_that_rows_in_pairs_gave():
    """The product of a turned query with a turned key, head by head."""
    draw = torch.Generator().manual_seed(0)
    query, key = (torch.randn(3 * 8, 5, generator=draw).double() for _ in range(2))
    seen = torch.randn(5, generator=draw).double()
    for head in range(3):
        rows = slice(8 * head, 8 * head + 8)
        theirs = [
            rotated_in_pairs((weight @ seen)[rows], place, 100.0).flatten()
            for weight, place in ((query, 7), (key, 4))
        ]
        ours = [
            rotated_by_halves(
                (gguf_llama.by_halves(weight, 3) @ seen)[rows], place, 100.0
            )
            for weight, place in ((query, 7), (key, 4))
        ]
        assert ours[0] @ ours[1] == pytest.approx(float(theirs[0] @ theirs[1]))


def test_the_configuration_is_what_the_file_says():
    config = gguf_llama.config(METADATA, tied=True)
    assert (config.hidden_size, config.intermediate_size) == (24, 40)
    assert (config.num_attention_heads, config.num_key_value_heads) == (6, 3)
    assert (config.num_hidden_layers, config.vocab_size) == (2, 61)
    assert config.max_position_embeddings == 96
    assert config.rms_norm_eps == 1e-5, "kept in 32 bits there"
    assert config.rope_parameters["rope_theta"] == 5000.0
    assert (config.eos_token_id, config.tie_word_embeddings) == (2, True)


def test_another_family_and_a_file_that_says_too_little_are_refused():
    with pytest.raises(ValueError, match="'gemma'"):
        gguf_llama.config(METADATA | {"general.architecture": "gemma"}, tied=True)
    short = {k: v for k, v in METADATA.items() if k != "llama.block_count"}
    with pytest.raises(ValueError, match=r"llama\.block_count"):
        gguf_llama.config(short, tied=True)


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output.weight", "lm_head.weight"),
        ("blk.11.attn_q.weight", "model.layers.11.self_attn.q_proj.weight"),
        ("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
    ],
)
def test_tensors_get_the_names_of_transformers(stored, name):
    assert gguf_llama.name_of(stored) == name


@pytest.mark.parametrize(
    "stored", ["blk.0.ffn_gate_exps.weight", "blk.x.attn_q.weight", "rope_freqs.weight"]
)
def test_a_tensor_of_no_llama_is_refused(stored):
    with pytest.raises(ValueError, match=stored):
        gguf_llama.name_of(stored)


def vocabulary(**changes):
    """Return the metadata of a tokenizer of a few words."""
    words = ["<end>", "<turn>", "a", "b", "1", "2", "ab", "12", "Ġ", "Ġab"]
    return METADATA | {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [3, 3] + [1] * 8,
        "tokenizer.ggml.merges": ["a b", "1 2", "Ġ ab"],
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.chat_template": "{{ messages[0]['content'] + '<turn>' }}",
        **changes,
    }


def test_digits_stand_alone_and_control_tokens_are_whole():
    words = gguf_tokenizer.tokenizer(vocabulary())
    assert words.tokenize("ab ab12<turn>") == ["ab", "Ġab", "1", "2", "<turn>"]
    assert words.decode(words("ab ab12<turn>")["input_ids"]) == "ab ab12<turn>"
    tokens = words("ab<turn>")["input_ids"]
    assert words.decode(tokens, skip_special_tokens=True) == "ab"


def test_ends_and_template_come_with_the_tokenizer(tmp_path):
    from transformers import AutoTokenizer, PretrainedConfig

    gguf_tokenizer.tokenizer(vocabulary()).save_pretrained(tmp_path)
    words = AutoTokenizer.from_pretrained(tmp_path, config=PretrainedConfig())
    assert (words.eos_token, words.unk_token, words.bos_token) == (
        "<turn>",
        "<end>",
        None,
    )
    talk = [{"role": "user", "content": "ab"}]
    assert words.apply_chat_template(talk, tokenize=False) == "ab<turn>"


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", "llama"), ("pre", "qwen2"), ("token_type", [3, 3, 6] + [1] * 7)],
)
def test_a_tokenizer_of_another_kind_is_refused(key, value):
    with pytest.raises(ValueError, match="only 'gpt2' with 'smollm' is read"):
        gguf_tokenizer.tokenizer(vocabulary(**{f"tokenizer.ggml.{key}": value}))
