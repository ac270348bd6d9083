"""A model that writes on somebody else's attention: the learner's, in each layer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.attention_vs_rnn import maps
from llmlab.attention_vs_rnn.attention import Attend
from llmlab.core.model import LanguageModel


@dataclass(frozen=True)
class Written:
    """What a model wrote, on its own attention and on the one that it was given."""

    prompt: str
    text: str
    tokens: tuple[int, ...]
    expected: tuple[int, ...]
    calls: int  # of the attention that it was given

    @property
    def same_tokens(self) -> bool:
        """Say whether both wrote the same, token for token."""
        return self.tokens == self.expected

    def __str__(self) -> str:
        same = "the same tokens" if self.same_tokens else "other tokens"
        return (
            f"{self.prompt}{self.text}\n\n"
            f"{same} as on its own attention; yours was called {self.calls:,} times"
        )


def write_with(
    model: LanguageModel, attend: Attend, prompt: str, *, max_tokens: int = 24
) -> Written:
    """Let a model write greedily with `attend` in the place of PyTorch's operator.

    attend: from queries (B, N, T, H), the last T of S tokens, and keys and values
    (B, N, S, H) to what they mix; it reads the prompt and is called for each token
    after it. Raises ValueError for a model without a tokenizer, or one that does not
    attend by the fused operator.
    """
    ids, _ = maps.tokenize(model, prompt)
    expected = tuple(model.stream(ids, max_tokens=max_tokens))
    calls = 0

    def instead(layer: int, arguments: dict, result: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return _attended(attend, arguments).to(result.dtype)

    with torch.inference_mode(), maps.Listening(model, instead):
        tokens = tuple(model.stream(ids, max_tokens=max_tokens))
    if not calls:
        raise ValueError(
            f"model {model.name!r} does not attend by the fused operator, so no other "
            "can take its place; choose a transformer such as models.load('coder')."
        )
    text = model.tokenizer.decode(list(tokens))
    return Written(prompt, text, tokens, expected, calls)


def _attended(attend: Attend, arguments: dict) -> Tensor:
    """Let `attend` answer one call of the operator, (B, N, T, H)."""
    queries, keys, values = (arguments[part] for part in ("query", "key", "value"))
    shape, seen = queries.shape, _seen(arguments)
    if arguments.get("attn_mask") is None and not arguments.get("is_causal"):
        # Each row sees all keys: these are heads of one token, which share a key.
        queries = queries.flatten(1, 2)[..., None, :]  # (B, N, 1, H)
    repeats = queries.shape[1] // keys.shape[1]  # K to N heads
    keys, values = (
        part[..., :seen, :].repeat_interleave(repeats, 1) for part in (keys, values)
    )
    return attend(queries, keys, values).reshape(shape)


def _seen(arguments: dict) -> int:
    """Return how many keys the last query sees; a cache has room for more."""
    mask = arguments.get("attn_mask")
    if mask is None:
        return arguments["key"].shape[-2]
    visible = mask if mask.dtype == torch.bool else mask == 0
    return int(visible[..., -1, :].sum(-1).max())
