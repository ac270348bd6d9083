"""Models whose weights go where a function says: the learner's masks put to work.

Shapes: O output features, I input features.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from llmlab.models import surgery
from llmlab.pruning import masks as choosing
from llmlab.pruning import targets

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
MaskOf = Callable[[str, Tensor], Tensor]  # a layer's name, its weight -> mask (O, I)


def pruned_layers(model: nn.Module) -> dict[str, surgery.LinearLayer]:
    """Return the linear layers that lose weights: all but the head."""
    return surgery.linear_layers(model, skip=targets.heads(model))


def masks_of(model: nn.Module, mask_of: MaskOf, *, name: str) -> dict[str, Tensor]:
    """Ask a function for a mask of each layer; ValueError where it is none.

    name: of the function, for the message.
    """
    masks = {}
    for layer, module in pruned_layers(model).items():
        weight = surgery.weight_of(module).detach()
        masks[layer] = choosing.checked_mask(mask_of(layer, weight), weight, name)
    return masks


def masked(model: Model, masks: Mapping[str, Tensor], word: str) -> Model:
    """Return a new model with zeros where a mask is False. word: see `targets.say`."""
    weights = {
        layer: targets.without(surgery.weight_of(model.get_submodule(layer)), mask)
        for layer, mask in masks.items()
    }
    return targets.with_weights(model, weights, word)
