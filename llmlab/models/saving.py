"""Save a model, plain or changed, so that `checkpoints.load` gives it back.

What transformers can express is written so that transformers loads it; what differs
from the plain model stands in config.json, and then the folder carries a model type
that transformers refuses. What could not be loaded again is refused first.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core.model import as_stored
from llmlab.models import built, changes, files, folders, from_config, rnn
from llmlab.models.changes import Changes, persistent
from llmlab.models.decoder import Decoder
from llmlab.models.files import HIDDEN, VERSION
from llmlab.models.tensor_names import of_layers, theirs
from llmlab.models.transformers_model import TransformersModel


def save(model: Any, folder: Path | str) -> Path:
    """Write a model into a folder (config, safetensors, tokenizer); return the folder.

    What `load` could not take is refused with a ValueError before a byte is written.
    Of what stood in the folder only a model's own files are replaced or removed. A full
    disk leaves the old model, a kill the old one, the new one, or a folder that `load`
    refuses. The answers of what is loaded again are the same, bit by bit, where the
    weights are loaded in their own dtype on the same machine.
    """
    folder, inner = _place(folder), _inner(model)
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is not None and not hasattr(tokenizer, "save_pretrained"):
        raise ValueError(
            f"model.tokenizer={tokenizer!r} is no tokenizer of transformers, which a "
            "folder could hold; set it to None or to one of AutoTokenizer."
        )
    _check_numbers(inner)
    config = built.config_of(inner)
    plain = _plain(inner, config)
    difference = changes.between(inner, plain)
    ours = isinstance(inner, Decoder | rnn.RecurrentModel)
    name = str(getattr(model, "format", ""))
    # Before a byte is written; a plain model of transformers is written by its class.
    tensors = _tensors(inner, plain) if difference or ours or name else None
    with folders.replacing(folder) as partial:
        _write(inner, config, difference, tensors, partial, name)
        if tokenizer is not None:
            tokenizer.save_pretrained(partial)
    return folder


def _place(folder: Path | str) -> Path:
    """Return where to save; ValueError for what is no place."""
    if not isinstance(folder, str | Path) or not str(folder):
        raise ValueError(
            f"folder={folder!r} is no place to save a model in; name a folder, such as "
            "'my-model'."
        )
    return Path(folder).expanduser()


def _check_numbers(model: nn.Module) -> None:
    """Raise ValueError for weights that `load` would refuse, or nobody could write."""
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.device.type == "meta":
            reason = "has no numbers (it is on the meta device)"
        elif tensor.layout != torch.strided and not tensor.is_mkldnn:
            reason = f"is kept as {tensor.layout}, which the file does not have"
        elif tensor.is_floating_point() and not _is_finite(tensor):
            reason = "holds NaN or infinite weights, so every answer would be NaN"
        else:
            continue
        raise ValueError(
            f"{name} {reason}; look for what made it so before you save the model."
        )


def _is_finite(tensor: Tensor) -> bool:
    if tensor.layout != torch.strided or not tensor.numel():
        return True  # oneDNN's own order is looked at when it is written
    lowest, highest = tensor.detach().aminmax()
    bias = float("-inf")  # a mask of attention, which transformers keeps as a buffer
    return bool(torch.isfinite(highest) and (torch.isfinite(lowest) or lowest == bias))


def _inner(model: Any) -> from_config.Bare:
    """Return the model that a folder holds; ValueError for what is none."""
    from transformers import PreTrainedModel

    inner = model.model if isinstance(model, TransformersModel) else model
    if not isinstance(inner, Decoder | rnn.RecurrentModel | PreTrainedModel):
        what = "a single layer" if isinstance(inner, nn.Linear) else "no model"
        raise ValueError(
            f"model is a {type(inner).__name__}, {what} with a folder of its own; keep "
            "its state_dict(), or save the model that it belongs to."
        )
    if not isinstance(inner, Decoder | rnn.RecurrentModel):
        from_config.check_known(type(inner))
    return inner


def _plain(model: from_config.Bare, config: Any) -> nn.Module:
    """Return an empty model of the same class and configuration."""
    if isinstance(model, Decoder | rnn.RecurrentModel):
        return from_config.empty(config)
    return from_config.empty_of(type(model), config)


def _rename(model: nn.Module):
    return theirs if isinstance(model, Decoder) else str


def _write(
    model: nn.Module,
    config: Any,
    difference: Changes,
    tensors: dict[str, Tensor] | None,
    folder: Path,
    name: str,
) -> None:
    """Write config and weights; without tensors as transformers does it."""
    if tensors is None:
        whole: Any = model  # of transformers, or there were tensors
        with from_config.no_bars():
            whole.save_pretrained(folder)
        return
    path = folder / files.SINGLE
    save_file(tensors, path, metadata={"format": "pt"})
    said = built.to_json(config)
    if difference or name:
        section = {
            "version": VERSION,
            "weights": files.fingerprint([path]),
            "format": name,
        }
        section |= _in_file(difference, _rename(model))
        if not _is_dense(model, difference):
            section["model_type"] = said["model_type"]
            if not said["model_type"].startswith(HIDDEN):
                said["model_type"] = HIDDEN + said["model_type"]
        said[files.SECTION] = section
    text = json.dumps(said, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / folders.CONFIG).write_text(text + "\n", encoding="utf-8")
    generation = getattr(model, "generation_config", None)
    if generation is not None:
        generation.save_pretrained(folder)


def _tensors(model: nn.Module, plain: nn.Module) -> dict[str, Tensor]:
    """Return what the file holds: every parameter once, stored layers in their form.

    A dense weight stands as the plain layer in its place would keep it.
    """
    rename, written = _rename(model), set()
    tensors: dict[str, Tensor] = {}
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        own = {**module._parameters, **persistent(module)}
        if (layer := as_stored(module)) is not None:
            stored = layer.to_file()
            if layer.dense and isinstance(plain.get_submodule(path), Conv1D):
                stored["weight"] = stored["weight"].T
            tensors |= {rename(prefix + n): t for n, t in stored.items()}
            own = {"bias": module.bias}
        for name, tensor in own.items():
            if tensor is not None and id(tensor) not in written:
                written.add(id(tensor))
                tensors[rename(prefix + name)] = tensor
    # No two may share storage, as the views of one fused weight would.
    return {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}


def _is_dense(model: nn.Module, difference: Changes) -> bool:
    """Say whether the plain model of the configuration reads the same tensors."""
    stored = [as_stored(model.get_submodule(name)) for name in difference.layers]
    return difference == Changes(layers=difference.layers) and all(
        layer is not None and layer.dense for layer in stored
    )


def _in_file(difference: Changes, rename) -> dict[str, Any]:
    """Return what a configuration says of the changes, by the names in the file."""
    layer = of_layers(rename)
    held = asdict(difference)
    held["layers"] = {layer(name): facts for name, facts in held["layers"].items()}
    held["sizes"] = {layer(name): size for name, size in held["sizes"].items()}
    held["same"] = [[layer(name) for name in names] for names in held["same"]]
    held["separate"] = [layer(name) for name in held["separate"]]
    if held["tied"] is not None:
        held["tied"] = [[rename(name) for name in names] for names in held["tied"]]
    return {key: value for key, value in held.items() if value not in ({}, [])}
