"""Small models to fold and fuse, in float64, and what they answer."""

import hashlib

import torch
from families import make
from small_models import CONTEXT, VOCABULARY, draw_tokens, spread
from transformers import LlamaConfig, Qwen3Config

from llmlab.models.decoder import Decoder

SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 40,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


def llama(**changes):
    """Return a small Llama with unequal parts of query, key and value."""
    return _ready(LlamaConfig(**SIZES | changes))


def qwen3(**changes):
    """Return a small Qwen3: norms of queries and keys, and biases."""
    sizes = SIZES | {"head_dim": 8, "attention_bias": True} | changes
    return _ready(Qwen3Config(**sizes))


def _ready(config):
    return spread(Decoder(config)).to(torch.float64)


MAKERS = {
    "llama": llama,
    "llama with biases": lambda: llama(attention_bias=True, mlp_bias=True),
    "llama, untied": lambda: llama(tie_word_embeddings=False),
    "qwen3": qwen3,
    "t5": lambda: make("t5", dtype=torch.float64),
    "gpt2": lambda: make("gpt2", dtype=torch.float64),
}
DECODERS = ("llama", "llama with biases", "llama, untied", "qwen3")


@torch.inference_mode()
def answers(model, *, seed=0):
    """Return the logits of a prompt, and those of the tokens behind it."""
    tokens = draw_tokens(2, 9, seed=seed)
    if isinstance(model, Decoder):
        cache = model.new_cache(2, 9)
        parts = [model(part, cache) for part in tokens.split([6, 1, 2], 1)]
        return torch.cat(parts, 1)
    if model.config.is_encoder_decoder:
        return model(input_ids=tokens, decoder_input_ids=tokens[:, :4]).logits
    return model(input_ids=tokens).logits


def furthest(one, two):
    """Return the largest difference, of the largest logit."""
    return float((one - two).abs().max() / two.abs().max())


def digest(model):
    """Return a fingerprint of a model's bytes."""
    made = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        made.update(name.encode() + tensor.numpy().tobytes())
    return made.hexdigest()
