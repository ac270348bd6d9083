"""Change the layers of a model: a new model comes back, the old one stays as it was.

Unchanged weights share their storage, as new parameters: nobody pays for them twice,
and training, moving or freezing the copy leaves the original alone. Weights that were
tied stay tied, but for a layer that is changed: it has a weight of its own from then on
and the configuration says so.

Shapes: O output features, I input features.
"""

import copy
import dataclasses
import difflib
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

Model = TypeVar("Model", bound=nn.Module)


def linear_layers(
    model: nn.Module, *, skip: Collection[str] = ()
) -> dict[str, nn.Module]:
    """Return the linear layers of any model by name, GPT-2's Conv1D among them.

    skip: names to leave out, whole ("layers.0.mlp.up") or from some dot on ("head").
    Raises ValueError for a name that no layer has, and for a model without any.
    """
    kinds = (nn.Linear, Conv1D)  # these alone: a subclass may use its weight otherwise
    found = {n: m for n, m in model.named_modules() if type(m) in kinds}
    skip = [skip] if isinstance(skip, str) else list(skip)
    for name in skip:
        if not any(map(_same(name), found)):
            close = difflib.get_close_matches(name, found, n=3, cutoff=0.3)
            raise ValueError(
                f"skip names {name!r}, and no linear layer ends so; choose among "
                f"{', '.join(close or list(found)[:3])}."
            )
    chosen = {
        layer: module
        for layer, module in found.items()
        if not any(_same(name)(layer) for name in skip)
    }
    if not chosen:
        raise ValueError(
            f"model has no linear layer left to change; {type(model).__name__} holds "
            f"{len(found)}, and {len(skip)} names were skipped."
        )
    return chosen


def weight_of(layer: nn.Module) -> Tensor:
    """Return the weight (O, I) of a linear layer, whichever way round it is kept."""
    weight = layer.weight.detach()
    return weight.T if isinstance(layer, Conv1D) else weight


def replaced(model: Model, layers: Mapping[str, nn.Module]) -> Model:
    """Return a copy of a model with other layers under some of its names.

    A new layer without a bias of its own gets the old one's, as `shared` hands it out.
    """
    new = shared(model)
    old = {name: new.get_submodule(name) for name in layers}
    by_identity = {id(old[name]): layers[name] for name in layers}
    for name, layer in layers.items():
        layer.train(old[name].training)
        if layer.bias is None and old[name].bias is not None:
            layer.bias = old[name].bias
            getattr(layer, "ready", lambda: None)()
    for module in new.modules():  # a layer may stand in several places
        for name, child in module._modules.items():
            if id(child) in by_identity:
                module._modules[name] = by_identity[id(child)]
    if "" in layers:  # the model is a linear layer itself
        return layers[""]
    _untie(new, old)
    return new


def shared(model: Model) -> Model:
    """Return a copy of a model that shares the storage of every weight and buffer."""
    memo: dict[int, Any] = {}
    for weight in model.parameters():
        memo[id(weight)] = nn.Parameter(weight.detach(), weight.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = buffer.detach()
    tokenizer = getattr(model, "tokenizer", None)
    memo[id(tokenizer)] = tokenizer
    return copy.deepcopy(model, memo)


def _untie(model: nn.Module, old: Mapping[str, nn.Module]) -> None:
    """Where a changed layer shared its weight, say that it does not any more."""
    left = {id(weight) for weight in model.parameters()}
    if not any(id(layer.weight) in left for layer in old.values()):
        return
    if dataclasses.is_dataclass(getattr(model, "shape", None)):
        model.shape = dataclasses.replace(model.shape, tied=False)
    for module in model.modules():
        config = getattr(module, "config", None)
        # T5's flag also says whether outputs are scaled; it stays what it was.
        if getattr(config, "is_encoder_decoder", False):
            continue
        if dataclasses.is_dataclass(config) and not hasattr(config, "architectures"):
            module.config = dataclasses.replace(config, tie_word_embeddings=False)
        elif getattr(config, "tie_word_embeddings", False):
            config.tie_word_embeddings = False


def _same(name: str):
    return lambda layer: layer == name or layer.endswith("." + name)


def set_weight(layer: nn.Module, weight: Tensor) -> None:
    """Give a linear layer another weight (O, I), in a parameter of its own."""
    weight = weight.T if isinstance(layer, Conv1D) else weight
    new = weight.to(layer.weight).contiguous()
    layer.weight = nn.Parameter(new, requires_grad=layer.weight.requires_grad)
