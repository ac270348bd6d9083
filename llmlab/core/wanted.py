"""What kind of model is wanted, and one sentence where another thing comes.

A technique walks the modules of any model; who writes on from a text, or scores one,
needs the face of a causal model. A name is no model, and a translator writes no text
on. Token ids are those that a model has an embedding for.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core.arguments import is_whole, shown

# What a model has that writes on from a text: the part of `core.model.LanguageModel`
# that others lack.
FACE = ("forward", "vocabulary", "context", "new_cache")
LIKE_CODER = "hand in a causal model, such as models.load('coder')."


def module(name: str, value: Any) -> nn.Module:
    """Return a model that is a module; ValueError for its name and all else."""
    if isinstance(value, nn.Module):
        return value
    raise ValueError(f"{name}={shown(value)} is {_what(value, 'no model')}")


def causal(name: str, value: Any) -> Any:
    """Return a model that writes on from a text; ValueError for one that does not."""
    if all(hasattr(value, part) for part in FACE):
        return value
    if isinstance(value, nn.Module):
        ask = _asked(value)
        raise ValueError(
            f"{name} is a {type(value).__name__}, which does not write on from a text"
            f"{ask and '; '}{ask}; {LIKE_CODER}"
        )
    raise ValueError(f"{name}={shown(value)} is {_what(value, 'no causal model')}")


def tokens(name: str, ids: Iterable[object], vocabulary: int) -> None:
    """Raise ValueError for a token id that the model has no embedding for."""
    for place, token in enumerate(ids):
        if not is_whole(token) or not 0 <= token < vocabulary:
            raise ValueError(
                f"{name} holds {shown(token)} at place {place}; token ids are whole "
                f"numbers from 0 to {vocabulary - 1}: use the model's own tokenizer."
            )


def within(name: str, ids: Tensor, vocabulary: int) -> None:
    """Raise ValueError for a tensor of token ids that goes beyond the embedding."""
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary:
        tokens(name, ids.flatten().tolist(), vocabulary)


def tokenizer(name: str, model: Any) -> Any:
    """Return the tokenizer of a model; ValueError for one that has none."""
    if getattr(model, "tokenizer", None) is not None:
        return model.tokenizer
    called = getattr(model, "name", type(model).__name__)
    raise ValueError(
        f"{name} {called!r} has no tokenizer to read text with; load one that has, "
        "such as models.load('coder'), or pass token ids."
    )


def looked_up(table: nn.Module, ids: Tensor) -> Tensor:
    """Return the embeddings of token ids; ValueError for one that the table lacks.

    The look-up itself is what notices, so that no step pays for a question.
    """
    if torch.compiler.is_compiling():
        return table(ids)
    try:
        return table(ids)
    except IndexError:
        tokens("tokens", ids.flatten().tolist(), len(table.get_parameter("weight")))
        raise


def _what(value: object, none: str) -> str:
    """Say what stands in a model's place, and the way out."""
    if isinstance(value, str | Path):
        return f"a name and no model; load it: models.load({shown(str(value))})."
    return f"{none}; {LIKE_CODER}"


def _asked(model: nn.Module) -> str:
    """Say how another kind of model is asked, if llmlab knows."""
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        return "ask it by models.translation.translate"
    if type(model).__name__.endswith("ForSequenceClassification"):
        return "ask it by models.classification.classify"
    return ""
