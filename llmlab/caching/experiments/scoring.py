"""How many bits each token costs a model that reads with a cache of some kind.

A text is read in calls of a few tokens, so that later ones attend to what the cache
kept of the earlier ones. Two caches are compared token by token.

Shapes: B texts, T tokens of a call, V vocabulary.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy
import torch
from torch import Tensor

from llmlab import texts
from llmlab.caching.quantities import CACHE_LOSS
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.measure import bootstrap

PART = 64  # tokens that the bootstrap draws as one

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


def some_texts(model: Model, *, count: int, length: int) -> Tensor:
    """Return the first tokens of frozen programs, (B, length), long enough ones."""
    rows: list[list[int]] = []
    for text in texts.evaluation_files().values():
        ids = token_ids(model, text[: 12 * length])
        if len(ids) >= length:
            rows.append(ids[:length])
        if len(rows) == count:
            return torch.tensor(rows)
    raise ValueError(
        f"count={count} texts of {length} tokens are more than the {len(rows)} frozen "
        "ones that long; choose fewer, or a smaller length."
    )


def token_ids(model: Model, text: str) -> list[int]:
    """Return the tokens of a text, which may be longer than the context."""
    return model.tokenizer(text, verbose=False)["input_ids"]


@torch.inference_mode()
def bits(model: Model, tokens: Tensor, make: Callable[[int], Any], call: int) -> Tensor:
    """Return the bits of every token after the first, (B, T - 1).

    make: batch -> a fresh cache. call: tokens that are read at once.
    """
    cache, costs = make(len(tokens)), []
    for start in range(0, tokens.shape[1] - 1, call):
        part = tokens[:, start : start + call]
        logits = model(part, cache).float()  # (B, T, V)
        following = tokens[:, start + 1 : start + 1 + part.shape[1]]
        logits = logits[:, : following.shape[1]]
        chances = logits.log_softmax(-1).gather(2, following[:, :, None])[:, :, 0]
        costs.append(-chances / math.log(2))
    return torch.cat(costs, 1)


def loss(
    changed: Tensor, plain: Tensor, *, subject: str, details: Mapping[str, Any]
) -> Record:
    """Return the share of bits that a changed cache adds, drawn over parts of texts.

    changed, plain: bits of the same tokens (B, T).
    """
    both = torch.stack([changed, plain], -1).double()  # (B, T, 2)
    sums = [part.sum(1) for part in both.split(PART, 1)]
    parts = torch.cat(sums).numpy()  # (parts, 2)
    value, *ends = bootstrap.with_interval(parts, _more)
    low, high = ends or (None, None)
    return records.measured(
        CACHE_LOSS, value, low=low, high=high, subject=subject, details=details
    )


def _more(sums: numpy.ndarray) -> numpy.ndarray:
    return sums[:, 0] / sums[:, 1] - 1


def noted(fact: Record, note: str) -> Record:
    """Return a record whose details say a sentence; the same one for no sentence."""
    if not note:
        return fact
    return replace(fact, details={**fact.details, "note": note})


def find(facts: Sequence[Record], name: str, details: Mapping[str, Any]) -> Record:
    """Return the first fact of this name and these details; ValueError for none."""
    named = [fact for fact in facts if fact.name == name]
    for fact in named:
        if all(fact.details.get(key) == value for key, value in details.items()):
            return fact
    known = "; ".join(
        ", ".join(
            f"{key}={fact.details[key]}" for key in details if key in fact.details
        )
        for fact in named
    )
    asked = ", ".join(f"{key}={value!r}" for key, value in details.items())
    raise ValueError(f"{asked} was not measured; choose of {known}.")
