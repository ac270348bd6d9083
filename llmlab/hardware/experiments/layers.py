"""A linear layer of a model, and what it is given when the model reads a program.

Shapes: M tokens, O output features, I input features.
"""

from typing import Any

import torch
from torch import Tensor

from llmlab import texts
from llmlab.core import wanted
from llmlab.core.arguments import shown
from llmlab.models import listening, surgery

CHARACTERS = 16  # of a program, for each token that is wanted


@torch.inference_mode()
def seen(model: Any, name: str | None, *, tokens: int) -> tuple[str, Tensor, Tensor]:
    """Return name, weight (O, I), and inputs (M, I) of a layer, both in float32.

    name: of a linear layer; the last one before the head if not given. Raises
    ValueError for another.
    """
    wanted.causal("model", model)
    layers = surgery.linear_layers(model)
    inner = [one for one in layers if not _is_head(model, layers[one])]
    last = (inner or [*layers])[-1]
    name = last if name is None else name
    if name not in layers:
        raise ValueError(
            f"layer={shown(name)} is no linear layer of the model; one is {last!r}, "
            "and surgery.linear_layers(model) has all."
        )
    text = texts.evaluation()[: CHARACTERS * tokens]
    ids = wanted.tokenizer("model", model)(text, verbose=False)["input_ids"][:tokens]
    with listening.listening(model, [name]) as heard:
        model(torch.tensor([ids]), model.new_cache(1, len(ids)))
    return name, surgery.weight_of(layers[name]).float(), heard[name][0].float()


def _is_head(model: Any, layer: Any) -> bool:
    return surgery.size_of(layer)[0] == model.vocabulary
