"""Tokens that experiments read, and a model with LayerNorm to change beside `coder`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.caching.experiments import scoring
from llmlab.core import arguments
from llmlab.models.transformers_model import TransformersModel

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
SIZES = {"vocab_size": 256, "n_embd": 128, "n_layer": 2, "n_head": 4}
NO_MARKS = {"bos_token_id": None, "eos_token_id": None}


def tokens(model: Model, length: int) -> Tensor:
    """Return the first tokens of a frozen program, (1, length), or drawn ones.

    Drawn where the model has no tokenizer.
    """
    if getattr(model, "tokenizer", None) is not None:
        return scoring.some_texts(model, count=1, length=length)
    draw = torch.Generator().manual_seed(0)
    return torch.randint(model.vocabulary, (1, length), generator=draw)


class Read:
    """A call that reads a prompt (B, T) into an empty cache."""

    def __init__(self, model: Model, text: Tensor):
        self.model, self.text = model, text

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        """Return the last token's logits, (B, 1, V)."""
        cache = self.model.new_cache(*self.text.shape)
        return self.model(self.text, cache, last=True)


def filled(model: Model, length: int) -> tuple[Any, Tensor]:
    """Return a cache that holds so many tokens, and the next one, (1, 1)."""
    cache, read = model.new_cache(1, length + 1), tokens(model, length)
    with torch.no_grad():
        model.forward(read, cache, last=True)
    return cache, read[:, -1:]


def with_layer_norm(*, context: int) -> TransformersModel:
    """Return a small GPT-2 with random weights: its norms have a scale and a shift."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config.from_dict({**SIZES, **NO_MARKS, "n_positions": context})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = GPT2LMHeadModel(config).eval().requires_grad_(False)
        for module in made.modules():
            if isinstance(module, nn.LayerNorm):
                module.weight.uniform_(0.5, 2)
                module.bias.normal_(std=0.5)
    return TransformersModel(made)


def learners(name: str, function: Any) -> Callable[..., Any]:
    """Return a learner's function; ValueError for what is none."""
    return arguments.function(name, function, way=f"hand in your {name}")
