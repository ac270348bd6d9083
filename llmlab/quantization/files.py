"""Save and load quantized models: safetensors, and a file that says how to read them.

A folder is what transformers writes, with `quantization.json` beside it: the form of
every quantized layer, which names share a tensor, and which weights they belong to.
Integers are packed without a gap, so the size on disk is the size of the model. What
comes back gives the same answers, bit by bit on the same machine.
"""

import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from llmlab.core import machine, writing
from llmlab.models import Decoder, checkpoints
from llmlab.models import files as plain
from llmlab.models.names import theirs
from llmlab.models.wrapper import Wrapped
from llmlab.quantization.layers import PackedLinear, QuantizedLinear
from llmlab.quantization.skeleton import fill, skeleton

NAME = "quantization.json"
VERSION = 2


def save(model: nn.Module, folder: Path | str) -> Path:
    """Write a quantized model, so that `load` gives it back exactly.

    Files are written beside their places and renamed. Raises ValueError for a model
    that holds no quantized layer.
    """
    inner = model.model if isinstance(model, Wrapped) else model
    rename = theirs if isinstance(model, Decoder) else str
    layers = {n: m for n, m in inner.named_modules() if isinstance(m, QuantizedLinear)}
    if not layers:
        raise ValueError(
            f"{type(inner).__name__} holds no quantized layer; quantize it first, or "
            "write it with models.save."
        )
    if isinstance(inner, QuantizedLinear):
        raise ValueError(
            "a single layer is no model with a folder of its own; keep its "
            "state_dict(), or quantize the model that it belongs to."
        )
    folder = checkpoints.save(model, folder)
    facts = {
        "version": VERSION,
        "format": getattr(model, "format", ""),
        "weights": plain.version(plain.weight_files(folder)),
        "layers": {_file_name(n, rename): _facts(m) for n, m in layers.items()},
        "shared": [[rename(name) for name in names] for names in _shared(inner)],
    }
    writing.write(folder / NAME, json.dumps(facts, indent=1) + "\n")
    return folder


def load(
    name: Path | str,
    *,
    device: torch.device | str = "cpu",
    rows: int = 1,
    operator: str | None = None,
) -> Any:
    """Load a model that `save` wrote, ready for inference, in the formats it has.

    rows, operator: as in `rounding.quantize`; what is fastest is found out anew here.
    Raises ValueError for a folder that is damaged or holds no quantized model.
    """
    folder = plain.find(name)
    if not (folder / NAME).exists():
        raise ValueError(
            f"{folder} holds no {NAME}, so no quantized model; load it with "
            "models.load, then quantize it."
        )
    facts = plain.read_json(folder / NAME)
    paths = plain.weight_files(folder)
    if facts.get("version") != VERSION or facts.get("weights") != plain.version(paths):
        raise ValueError(
            f"{folder} is damaged: its weights are not those that {NAME} belongs to, "
            "or another llmlab wrote it; save the model again."
        )
    tensors = {key: part[:] for key, part in plain.tensors(paths)}
    model = skeleton(folder)
    with torch.inference_mode(False):
        fill(model, tensors, facts, where=folder, rows=rows, operator=operator)
    model = model.to(machine.device(device)).eval().requires_grad_(False)
    model.name = Path(name).name if Path(name).is_dir() else str(name)
    model.format = facts.get("format", "")
    model.weights_version = facts["weights"]
    model.tokenizer = checkpoints.tokenizer_of(folder)
    return model


def size(folder: Path | str) -> int:
    """Return the bytes of the weights of a saved model: what a download would be."""
    return sum(path.stat().st_size for path in plain.weight_files(Path(folder)))


def _facts(layer: QuantizedLinear) -> dict[str, Any]:
    more = {"dtype": machine.dtype_name(layer.dtype)}
    if "input_scales" in layer._parameters:
        more["input_scales"] = True
    return dataclasses.asdict(layer.spec) | more


def _file_name(layer: str, rename) -> str:
    return rename(f"{layer}.scales").removesuffix(".scales")


def _shared(model: nn.Module) -> list[list[str]]:
    """Return the names, at least two in each list, that are the same parameter."""
    names = defaultdict(list)
    for path, module in model.named_modules(remove_duplicate=False):
        own = module._parameters
        if isinstance(module, PackedLinear):
            own = {"bias": module.bias}
        for name, parameter in own.items():
            if parameter is not None:
                names[id(parameter)].append(f"{path}.{name}" if path else name)
    return [found for found in names.values() if len(found) > 1]
