"""Small models with random weights, wide enough apart that no two logits nearly tie."""

from functools import cache
from itertools import chain

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, MistralConfig

from llmlab.models.decoder import Decoder
from llmlab.models.rnn import RecurrentConfig, RecurrentModel
from llmlab.models.transformers_model import TransformersModel

VOCABULARY, CONTEXT = 61, 96
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
LLAMA = SIZES | {"intermediate_size": 48, "num_key_value_heads": 2}
GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": CONTEXT,
    "bos_token_id": None,
    "eos_token_id": None,
}


def spread(model, *, seed=0):
    """Draw all weights so wide that layers rule the logits; make the model ready.

    Embeddings stay small: else a tied head answers each token with the same one.
    """
    generator = torch.Generator().manual_seed(seed)
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if "bias" in name and len(parameter.unique()) > 1:
                parameter.copy_(0.2 * drawn)  # PyTorch draws them, each time anew
            elif parameter.dim() == 1:  # norms, and biases of zeros
                parameter += 0.1 * drawn
            else:
                parameter.copy_(drawn * (0.08 if id(parameter) in tables else 0.4))
    return model.eval().requires_grad_(False)


def decoder(*, window=None, dtype=torch.float64, **changes):
    """Return a decoder, with a sliding window if asked."""
    if window is None:
        config = LlamaConfig(**LLAMA | changes)
    else:
        config = MistralConfig(**LLAMA | {"sliding_window": window} | changes)
    return spread(Decoder(config)).to(dtype)


def recurrent(cell="lstm", *, dtype=torch.float64, **changes):
    """Return a recurrent model of three layers."""
    sizes = {"embedding_size": 16, "hidden_size": 24, "num_hidden_layers": 3}
    sizes |= {"vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT}
    config = RecurrentConfig(cell=cell, **sizes | changes)
    return spread(RecurrentModel(config)).to(dtype)


def wrapped(family="gpt2", *, dtype=torch.float64, **changes):
    """Return a transformers model behind our face."""
    sizes = GPT2 if family in ("gpt2", "openai-gpt") else SIZES
    config = AutoConfig.for_model(family, **sizes | changes)
    return TransformersModel(spread(AutoModelForCausalLM.from_config(config)).to(dtype))


MAKERS = {
    "decoder": decoder,
    "decoder with a window": lambda: decoder(window=5),
    "rnn": lambda: recurrent("rnn"),
    "lstm": recurrent,
    "gru": lambda: recurrent("gru"),
    "gpt2": wrapped,
    # Learnt positions, a window over neighbours, distances without positions, and two
    # whose memory cannot be moved and whose text is read again.
    "opt": lambda: wrapped("opt", ffn_dim=48, word_embed_proj_dim=32),
    "phi3": lambda: wrapped("phi3", sliding_window=5, intermediate_size=48),
    "bloom": lambda: wrapped("bloom", n_layer=2, n_head=4),
    "openai-gpt": lambda: wrapped("openai-gpt"),
    "mamba": lambda: wrapped("mamba", state_size=4),
}


def model(name):
    """Return one of MAKERS, in float64, made once for all tests; do not change it."""
    shared, made = _shared(name)
    assert _state(shared) == made, f"a test has changed {name}, which all tests share"
    return shared


@cache
def _shared(name):
    with torch.inference_mode(False):  # in whatever mode the first test asks for it
        new = MAKERS[name]()
    return new, _state(new)


def _state(model):
    """Return what tells that a model is the one that was made."""
    tensors = chain(model.named_parameters(), model.named_buffers())
    facts = [(key, id(t), t.dtype, t._version, t.requires_grad) for key, t in tensors]
    return model.training, facts


def draw_tokens(*size, seed=0):
    """Return random token ids of this size."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, size, generator=generator)
