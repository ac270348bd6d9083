"""How a changed model differs from the one that its configuration names.

Layers stored in a form of their own, sizes of single layers, windows, experts taken
apart, modules that stand in several places, weights that are one: all of it is said in
config.json, under "llmlab", and put into an empty model of that configuration when it
is loaded. What cannot be said so is refused before a byte is written.

Shapes: O output features, I input features.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from llmlab.core.model import as_stored
from llmlab.models import experts, surgery
from llmlab.models.experts import Experts

PLAIN = (bool, int, float, str, type(None))
APART = ("training", "gradient_checkpointing", "name_or_path")  # no part of a model
SIZES = ("out_features", "in_features", "nf", "nx")  # said by `Changes.sizes`


@dataclass(frozen=True)
class Changes:
    """What an empty model of a configuration lacks to be this one, by module's name."""

    layers: dict[str, dict[str, Any]] = field(default_factory=dict)  # kind and facts
    sizes: dict[str, list[int]] = field(default_factory=dict)  # O and I of linear ones
    windows: list[int | None] = field(default_factory=list)  # of each layer
    same: list[list[str]] = field(default_factory=list)  # one module, several places
    separate: list[str] = field(default_factory=list)  # experts in linear layers
    # One parameter under several names; None: just those that the configuration ties.
    tied: list[list[str]] | None = None

    def __bool__(self) -> bool:
        """Whether there is any difference at all."""
        return self != Changes()

    def apply(self, model: nn.Module) -> None:
        """Change an empty model so that it has these sizes, windows and modules.

        Raises ValueError, AttributeError and TypeError for what the model has not.
        """
        for name in self.separate:
            experts.put_apart(model, name)
        for name, (rows, columns) in self.sizes.items():
            _resize(model.get_submodule(name), rows, columns)
        if self.windows:
            layers: Any = model.layers
            for layer, window in zip(layers, self.windows, strict=True):
                layer.window = _checked_window(window)
        for first, *others in self.same:
            for name in others:
                model.set_submodule(name, model.get_submodule(first))


def _checked_window(window: Any) -> int | None:
    if window is not None and not (type(window) is int and window >= 1):
        raise ValueError(f"a window of {window!r} tokens is none.")
    return window


def between(model: nn.Module, plain: nn.Module) -> Changes:
    """Return how a model differs from an empty one of its configuration.

    Raises ValueError, in one sentence, for a difference that no file here can hold.
    """
    layers = {
        name: {"kind": layer.kind} | layer.facts()
        for name, module in model.named_modules()
        if (layer := as_stored(module)) is not None
    }
    already = _same(plain)
    changes = Changes(
        layers=layers,
        sizes=dict(_other_sizes(model, plain)),
        windows=_other_windows(model, plain),
        same=[names for names in _same(model) if names not in already],
        separate=[n for n, m in model.named_modules() if isinstance(m, Experts)],
        tied=tied(model),
    )
    try:
        changes.apply(plain)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(_refusal(str(error))) from error
    _check(model, plain, layers)
    if changes.tied == tied(plain):
        return dataclasses.replace(changes, tied=None)
    return changes


def tied(model: nn.Module) -> list[list[str]]:
    """Return the names, at least two in each list, that are the same parameter.

    Stored layers count by their bias alone, since their other tensors are their own.
    """
    names = defaultdict(list)
    for path, module in model.named_modules():
        parameters = module._parameters
        if as_stored(module) is not None:
            parameters = {"bias": parameters.get("bias")}
        for name, parameter in parameters.items():
            if parameter is not None:
                names[id(parameter)].append(f"{path}.{name}" if path else name)
    return [group for group in names.values() if len(group) > 1]


def persistent(module: nn.Module) -> dict[str, torch.Tensor | None]:
    """Return the buffers of a module that go to a file, by name."""
    apart = module._non_persistent_buffers_set
    return {name: b for name, b in module._buffers.items() if name not in apart}


def _same(model: nn.Module) -> list[list[str]]:
    """Return the places of each module that stands in several, outermost ones only."""
    places = defaultdict(list)
    for name, module in model.named_modules(remove_duplicate=False):
        places[id(module)].append(name)
    return [n for n in places.values() if len(n) > 1 and not _follows(model, n)]


def _follows(model: nn.Module, names: list[str]) -> bool:
    """Say whether a module stands in these places because what holds it does."""
    parents = {name.rpartition(".")[0] for name in names}
    return len(parents) > 1 and len({id(model.get_submodule(p)) for p in parents}) == 1


def _other_sizes(model: nn.Module, plain: nn.Module) -> Iterator[tuple[str, list[int]]]:
    known = dict(plain.named_modules())
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | Conv1D) and isinstance(
            known.get(name), nn.Linear | Conv1D
        ):
            size = surgery.size_of(module)
            if size != surgery.size_of(known[name]):
                yield name, list(size)


def _other_windows(model: nn.Module, plain: nn.Module) -> list[int | None]:
    if not hasattr(model, "shape"):  # a window of transformers' is in its config
        return []
    windows, actual = _windows(model), _windows(plain)
    return windows if windows != actual and len(windows) == len(actual) else []


def _windows(model: Any) -> list[int | None]:
    return [layer.window for layer in model.layers]


def _resize(layer: Any, rows: int, columns: int) -> None:
    """Give a linear layer of an empty model another size."""
    if type(rows) is not int or type(columns) is not int or min(rows, columns) < 1:
        raise ValueError(f"a layer of {rows!r} × {columns!r} is none.")
    if isinstance(layer, Conv1D):
        layer.nf, layer.nx, size = rows, columns, (columns, rows)
    else:
        layer.out_features, layer.in_features, size = rows, columns, (rows, columns)
    old = layer.weight
    layer.weight = nn.Parameter(torch.empty(size, dtype=old.dtype, device=old.device))
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias.new_empty(rows))


def _check(
    model: nn.Module, plain: nn.Module, layers: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raise ValueError where the changed empty model is not the model itself."""
    actual, other = dict(model.named_modules()), dict(plain.named_modules())
    for name in [*actual, *other]:
        if (name in actual) != (name in other):
            lacks = "the model has not" if name in other else "it does not name"
            raise ValueError(_refusal(f"{name} is a module that {lacks}"))
    for name, module in actual.items():
        if name not in layers and _kind(module) != _kind(other[name]):
            raise ValueError(
                _refusal(
                    f"{name} is a {type(module).__name__} in the place of a "
                    f"{type(other[name]).__name__}"
                )
            )
        if reason := _difference(module, other[name], stored=name in layers):
            raise ValueError(_refusal(f"{name or type(module).__name__}: {reason}"))


def _kind(module: nn.Module) -> tuple[str, str]:
    """Return a class by its name: parametrized ones are made anew for each module."""
    return type(module).__module__, type(module).__qualname__


def _difference(module: nn.Module, plain: nn.Module, *, stored: bool) -> str | None:
    """Say what differs between a module and the empty one in its place."""
    if "forward" in vars(module):
        return "its forward was replaced, which no file holds"
    if reason := _other_tensors(module, plain, stored=stored):
        return reason
    if stored or hasattr(module, "save_pretrained") or hasattr(module, "tokenizer"):
        return None  # what these say of themselves is in their configuration
    for name, value in vars(module).items():
        if name.startswith("_") or name in APART + SIZES or type(value) not in PLAIN:
            continue
        if name in vars(plain) and vars(plain)[name] != value:
            return f"{name} is {value!r} and should be {vars(plain)[name]!r}"
    return None


def _other_tensors(module: nn.Module, plain: nn.Module, *, stored: bool) -> str | None:
    """Say which parameter, buffer or table is not that of the empty module."""
    tensors = ({**m._parameters, **m._buffers} for m in (module, plain))
    mine, others = tensors
    for name in ("bias",) if stored else {**mine, **others}:
        sizes = [None if t is None else tuple(t.shape) for t in
                 (mine.get(name), others.get(name))]  # fmt: skip
        if sizes[0] != sizes[1]:
            return f"{name} is {sizes[0]} and should be {sizes[1]}"
    for name in module._non_persistent_buffers_set & set(others):
        one, two = mine[name], others[name]
        if one is not None and two is not None and one.dtype != two.dtype:
            return (
                f"{name} is {one.dtype} and should be {two.dtype}: it was cast along "
                "with the weights, and models.load(..., dtype=...) does not do that"
            )
    for name, value in vars(module).items():
        other = vars(plain).get(name)
        if isinstance(value, torch.Tensor) and isinstance(other, torch.Tensor):
            if other.device.type != "meta" and not torch.equal(value.cpu(), other):
                return f"{name} holds other numbers than its configuration gives"
    return None


def _refusal(reason: str) -> str:
    return (
        f"this model is not the one that its configuration names, and a file could not "
        f"say how: {reason}. Change model.config along with the model; what is in "
        "training (qat, parametrizations) has to be finished first."
    )
