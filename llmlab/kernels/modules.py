"""Put other modules into a model: a new model comes back, the old one stays as it was.

Unchanged weights share their storage, as new parameters: nobody pays for them twice,
and training, moving or freezing the copy leaves the original alone. Weights that were
tied stay tied, but for a layer that is changed: it has a weight of its own from then on
and the configuration says so.

Shapes: O output features, I input features.
"""

import copy
import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, cast

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core import wanted
from llmlab.core.model import Model

LinearLayer = nn.Linear | Conv1D


def weight_of(layer: LinearLayer) -> Tensor:
    """Return the weight (O, I) of a linear layer, whichever way round it is kept."""
    weight = layer.weight.detach()
    return weight.T if isinstance(layer, Conv1D) else weight


def replace(model: Model, modules: Mapping[str, nn.Module]) -> Model:
    """Return a copy of a model with other modules under some of its names.

    A module that stands in several places is replaced in all of them. A new layer
    without a bias of its own gets the old one's, as `share` hands it out; one that is a
    part of the model already comes in as a copy that shares its storage. Raises
    ValueError for a name that no module has.
    """
    new, original_ids = share(model), {id(weight) for weight in model.parameters()}
    modules = {
        name: share(module)
        if original_ids & set(map(id, module.parameters()))
        else module
        for name, module in modules.items()
    }
    old = {name: _submodule(new, name) for name in modules}
    for name, module in modules.items():
        module.train(old[name].training)
        _hand_on_bias(old[name], module)
    put(new, {id(old[name]): modules[name] for name in modules})
    if "" in modules:  # the model is that module itself
        return cast(Model, modules[""])
    _untie(new, old.values())
    return new


def put(model: nn.Module, modules: Mapping[int, nn.Module]) -> None:
    """Put modules in the place of those with these identities, wherever they stand."""
    for module in model.modules():
        for name, child in module._modules.items():
            if id(child) in modules:
                module._modules[name] = modules[id(child)]


def share(model: Model) -> Model:
    """Return a copy of a model that shares the storage of every weight and buffer."""
    wanted.module("model", model)
    memo: dict[int, Any] = {}
    for weight in model.parameters():
        memo[id(weight)] = nn.Parameter(weight.detach(), weight.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = buffer.detach()
    return _copy(model, memo)


def clone(model: Model) -> Model:
    """Return a copy of a model with storage of its own, ready to be trained.

    Weights that were tied are tied in the copy; the tokenizer is the same object.
    """
    wanted.module("model", model)
    return _copy(model, {})


def _copy(model: Model, memo: dict[int, Any]) -> Model:
    tokenizer = getattr(model, "tokenizer", None)
    memo[id(tokenizer)] = tokenizer
    return copy.deepcopy(model, memo)


def _submodule(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        names = [known for known, _ in model.named_modules()]
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.3)
        raise ValueError(
            f"modules names {name!r}, and {type(model).__name__} has none; choose "
            f"among {', '.join(close or names[1:4])}."
        ) from None


def _hand_on_bias(old: nn.Module, new: nn.Module) -> None:
    places = ("bias" in module._parameters for module in (old, new))
    if all(places) and new.bias is None and old.bias is not None:
        new.bias = old.bias
        getattr(new, "ready", lambda: None)()


def _untie(model: nn.Module, old: Iterable[nn.Module]) -> None:
    """Where a changed module shared its weight, say that it does not any more."""
    left = {id(weight) for weight in model.parameters()}
    gone = [module._parameters.get("weight") for module in old]
    if not any(id(weight) in left for weight in gone if weight is not None):
        return
    whole: Any = model  # `shape` and `config` are neither tensors nor modules
    if hasattr(whole, "shape"):
        whole.shape = dataclasses.replace(whole.shape, tied=False)
    part: Any
    for part in model.modules():
        config: Any = getattr(part, "config", None)
        # T5's flag also says whether outputs are scaled; it stays what it was.
        if getattr(config, "is_encoder_decoder", False):
            continue
        if dataclasses.is_dataclass(config) and not hasattr(config, "architectures"):
            part.config = dataclasses.replace(part.config, tie_word_embeddings=False)
        elif getattr(config, "tie_word_embeddings", False):
            config.tie_word_embeddings = False
