"""Put the tensors of a model's files into an empty model, or say all that does not fit.

Shapes: O output features, I input features.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core.model import STORED_LAYERS
from llmlab.models import files, surgery
from llmlab.models.changes import Changes, tied

Rename = Callable[[str], str]


def fill(
    model: nn.Module,
    paths: list[Path],
    changes: Changes,
    *,
    rename: Rename,
    dtype: torch.dtype | None,
) -> None:
    """Fill an empty model, to which `changes` were applied, from safetensors files.

    rename: from a file's name of a tensor to the module's. dtype: of all floating
    tensors; None: as the files have them, which stored layers need. Raises ValueError
    with what is missing, too much, of another shape, or not finite. Weights that the
    configuration ties and the files hold in two versions are kept apart.
    """
    tensors = {rename(name): tensor for name, tensor in files.tensors(paths)}
    groups = tied(model) if changes.tied is None else changes.tied
    held = _Held(tensors, groups, dtype, paths[0].parent)
    wrong = list(_store(model, held, changes.layers))
    for place in list(_places(model)):
        tensor, size = held.take(place.path), tuple(place.old.shape)
        if tensor is None:
            wrong.append(f"{place.path} is missing")
        elif tuple(tensor.shape) != size:
            wrong.append(
                f"{place.path} is {tuple(tensor.shape)} and config.json says {size}"
            )
        elif place.is_parameter and not tensor.is_floating_point():
            wrong.append(f"{place.path} holds {tensor.dtype}, and a weight is a float")
        else:
            place.put(tensor)
    wrong += [f"{name} is not part of this model" for name in held.left()]
    if wrong:
        raise ValueError(unfit(paths[0].parent, wrong))


def unfit(folder: Path, wrong: list[str]) -> str:
    """Return the sentence for tensors that are not those of the configuration."""
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return (
        f"{folder} does not fit its config.json: {'; '.join(wrong[:3])}{more}. Get "
        "config and weights from the same source, or save the model again."
    )


def _store(
    model: nn.Module, held: "_Held", layers: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Put stored layers in their places; yield what is wrong with each."""
    ready = {}
    for name, facts in layers.items():
        try:
            old: Any = model.get_submodule(name)  # any that the file names
            new: Any = _read(dict(facts), _turned(old, held.under(name)))
            if new is None:  # the plain layer has the same tensors
                held.give_back(name)
                continue
            sizes = [surgery.size_of(layer) for layer in (new, old)]
            if sizes[0] != sizes[1]:
                raise ValueError(f"it is {sizes[0]} and config.json says {sizes[1]}")
            new.bias = old.bias  # a place for what is filled in later
            ready[id(old)] = new
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            yield f"{name}: {error}"
    surgery.put(model, ready)


def _turned(old: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a dense weight as (O, I): the file has it as the plain layer does."""
    if isinstance(old, Conv1D) and "weight" in tensors:
        return tensors | {"weight": tensors["weight"].T.contiguous()}
    return tensors


def _read(facts: dict[str, Any], tensors: dict[str, Tensor]) -> nn.Module | None:
    """Make a stored layer of its facts and tensors, by the module of its kind."""
    kind = facts.pop("kind", None)
    if kind not in STORED_LAYERS:
        raise ValueError(
            f"kind={kind!r} is none that this llmlab knows ({', '.join(STORED_LAYERS)})"
        )
    return importlib.import_module(STORED_LAYERS[kind]).read_layer(facts, tensors)


class _Held:
    """The tensors of files, each handed out as one parameter however often."""

    def __init__(
        self,
        tensors: dict[str, Tensor],
        groups: Iterable[list[str]],
        dtype: torch.dtype | None,
        folder: Path,
    ):
        self.tensors, self.dtype, self.folder = tensors, dtype, folder
        self.made: dict[str, nn.Parameter] = {}
        self.used: set[str] = set()
        self.groups = {
            name: names for names in groups if self._agree(names) for name in names
        }

    def _agree(self, names: list[str]) -> bool:
        """Say whether a file that holds several of these holds the same in each."""
        held = [self.tensors[name] for name in names if name in self.tensors]
        return all(torch.equal(held[0], other) for other in held[1:])

    def under(self, layer: str) -> dict[str, Tensor]:
        """Return the tensors of a stored layer, but for its bias."""
        prefix = layer + "."
        found = {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix) and name != prefix + "bias"
        }
        self.used |= {prefix + name for name in found}
        return found

    def give_back(self, layer: str) -> None:
        """Let the tensors of a layer be taken one by one after all."""
        self.used -= {name for name in self.used if name.startswith(layer + ".")}

    def take(self, name: str) -> nn.Parameter | None:
        """Return a tensor by any of the names that share it."""
        names = [name, *self.groups.get(name, ())]
        stored = next((one for one in names if one in self.tensors), None)
        if stored is None:
            return None
        self.used |= {one for one in names if one in self.tensors}
        if stored not in self.made:
            tensor = self.tensors[stored]
            if self.dtype is not None and tensor.is_floating_point():
                tensor = tensor.to(self.dtype)
            self.made[stored] = nn.Parameter(
                finite(f"{stored} of {self.folder}", tensor), False
            )
        return self.made[stored]

    def left(self) -> list[str]:
        """Return the names that nobody asked for."""
        unused = sorted(set(self.tensors) - self.used)
        return [name for name in unused if not name.endswith("rotary_emb.inv_freq")]


def finite(name: str, tensor: Tensor) -> Tensor:
    """Return the tensor; ValueError where it holds numbers that are none."""
    is_small = tensor.is_floating_point() and tensor.itemsize == 1
    # torch has no isfinite for floats of eight bits.
    if not torch.isfinite(tensor.float() if is_small else tensor).all():
        raise ValueError(
            f"{name} holds NaN or infinite weights, so every answer would be NaN; get "
            "the file again, or load it with dtype=float32 if it overflowed."
        )
    return tensor


@dataclass(frozen=True)
class _Place:
    """Where a plain tensor belongs."""

    module: nn.Module
    name: str
    path: str
    old: Tensor

    @property
    def is_parameter(self) -> bool:
        return self.name in self.module._parameters

    def put(self, tensor: nn.Parameter) -> None:
        """Put a tensor there; by the module's own door, since an LSTM keeps a list."""
        setattr(
            self.module, self.name, tensor if self.is_parameter else tensor.detach()
        )
        getattr(self.module, "ready", lambda: None)()


def _places(model: nn.Module) -> Iterator[_Place]:
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        stored = getattr(module, "kind", None) in STORED_LAYERS
        for name, old in module._parameters.items():
            if old is not None and (name == "bias" or not stored):
                yield _Place(module, name, prefix + name, old)
        for name, old in module._buffers.items():
            if old is not None and name not in module._non_persistent_buffers_set:
                yield _Place(module, name, prefix + name, old)
