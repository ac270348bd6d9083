"""A model of the right class without its weights, and the weights put into it.

Shapes: O output features, I input features.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import machine
from llmlab.models import Decoder, checkpoints, rnn
from llmlab.models import files as plain
from llmlab.models.names import ours
from llmlab.models.shape import unsupported
from llmlab.models.wrapper import Wrapped
from llmlab.quantization import formats, grids
from llmlab.quantization.layers import PackedLinear, QuantizedLinear, read
from llmlab.quantization.spec import Spec


def skeleton(folder: Path) -> nn.Module:
    """Return a model of the class that a folder's config.json names, as models.load."""
    raw = plain.read_json(folder / "config.json")
    if raw.get("model_type") == rnn.MODEL_TYPE:
        return rnn.RecurrentModel(checkpoints.recurrent_of(raw))
    config = checkpoints.config_of(folder)
    is_causal = checkpoints.is_causal(config) and not config.is_encoder_decoder
    if is_causal and unsupported(config) is None:
        with torch.device("meta"):
            return Decoder(config)
    import transformers

    named = (config.architectures or ["AutoModel"])[0]
    kind = getattr(transformers, named, transformers.AutoModel)
    with torch.random.fork_rng(devices=[]):  # its random weights go at once
        model = kind._from_config(config)
    if model.can_generate() and (folder / "generation_config.json").exists():
        how = transformers.GenerationConfig.from_pretrained(folder)
        model.generation_config = how
    return Wrapped(model) if is_causal else model


def fill(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    facts: Mapping[str, Any],
    *,
    where: Path,
    rows: int,
    operator: str | None,
) -> None:
    """Put the tensors of a file and its quantized layers into a skeleton.

    Raises ValueError with all that does not fit: names, shapes, numbers.
    """
    _check(facts, where)
    rename = ours if isinstance(model, Decoder) else str
    inner = model.model if isinstance(model, Wrapped) else model
    held = _Held({rename(name): each for name, each in tensors.items()}, facts, rename)
    wrong = []
    for name, facts_of in facts["layers"].items():
        layer = rename(f"{name}.scales").removesuffix(".scales")
        try:
            new = _layer(held.under(layer), facts_of, rows, operator)
            old = inner.get_submodule(layer)
            if old.bias is not None:
                new.bias = old.bias  # a place for what is filled in below
            inner.set_submodule(layer, new)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            wrong.append(f"{layer}: {error}")
    for module, path, kind, name, old in _places(inner):
        found = held.take(path)
        if found is None or found.shape != old.shape:
            got = "missing" if found is None else f"{tuple(found.shape)}"
            wrong.append(f"{path} is {got} and should be {tuple(old.shape)}")
        else:
            kind[name] = found
            getattr(module, "ready", lambda: None)()
    wrong += [f"{name} is not part of this model" for name in held.left()]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(
            f"{where} does not fit its own files: {'; '.join(wrong[:3])}{more}. Save "
            "the model again."
        )


def _check(facts: Mapping[str, Any], where: Path) -> None:
    """Raise ValueError for facts that list no layers, or name what is shared oddly."""
    layers, groups = facts.get("layers"), facts.get("shared", [])
    if not (
        isinstance(layers, dict)
        and layers
        and all(isinstance(each, dict) for each in layers.values())
        and isinstance(groups, list)
        and all(isinstance(names, list) for names in groups)
        and all(isinstance(name, str) for names in groups for name in names)
    ):
        raise ValueError(
            f"{where} is damaged: it does not list its quantized layers and what they "
            "share; save the model again."
        )


class _Held:
    """The tensors of a file, each handed out as one parameter however often."""

    def __init__(self, tensors: dict[str, Tensor], facts: Mapping, rename):
        self.tensors, self.made, self.used = tensors, {}, set()
        self.groups = {}
        for names in facts.get("shared", []):
            names = [rename(name) for name in names]
            self.groups |= dict.fromkeys(names, names)

    def under(self, layer: str) -> dict[str, Tensor]:
        """Return the tensors of a quantized layer, but for its bias."""
        prefix = layer + "."
        found = {
            name.removeprefix(prefix): each
            for name, each in self.tensors.items()
            if name.startswith(prefix) and name != prefix + "bias"
        }
        self.used |= {prefix + name for name in found}
        return found

    def take(self, name: str) -> Tensor | None:
        """Return a tensor by any of the names that share it."""
        names = [name, *self.groups.get(name, ())]
        stored = next((each for each in names if each in self.tensors), None)
        if stored is None:
            return None
        self.used |= {each for each in names if each in self.tensors}
        if stored not in self.made:
            tensor = self.tensors[stored]
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise ValueError(f"{stored} holds NaN or infinite weights.")
            self.made[stored] = nn.Parameter(tensor, requires_grad=False)
        return self.made[stored]

    def left(self) -> list[str]:
        """Return the names that nobody asked for."""
        return sorted(set(self.tensors) - self.used)


def _layer(tensors, facts: dict, rows: int, operator: str | None) -> QuantizedLinear:
    facts = dict(facts)
    if more := sorted(set(tensors) - set(QuantizedLinear.in_file)):
        raise ValueError(f"{', '.join(more)} is not part of it.")
    if facts.pop("input_scales", False) != ("input_scales" in tensors):
        raise ValueError("input_scales are there, or not, against what is said of it.")
    dtype = machine.dtype(facts.pop("dtype"))
    spec = Spec(**facts)
    formats.group_columns(spec.group_columns, spec.columns)
    if spec.bits not in grids.BITS or spec.rows < 1:
        raise ValueError(f"bits={spec.bits}, rows={spec.rows} are none.")
    weight = read(spec, tensors)
    if dataclasses.replace(spec, short_scales=True) != dataclasses.replace(
        Spec.of(weight, activations=spec.activations), short_scales=True
    ):
        raise ValueError("its form is not the one of its numbers.")
    return QuantizedLinear(
        weight,
        input_scales=tensors.get("input_scales"),
        activations=spec.activations,
        dtype=dtype,
        rows=rows,
        operator=operator,
    )


def _places(model: nn.Module) -> Iterator[tuple]:
    """Yield where plain tensors belong: module, name in the file, table, name, old."""
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        if isinstance(module, PackedLinear):
            if module.bias is not None:
                yield module, f"{prefix}bias", module._parameters, "bias", module.bias
            continue
        for name, old in list(module._parameters.items()):
            if old is not None:
                yield module, prefix + name, module._parameters, name, old
        for name, old in list(module._buffers.items()):
            if old is not None and name not in module._non_persistent_buffers_set:
                yield module, prefix + name, module._buffers, name, old
