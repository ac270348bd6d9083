"""A smaller model of the same class, from a configuration that names its sizes.

Whole neurons, heads, layers or channels that are left out make a model that is smaller
and faster on every machine, with no kernel of its own. If all layers keep the same
number, a plain configuration can say it: then transformers loads what `models.save`
writes.
"""

import contextlib
import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core.model import Model
from llmlab.models import built, from_config, rnn, surgery
from llmlab.models.changes import Changes, persistent
from llmlab.models.decoder import Decoder
from llmlab.models.transformers_model import TransformersModel
from llmlab.pruning import targets

CARRIED = ("name", "weights_version", "tokenizer", "generation_config", "format")


def resized(
    model: Model, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
) -> Model:
    """Return a new model of the same class with other settings and some other tensors.

    tensors: by name, those that the new model does not have from the old one; what is
    not named is the old one's of the same name, and shares its storage. settings: of
    the configuration, by its own words ("intermediate_size"). Raises ValueError for
    stored layers, for layers that share a module, and for tensors of other sizes than
    the new configuration gives.
    """
    targets.check_plain(model)
    if isinstance(model, TransformersModel):
        inner = resized(model.model, _below(tensors, "model."), settings)
        return _carry(model, TransformersModel(inner))
    if not isinstance(model, Decoder | rnn.RecurrentModel) and not hasattr(
        model, "save_pretrained"
    ):
        raise ValueError(
            f"model is a {type(model).__name__} without a configuration that could say "
            "its sizes; hand in a whole model."
        )
    held = {**dict(_tensors(model)), **tensors}
    new = _empty(model, settings, held)
    _refuse_shared(model, new)
    _fill(new, held, model)
    return _carry(model, new)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def _empty(
    model: Any, settings: Mapping[str, Any], held: Mapping[str, Tensor]
) -> nn.Module:
    """Return a model of the new configuration, still without its weights."""
    if isinstance(model, rnn.RecurrentModel):
        return from_config.empty(dataclasses.replace(model.config, **settings))
    config = copy.deepcopy(model.config)
    for name, value in settings.items():
        setattr(config, name, value)
    if not isinstance(model, Decoder):
        with torch.random.fork_rng(devices=[]), from_config.no_bars():
            return type(model)._from_config(config)
    try:
        built.checked(config)
    except ValueError:  # a number of heads that transformers forbids: said by layer
        config = copy.deepcopy(model.config)
        heads = ("num_attention_heads", "num_key_value_heads")
        for name in settings.keys() - {*heads}:
            setattr(config, name, settings[name])
        built.checked(config)
    new = from_config.empty(config)
    sizes = {
        name: list(held[f"{name}.weight"].shape)
        for name, layer in surgery.linear_layers(new).items()
        if held[f"{name}.weight"].shape != layer.weight.shape
    }
    Changes(sizes=sizes).apply(new)
    return new


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor that a file would hold, under each of its names."""
    for path, module in model.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        for name, tensor in {**module._parameters, **persistent(module)}.items():
            if tensor is not None:
                yield prefix + name, tensor


def _fill(new: nn.Module, held: Mapping[str, Tensor], model: nn.Module) -> None:
    """Put these tensors into an empty model, as parameters of its own."""
    made: dict[int, nn.Parameter] = {}
    learns = any(p.requires_grad for p in model.parameters())
    for path, module in new.named_modules():
        prefix = f"{path}." if path else ""
        for name, old in {**module._parameters, **persistent(module)}.items():
            if old is None:
                continue
            if id(old) not in made:
                tensor = _fitting(prefix + name, held, old)
                made[id(old)] = nn.Parameter(
                    tensor, learns and tensor.is_floating_point()
                )
            kept = made[id(old)]
            setattr(module, name, kept if name in module._parameters else kept.detach())
        getattr(module, "ready", lambda: None)()
    new.train(model.training)


def _fitting(name: str, held: Mapping[str, Tensor], old: Tensor) -> Tensor:
    if name not in held:
        raise ValueError(
            f"tensors lack {name!r}, which the smaller model has and the old one has "
            "not; hand it in."
        )
    tensor = held[name].detach()
    if tensor.shape != old.shape:
        raise ValueError(
            f"{name} is {tuple(tensor.shape)} and the smaller configuration says "
            f"{tuple(old.shape)}; cut every layer to the same size."
        )
    return tensor


def _refuse_shared(model: nn.Module, new: nn.Module) -> None:
    """Raise ValueError where one module stands in several places of the old alone."""
    old_count, count = (sum(1 for _ in m.modules()) for m in (model, new))
    places = sum(1 for _ in model.named_modules(remove_duplicate=False))
    fresh = sum(1 for _ in new.named_modules(remove_duplicate=False))
    if places - old_count > fresh - count:
        raise ValueError(
            "model holds a module that stands in several places, and the smaller one "
            "would need it several times; prune first, then share."
        )


def _carry(model: nn.Module, new: Any) -> Any:
    """Hand on what a model says of itself beside its weights."""
    for name in CARRIED:
        if name in vars(model):
            with contextlib.suppress(AttributeError):
                setattr(new, name, getattr(model, name))
    return new


def as_kept(layer: nn.Module, weight: Tensor) -> Tensor:
    """Return a weight (O, I) the way round in which this layer keeps it."""
    return weight.T.contiguous() if isinstance(layer, Conv1D) else weight
