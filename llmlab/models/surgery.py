"""Change the modules of a model: a new model comes back, the old one stays as it was.

Unchanged weights share their storage, as new parameters: nobody pays for them twice,
and training, moving or freezing the copy leaves the original alone. Weights that were
tied stay tied, but for a layer that is changed: it has a weight of its own from then on
and the configuration says so.

Shapes: O output features, I input features.
"""

import contextlib
import copy
import dataclasses
import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

Model = TypeVar("Model", bound=nn.Module)


def linear_layers(
    model: nn.Module, *, skip: Collection[str] = ()
) -> dict[str, nn.Module]:
    """Return the linear layers of any model by name, GPT-2's Conv1D among them.

    skip: names to leave out, whole ("layers.0.mlp.up") or from some dot on ("head").
    Experts that a model keeps as one parameter of three dimensions (Mixtral in
    transformers) are no layers; `share_of_weights` says how much is left outside.
    Raises ValueError for a name that no layer has, and for a model without any.
    """
    kinds = (nn.Linear, Conv1D)  # these alone: a subclass may use its weight otherwise
    layers = {n: m for n, m in model.named_modules() if type(m) in kinds}
    skip = [skip] if isinstance(skip, str) else list(skip)
    for name in skip:
        if not any(map(_same(name), layers)):
            close = difflib.get_close_matches(name, layers, n=3, cutoff=0.3)
            raise ValueError(
                f"skip names {name!r}, and no linear layer ends so; choose among "
                f"{', '.join(close or list(layers)[:3])}."
            )
    chosen = {
        layer: module
        for layer, module in layers.items()
        if not any(_same(name)(layer) for name in skip)
    }
    if not chosen:
        raise ValueError(
            f"model has no linear layer left to change; {type(model).__name__} holds "
            f"{len(layers)}, and {len(skip)} names were skipped."
        )
    return chosen


def share_of_weights(model: nn.Module, layers: Iterable[nn.Module]) -> float:
    """Return which share of a model's matrices stands in these layers, 0 to 1.

    Matrices are parameters of two dimensions and more; tables of embeddings, which are
    looked up and not multiplied with, do not count, tied ones but once, as layers.
    """
    inside = {id(layer.weight): layer.weight.numel() for layer in layers}
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    rest = {
        id(weight): weight.numel()
        for weight in model.parameters()
        if weight.dim() > 1 and id(weight) not in tables | set(inside)
    }
    held = sum(inside.values())
    return held / (held + sum(rest.values()))


def weight_of(layer: nn.Module) -> Tensor:
    """Return the weight (O, I) of a linear layer, whichever way round it is kept."""
    weight = layer.weight.detach()
    return weight.T if isinstance(layer, Conv1D) else weight


def set_weight(layer: nn.Module, weight: Tensor) -> None:
    """Give a linear layer another weight (O, I), in a parameter of its own."""
    weight = weight.T if isinstance(layer, Conv1D) else weight
    new = weight.to(layer.weight).contiguous()
    layer.weight = nn.Parameter(new, requires_grad=layer.weight.requires_grad)


def size_of(layer: nn.Module) -> tuple[int, int]:
    """Return outputs and inputs (O, I) of a linear layer."""
    if isinstance(layer, Conv1D):
        return layer.nf, layer.nx
    return layer.out_features, layer.in_features


def replace(model: Model, modules: Mapping[str, nn.Module]) -> Model:
    """Return a copy of a model with other modules under some of its names.

    A module that stands in several places is replaced in all of them. A new layer
    without a bias of its own gets the old one's, as `share` hands it out; one that is a
    part of the model already comes in as a copy that shares its storage. Raises
    ValueError for a name that no module has.
    """
    new, own = share(model), {id(weight) for weight in model.parameters()}
    modules = {
        name: share(module) if own & set(map(id, module.parameters())) else module
        for name, module in modules.items()
    }
    old = {name: _submodule(new, name) for name in modules}
    for name, module in modules.items():
        module.train(old[name].training)
        _hand_on_bias(old[name], module)
    put(new, {id(old[name]): modules[name] for name in modules})
    if "" in modules:  # the model is that module itself
        return modules[""]
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
    return _copy(model, {})


@contextlib.contextmanager
def naming(layer: str) -> Iterator[None]:
    """Say in a ValueError which layer it is about, and that it may be left out."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"{layer}: {error} Or leave the layer as it is: skip=({layer!r},)."
        ) from error


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
