"""A decoder of the Llama family out of a GGUF file: configuration and dense weights.

GGUF is llama.cpp's file: metadata and tensors, most of them in blocks of 32 integers
with a scale each. The library `gguf` reads it and computes the numbers that a block
stands for. Two things differ from the files of transformers: names, and the rows of
query and key, which llama.cpp keeps in the order in which its rotary embedding pairs
them (0 with 1, 2 with 3), where transformers pairs a head's first half with its second.

Shapes: N heads, H head width, D model width.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from llmlab.core import progress

TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def config(metadata: dict[str, Any], *, tied: bool) -> Any:
    """Return transformers' LlamaConfig for the metadata of a GGUF file.

    Raises ValueError for another architecture, and where a number is missing.
    """
    from transformers import LlamaConfig

    if (family := metadata.get("general.architecture")) != "llama":
        raise ValueError(
            f"general.architecture={family!r} of this GGUF file is not 'llama', the "
            "only family that is read here; get safetensors of the model instead."
        )
    try:
        numbers: dict[str, Any] = {
            key: metadata[f"llama.{name}"] for key, name in SIZES.items()
        }
        epsilon = metadata["llama.attention.layer_norm_rms_epsilon"]
        theta = metadata["llama.rope.freq_base"]
    except KeyError as error:
        raise ValueError(
            f"this GGUF file does not say {error}; get the file again."
        ) from error
    numbers |= {key: metadata.get(f"tokenizer.ggml.{key}") for key in ENDS}
    return LlamaConfig(
        **numbers,
        rms_norm_eps=_decimal(epsilon),
        rope_parameters={"rope_type": "default", "rope_theta": float(theta)},
        tie_word_embeddings=tied,
        dtype=torch.bfloat16,
        architectures=["LlamaForCausalLM"],
    )


SIZES = {
    "vocab_size": "vocab_size",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "max_position_embeddings": "context_length",
}
ENDS = ("bos_token_id", "eos_token_id")


def _decimal(value: float) -> float:
    """Return the shortest decimal of a number that was kept in 32 bits: 1e-05."""
    import numpy

    return float(str(numpy.float32(value)))


def weights(tensors: Any, metadata: dict[str, Any], *, what: str) -> dict[str, Tensor]:
    """Return the tensors of a GGUF file in bf16, by transformers' names.

    tensors: those of `gguf.GGUFReader`. what: the work, for the line of progress.
    """
    return dict(_named(progress.track(tensors, what), metadata))


def _named(tensors: Any, metadata: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    from gguf import dequantize

    heads = {
        ".q_proj.": metadata["llama.attention.head_count"],
        ".k_proj.": metadata["llama.attention.head_count_kv"],
    }
    for tensor in tensors:
        name = name_of(tensor.name)
        numbers = dequantize(tensor.data, tensor.tensor_type)
        weight = torch.tensor(numbers).to(torch.bfloat16)  # a file's are not writable
        for part, count in heads.items():
            weight = by_halves(weight, count) if part in name else weight
        yield name, weight.contiguous()


def name_of(stored: str) -> str:
    """Return transformers' name of a GGUF tensor; ValueError for one unknown here."""
    kind, _, rest = stored.partition(".")
    number, _, rest = rest.partition(".")
    part, _, suffix = rest.partition(".")
    if stored in TOP:
        return TOP[stored]
    if kind == "blk" and number.isdecimal() and part in PARTS and suffix == "weight":
        return f"model.layers.{number}.{PARTS[part]}.weight"
    raise ValueError(
        f"this GGUF file holds the tensor {stored!r}, which no Llama has; get "
        "safetensors of the model instead."
    )


def by_halves(weight: Tensor, heads: int) -> Tensor:
    """Return the rows of a head as transformers orders them: even ones, then odd.

    weight: (N * H, D), where rows 2i and 2i + 1 of a head are turned as one pair.
    """
    pairs = weight.unflatten(0, (heads, -1, 2))  # (N, H/2, 2, D)
    return pairs.transpose(1, 2).reshape(weight.shape)
