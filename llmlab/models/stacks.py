"""The layers of a model that stand in a row, whatever its family calls them.

A model has one row of them, an encoder-decoder two. What drops layers, listens to what
they give, or starts a smaller model from some of them asks here where they are.
"""

from typing import Any

from torch import nn

from llmlab.core.arguments import shown
from llmlab.models import rnn
from llmlab.models.decoder import Decoder

SIZES = ("num_hidden_layers", "num_layers", "num_decoder_layers")


def stack(model: nn.Module, which: str | None = None) -> tuple[str, nn.ModuleList]:
    """Return the layers in a row, with their name in the model.

    which: "encoder" or "decoder" of a model that has both. Raises ValueError for a
    model without a configuration, without such a row, and with two of them.
    """
    stacks = _rows(with_config(model))
    outer = {
        name: module
        for name, module in stacks.items()
        if not any(name.startswith(f"{other}.") for other in stacks)
    }
    if which is not None:
        outer = {n: m for n, m in outer.items() if which in n.split(".")}
    if len(outer) == 1:
        return next(iter(outer.items()))
    if len(outer) > 1:
        raise ValueError(
            f"stack={which!r}, and {type(model).__name__} has layers in "
            f"{' and '.join(outer)}; choose stack='encoder' or stack='decoder'."
        )
    raise ValueError(
        f"{type(model).__name__} has no row of layers to take some from (stack="
        f"{shown(which)}); where all places share one layer, there is nothing to drop."
    )


def with_config(model: nn.Module) -> Any:
    """Return the model itself; ValueError for a bare layer, which has no sizes."""
    if not hasattr(model, "config"):
        raise ValueError(
            f"model is a {type(model).__name__} without a configuration that could say "
            "its sizes; hand in a whole model."
        )
    return model


def _rows(model: Any) -> dict[str, nn.ModuleList]:
    if isinstance(model, Decoder | rnn.RecurrentModel):
        layers: Any = model.layers  # a ModuleList, too
        return {"layers": layers}
    counts = {getattr(model.config, name, None) for name in SIZES}
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) in counts
    }
