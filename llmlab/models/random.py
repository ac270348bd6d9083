"""Decoders of agreed shapes with random weights: for speed, never quality."""

import torch

from llmlab.core import arguments, machine
from llmlab.models.decoder import Decoder

SHAPES = {  # width, layers, query heads, key/value heads, hidden, vocabulary
    "tiny": (64, 2, 4, 2, 160, 512),
    "S": (256, 8, 8, 4, 704, 8_192),  # 8.0 M parameters
    "M": (512, 9, 8, 4, 1_408, 8_192),  # 30.7 M
    "L": (576, 30, 9, 3, 1_536, 49_152),  # 134.5 M
}


def random_model(
    name: str,
    *,
    dtype: torch.dtype | str = torch.float32,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> Decoder:
    """Return a decoder of one of `SHAPES` with weights drawn from N(0, 0.02)."""
    if name not in tuple(SHAPES):
        raise ValueError(
            f"name={arguments.shown(name)} is no shape; choose one of {tuple(SHAPES)}."
        )
    arguments.whole("seed", seed, most=2**63 - 1)
    from transformers import LlamaConfig

    width, layers, heads, kv_heads, hidden, vocabulary = SHAPES[name]
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=4_096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Decoder(config)
    model.name = name
    dtype, device = machine.dtype(dtype), machine.device(device)
    return model.to(dtype).to(device).eval().requires_grad_(False)
