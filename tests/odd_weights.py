"""Odd folders by their weights: ties, prefixes, keys, indexes, second files, dtypes."""

import os

import torch
from odd_folders import (
    INDEX,
    WEIGHTS,
    cast,
    config,
    folder_at,
    in_shards,
    moved,
    odd,
    other,
    put,
    rename,
    take,
    tensors,
    text,
    without,
)

HEAD, TABLE = "lm_head.weight", "model.embed_tokens.weight"
NORM = "model.layers.1.input_layernorm.weight"
UNFIT = "does not fit its config.json"
SHARD = "model-2-of-2.safetensors"


def scaled(name, factor):
    return tensors(lambda held: held.__setitem__(name, held[name] * factor))


def copied(old, new, factor=1.0):
    return tensors(lambda held: held.__setitem__(new, held[old] * factor))


def bias(rows):
    return torch.full((rows,), 0.5)


def claim(index, parts):
    """Have the index look for a norm in the wrong file."""
    index["weight_map"][NORM] = parts[1]


def invent(index, parts):
    index["weight_map"]["model.wonder.weight"] = parts[0]


def forget(index, parts):
    del index["weight_map"][NORM]


def everything_in(value):
    return lambda index, parts: index.update(weight_map=value)


TIES = {
    "an untied head": odd("llama"),
    "a tied head that the file lacks": odd("llama tied"),
    "a tied head that the file repeats": odd("llama tied", copied(TABLE, HEAD)),
    "a tied head that the file contradicts": odd(
        "llama tied", copied(TABLE, HEAD, 2.0)
    ),
    "a tied table under the head's name": odd("llama tied", rename(TABLE, HEAD)),
    "an untied file that says tied": odd("llama", config(tie_word_embeddings=True)),
    "a tied file that says untied": odd(
        "llama tied", config(tie_word_embeddings=False), gives=UNFIT
    ),
    "a tied file that repeats and says untied": odd(
        "llama tied", copied(TABLE, HEAD), config(tie_word_embeddings=False)
    ),
    "a tied file that does not say": odd(
        "llama tied", config(tie_word_embeddings=...), gives=UNFIT
    ),
    "an untied file without a table": odd("llama", take(TABLE), gives=UNFIT),
    "gpt2": odd("gpt2"),
    "gpt2 with a head of its own": odd("gpt2 untied"),
    "gpt2 with a head against its word": odd(
        "gpt2 untied", config(tie_word_embeddings=True)
    ),
    "gpt2 with the table under the head's name": odd(
        "gpt2", rename("transformer.wte.weight", HEAD)
    ),
    "gpt2 without the head that it should have": odd(
        "gpt2", config(tie_word_embeddings=False), gives=UNFIT
    ),
    "qwen2 with the head twice": odd(
        "qwen2", copied(TABLE, HEAD), config(tie_word_embeddings=True)
    ),
    "gemma2 tied by its family's habit": odd("gemma2", config(tie_word_embeddings=...)),
}
KEYS = {
    "no prefix, tied": odd("llama tied", rename("model.", "")),
    "no prefix, untied": odd("llama", rename("model.", "")),
    "no prefix, and no head": odd(
        "llama", rename("model.", ""), take(HEAD), gives=UNFIT
    ),
    "one prefix too many": odd("llama", rename("model.", "model.model."), gives=UNFIT),
    "the prefix of parallel training": odd(
        "llama",
        tensors(lambda h: {f"module.{k}": t for k, t in h.items()}),
        gives=UNFIT,
    ),
    "the prefix of a compiled model": odd(
        "llama",
        tensors(lambda h: {f"_orig_mod.{k}": t for k, t in h.items()}),
        gives=UNFIT,
    ),
    "gpt2 as it came out, without a prefix": odd("gpt2", rename("transformer.", "")),
    "gpt2 with the prefix of parallel training": odd(
        "gpt2", tensors(lambda h: {f"module.{k}": t for k, t in h.items()}), gives=UNFIT
    ),
    "gpt2 with masks of old": odd(
        "gpt2",
        put(
            transformer__h__0__attn__bias=torch.ones(1, 1, 96, 96).tril(),
            transformer__h__0__attn__masked_bias=torch.tensor(-1e4),
        ),
    ),
    "old rotary tables": odd(
        "llama",
        put(model__layers__0__self_attn__rotary_emb__inv_freq=torch.ones(4)),
    ),
    "a tensor too many": odd("llama", put(wonder__weight=torch.ones(3)), gives=UNFIT),
    "gpt2 with a tensor too many": odd("gpt2", put(wonder__weight=torch.ones(3))),
    "biases that the configuration denies": odd(
        "llama", put(model__layers__0__self_attn__q_proj__bias=bias(32)), gives=UNFIT
    ),
    "a layer too many in the file": odd(
        "llama", config(num_hidden_layers=1), gives=UNFIT
    ),
    "a layer too few in the file": odd(
        "llama", config(num_hidden_layers=3), gives=UNFIT
    ),
    "gpt2 with a layer too many": odd("gpt2", config(n_layer=1)),
    "gpt2 with a layer too few": odd("gpt2", config(n_layer=3), gives=UNFIT),
    "gpt2 without one bias": odd("gpt2", take("h.1.mlp.c_fc.bias"), gives=UNFIT),
    "gpt2 with a wrong shape": odd("gpt2", config(n_positions=64), gives=UNFIT),
    "neox without its final norm": odd(
        "gpt_neox", take("final_layer_norm.weight"), gives=UNFIT
    ),
    "a norm of one row": odd(
        "llama", tensors(lambda h: h.__setitem__(NORM, h[NORM][None])), gives=UNFIT
    ),
    "a number in a norm's place": odd(
        "llama", tensors(lambda h: h.__setitem__(NORM, torch.tensor(1.0))), gives=UNFIT
    ),
    "experts by name": odd("mixtral"),
    "experts without one of them": odd(
        "mixtral", take("experts.3.w1.weight"), gives=UNFIT
    ),
    "experts of qwen3": odd("qwen3_moe"),
    "more experts than the file": odd(
        "mixtral", config(num_local_experts=8), gives=UNFIT
    ),
}
FILES = {
    "two files and an index": odd("llama", in_shards()),
    "gpt2 in two files": odd("gpt2", in_shards()),
    "a stale index beside the one file": odd(
        "llama", in_shards(), other(WEIGHTS), other(SHARD, scale=3.0)
    ),
    "a backup beside the one file": odd("llama", other("model_backup.safetensors")),
    "a backup that comes first": odd("llama", other("a.safetensors")),
    "the makers' own format beside it": odd("llama", other("consolidated.safetensors")),
    "an index without one of its files": odd(
        "llama", in_shards(), without(SHARD), gives=INDEX
    ),
    "an index that is wrong about a file": odd("llama", in_shards(claim)),
    "an index that names too much": odd("llama", in_shards(invent)),
    "an index that names too little": odd("llama", in_shards(forget)),
    "gpt2 with an index that names too little": odd(
        "gpt2", in_shards(lambda i, p: i["weight_map"].pop("transformer.ln_f.bias"))
    ),
    "one tensor in both files": odd(
        "llama",
        in_shards(),
        tensors(lambda h: h.__setitem__(TABLE, torch.ones(61, 32)), SHARD),
        gives=INDEX,
    ),
    "an index that is a list": odd("llama", in_shards(everything_in([])), gives=INDEX),
    "an index of numbers": odd(
        "llama", in_shards(everything_in({"a": 3})), gives=INDEX
    ),
    "an index of nothing": odd("llama", in_shards(everything_in({})), gives=INDEX),
    "an index cut off": odd(
        "llama", in_shards(), lambda f: os.truncate(f / INDEX, 20), gives=INDEX
    ),
    "an index beside pickles": odd("llama", text("pytorch_model.bin.index.json", "{}")),
    "pickled weights beside": odd(
        "llama", text("pytorch_model.bin", "not even a pickle")
    ),
    "a variant's name alone": odd(
        "llama",
        moved(WEIGHTS, "model.fp16.safetensors"),
        gives="model.fp16.safetensors",
    ),
    "weights named in the configuration": odd(
        "llama",
        other("theirs.safetensors"),
        config(transformers_weights="theirs.safetensors"),
        gives="transformers_weights",
    ),
    "gpt2 with weights named in the configuration": odd(
        "gpt2",
        other("theirs.safetensors", "gpt2"),
        config(transformers_weights="theirs.safetensors"),
        gives="transformers_weights",
    ),
    "an adapter beside the model": odd(
        "llama",
        text(
            "adapter_config.json",
            '{"peft_type": "LORA", "base_model_name_or_path": "x/y"}',
        ),
        other("adapter_model.safetensors"),
    ),
    "a folder in the weights' place": odd(
        "llama", without(WEIGHTS), folder_at(WEIGHTS), gives=WEIGHTS
    ),
    "a link to nowhere": odd(
        "llama",
        without(WEIGHTS),
        lambda f: (f / WEIGHTS).symlink_to("gone"),
        gives=WEIGHTS,
    ),
    "weights cut off": odd(
        "llama", lambda f: os.truncate(f / WEIGHTS, 5_000), gives=WEIGHTS
    ),
    "gpt2 with weights cut off": odd(
        "gpt2", lambda f: os.truncate(f / WEIGHTS, 5_000), gives=WEIGHTS
    ),
    "weights of another sort": odd(
        "llama",
        text(WEIGHTS, "version https://git-lfs.github.com/spec/v1\noid sha256:0"),
        gives=WEIGHTS,
    ),
    "no word about the format": odd("llama", lambda f: bare_of_words(f)),
}
NUMBERS = {
    "half the bits": odd("llama", cast(torch.bfloat16, "")),
    "gpt2 with half the bits": odd("gpt2", cast(torch.float16, "")),
    "double": odd("llama", cast(torch.float64, "")),
    "half of it in half": odd("llama", cast(torch.float16, "proj.weight")),
    "whole numbers": odd("llama", cast(torch.int8, ""), gives=UNFIT),
    "a table of whole numbers": odd("llama", cast(torch.int32, TABLE), gives=UNFIT),
    "gpt2 with whole numbers": odd("gpt2", cast(torch.int64, ""), gives=UNFIT),
    "yes and no": odd("llama", cast(torch.bool, NORM), gives=UNFIT),
    "eight bits of float": odd("llama", cast(torch.float8_e4m3fn, "proj.weight")),
    "gpt2 in eight bits of float": odd(
        "gpt2", cast(torch.float8_e4m3fn, "c_fc.weight")
    ),
    "complex numbers": odd("llama", cast(torch.complex64, NORM), gives=UNFIT),
    "not a number": odd("llama", scaled(NORM, float("nan")), gives="holds NaN"),
    "gpt2 without end": odd(
        "gpt2", scaled("transformer.ln_f.bias", float("inf")), gives="ln_f.bias"
    ),
    "a quantizer of somebody else": odd(
        "llama",
        config(quantization_config={"quant_method": "gptq", "bits": 4}),
        gives="quantization_config",
    ),
    "gpt2 and a quantizer": odd(
        "gpt2",
        config(
            quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}
        ),
        gives="quantization_config",
    ),
    "a quantizer that nobody knows": odd(
        "llama",
        config(quantization_config={"quant_method": "wonder"}),
        gives="quantization_config",
    ),
    "no quantizer": odd("llama", config(quantization_config=None)),
}


def bare_of_words(folder):
    """Write the weights as who does not know transformers' metadata."""
    from safetensors.torch import load_file, save_file

    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS)


FOLDERS = TIES | KEYS | FILES | NUMBERS
