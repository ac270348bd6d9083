"""A real decoder, small enough for a check, that keeps what it was asked to read.

Its weights are random, wide apart and in float64, so that no two logits nearly tie and
a token is never followed by itself in the cases. It takes a few milliseconds a token.
"""

import copy
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.models.caches.attention import KVCache
from llmlab.models.decoder import Decoder

SEED = 369  # gives token 0 in the middle, and no token right after itself
SIZES: dict[str, Any] = {
    "vocab_size": 23,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": None,
}


class LittleModel(Decoder):
    """A decoder; `reads` holds how many tokens it was given, call by call."""

    def __init__(self, config: Any):
        super().__init__(config)
        self.reads: list[int] = []

    def forward(
        self,
        tokens: Tensor,
        cache: KVCache | None = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V), as any decoder does."""
        self.reads.append(tokens.numel())
        return super().forward(tokens, cache, counts=counts, last=last)

    def __repr__(self) -> str:
        return "check.model()"


def model() -> LittleModel:
    """Return the model of the examples, fresh: nothing read yet."""
    return copy.deepcopy(_drawn())


@functools.cache
def _drawn() -> LittleModel:
    from transformers import LlamaConfig

    with torch.random.fork_rng(devices=[]):
        little = LittleModel(LlamaConfig(**SIZES))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in little.parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:  # the norms
                parameter.add_(0.1 * drawn)
            else:
                parameter.copy_(0.4 * drawn)
    return little.double().eval().requires_grad_(False)
