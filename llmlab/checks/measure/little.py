"""A real decoder, small enough for a check, that keeps what it was asked to read.

Its weights are random, wide apart and in float64, so that no two logits nearly tie and
a token is never followed by itself in the cases. It takes a few milliseconds a token.
"""

import copy
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

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
    """A decoder that keeps, call by call, how many tokens it was given, and where.

    reads: how many; caches: "none", "empty" or "filled", as the cache was before.
    """

    def __init__(self, config: Any):
        super().__init__(config)
        self.reads: list[int] = []
        self.caches: list[str] = []

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
        self.caches.append(_state(cache))
        return super().forward(tokens, cache, counts=counts, last=last)

    def __repr__(self) -> str:
        return "check.model()"


def model() -> LittleModel:
    """Return the model of the examples, fresh: nothing read yet."""
    little = _anew(_drawn())
    little.reads, little.caches = [], []
    return little


def _anew(module: Any) -> Any:
    """Copy a module with all inside, so that only the numbers are shared.

    `copy.deepcopy` takes 15 ms for the hooks that there are none of.
    """
    new, held = copy.copy(module), vars(module)
    vars(new).update(
        _modules={name: _anew(one) for name, one in held["_modules"].items()},
        _parameters={name: _again(one) for name, one in held["_parameters"].items()},
        _buffers=dict(held["_buffers"]),
    )
    return new


def _again(parameter: nn.Parameter | None) -> nn.Parameter | None:
    if parameter is None:
        return None
    return nn.Parameter(parameter.detach(), requires_grad=False)


def _state(cache: KVCache | None) -> str:
    if cache is None:
        return "none"
    return "filled" if int(cache.lengths.max()) else "empty"


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
