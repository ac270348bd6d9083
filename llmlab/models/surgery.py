"""Change the layers of a model, by name: a new model comes back, the old one stays.

`replace`, `share`, `clone` and `put` know modules alone and live in `kernels.modules`;
what is here knows which of them are linear layers of a transformer, and puts others in
the place of all of these (`replace_linear`).

Shapes: O output features, I input features.
"""

import contextlib
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core import arguments, wanted
from llmlab.core.arguments import shown
from llmlab.kernels.modules import (
    LinearLayer,
    Model,
    clone,
    put,
    replace,
    share,
    weight_of,
)

__all__ = ["LinearLayer", "Model", "clone", "linear_layers", "naming", "put", "replace"]
__all__ += [
    "replace_linear",
    "set_weight",
    "share",
    "share_of_weights",
    "size_of",
    "weight_of",
]

WHOLE = 0.9  # of a model's matrices: what may be spoken of as all of them


def linear_layers(
    model: nn.Module, *, skip: Collection[str] = ()
) -> dict[str, LinearLayer]:
    """Return the linear layers of any model by name, GPT-2's Conv1D among them.

    skip: names to leave out, whole ("layers.0.mlp.up") or from some dot on ("head").
    Experts that a model keeps as one parameter of three dimensions (Mixtral in
    transformers) are no layers; `experts.separate` gives them some, and where it does
    not, `share_of_weights` says how much is left outside.
    Raises ValueError for a name that no layer has, and for a model without any.
    """
    wanted.module("model", model)
    # These alone: a subclass may use its weight otherwise.
    layers: dict[str, LinearLayer] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, LinearLayer) and type(module) in (nn.Linear, Conv1D)
    }
    skip = _names(skip)
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


def _names(skip: Collection[str]) -> list[str]:
    """Return names of layers as a list; ValueError for what holds none."""
    names = [skip] if isinstance(skip, str) else skip
    if not isinstance(names, Collection) or not all(isinstance(n, str) for n in names):
        raise ValueError(
            f"skip={shown(skip)} is no collection of names; write skip=('head',), or "
            "() to leave nothing out."
        )
    return list(names)


def replace_linear(
    model: Model,
    make: Callable[[nn.Linear], nn.Module],
    *,
    skip: Collection[str] = (),
) -> Model:
    """Return a new model with `make(layer)` in the place of every linear layer.

    make: a class or function that takes an nn.Linear; of GPT-2's Conv1D it is given an
    nn.Linear with the same numbers. What it makes is told its `in_features` and
    `out_features` where it does not say them, since models ask. skip: see
    `linear_layers`. Raises ValueError for what is no module.
    """
    way = "give a class or function that makes a layer of an nn.Linear"
    arguments.function("make", make, way=way)
    layers = {}
    for name, layer in linear_layers(model, skip=skip).items():
        new = make(_as_linear(layer))
        if not isinstance(new, nn.Module):
            raise ValueError(
                f"make gave a {type(new).__name__} for {name}; it must give an "
                "nn.Module, such as a class that is derived from it."
            )
        outputs, inputs = size_of(layer)
        for word, size in (("in_features", inputs), ("out_features", outputs)):
            if not hasattr(new, word):
                setattr(new, word, size)
        layers[name] = new
    return replace(model, layers)


def _as_linear(layer: LinearLayer) -> nn.Linear:
    """Return an nn.Linear of the same numbers, without copying them."""
    if isinstance(layer, nn.Linear):
        return layer
    outputs, inputs = size_of(layer)
    with torch.device("meta"):
        linear = nn.Linear(inputs, outputs, bias=layer.bias is not None)
    linear.weight = nn.Parameter(weight_of(layer), requires_grad=False)
    linear.bias = layer.bias
    return linear


def share_of_weights(model: nn.Module, layers: Iterable[LinearLayer]) -> float:
    """Return which share of a model's matrices stands in these layers, 0 to 1.

    Matrices are parameters of two dimensions and more; tables of embeddings, which are
    looked up and not multiplied with, do not count, tied ones but once, as layers.
    """
    wanted.module("model", model)
    try:
        inside = {id(layer.weight): layer.weight.numel() for layer in layers}
    except (TypeError, AttributeError):
        raise ValueError(
            f"layers={shown(layers)} are no layers; linear_layers(model).values() are."
        ) from None
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    others = {
        id(weight): weight.numel()
        for weight in model.parameters()
        if weight.dim() > 1 and id(weight) not in tables | set(inside)
    }
    held = sum(inside.values())
    return held / (held + sum(others.values()))


def set_weight(layer: LinearLayer, weight: Tensor) -> None:
    """Give a linear layer another weight (O, I), in a parameter of its own."""
    weight = weight.T if isinstance(layer, Conv1D) else weight
    new = weight.to(layer.weight).contiguous()
    layer.weight = nn.Parameter(new, requires_grad=layer.weight.requires_grad)


def size_of(layer: LinearLayer) -> tuple[int, int]:
    """Return outputs and inputs (O, I) of a linear layer."""
    if isinstance(layer, Conv1D):
        return layer.nf, layer.nx
    return layer.out_features, layer.in_features


@contextlib.contextmanager
def naming(layer: str) -> Iterator[None]:
    """Say in a ValueError which layer it is about, and that it may be left out."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"{layer}: {error} Or leave the layer as it is: skip=({layer!r},)."
        ) from error


def _same(name: str):
    return lambda layer: layer == name or layer.endswith("." + name)
