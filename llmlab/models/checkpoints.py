"""Load any model by name and give it the one face; save it so that others can load it.

There is one `save` and one `load`. Checkpoints of the Llama family become our decoder,
`llmlab-rnn` our RNN, every other causal model a wrapper round its transformers class;
encoders and encoder-decoders stay transformers' own. Weights are read without
unpickling, and code that comes with a checkpoint is never run.

A changed model (quantized, narrower, its layers shared) is written with what differs
from the plain one in config.json. What transformers can express is written so that
transformers loads it; else the folder carries a model type that it refuses.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core import machine
from llmlab.core.model import STORED_LAYERS
from llmlab.models import built, changes, files, folders, rnn, skeletons
from llmlab.models.changes import Changes
from llmlab.models.decoder import Decoder
from llmlab.models.filling import fill, finite
from llmlab.models.names import ours, theirs
from llmlab.models.wrapper import Wrapped

VERSION = 3  # of the section in config.json
HIDDEN = "llmlab-"  # before a model type that transformers must not take for its own


def load(
    name: str | Path,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> Any:
    """Load a bundled model, a folder or a hub id, ready for inference.

    dtype: of weights and activations; None: float32, but for a model with stored
    layers, which are quantized for one dtype, what it was saved in. Causal models offer
    `core.model.LanguageModel`; BERT, T5 and their kin come as transformers' class.
    Every one has `.name`, `.weights_version` and `.tokenizer`, a changed one `.format`.
    Raises ValueError for a bad name or a damaged checkpoint, OSError from the hub.
    """
    dtype, device = dtype and machine.dtype(dtype), machine.device(device)
    folder = files.find(name)
    raw = files.read_json(folder / "config.json")
    paths = files.weight_files(folder)
    weights, section = files.version(paths), raw.get(files.SECTION)
    if section is not None:
        raw = _checked(raw, section, weights, folder)
        section = raw.get(files.SECTION)
    config = skeletons.config_of(folder, raw)
    if section is None and not skeletons.is_ours(config):
        model = _of_transformers(config, folder, paths, dtype or torch.float32)
    else:
        model = _filled(config, section or {}, folder, paths, dtype)
    model = model.to(device).eval().requires_grad_(False)
    model.name = Path(name).name if Path(name).is_dir() else str(name)
    model.weights_version = weights
    model.tokenizer = skeletons.tokenizer_of(folder, config)
    if section and section.get("format"):
        model.format = str(section["format"])
    return model


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
    tensors = _tensors(inner, plain)
    with folders.replacing(folder) as partial:
        name = str(getattr(model, "format", ""))
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
        elif tensor.layout not in (torch.strided, torch._mkldnn):
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


def _inner(model: Any) -> nn.Module:
    """Return the model that a folder holds; ValueError for what is none."""
    from transformers import PreTrainedModel

    inner = model.model if isinstance(model, Wrapped) else model
    if not isinstance(inner, Decoder | rnn.RecurrentModel | PreTrainedModel):
        what = "a single layer" if isinstance(inner, nn.Linear) else "no model"
        raise ValueError(
            f"model is a {type(inner).__name__}, {what} with a folder of its own; keep "
            "its state_dict(), or save the model that it belongs to."
        )
    if not isinstance(inner, Decoder | rnn.RecurrentModel):
        skeletons.check_known(type(inner))
    return inner


def _plain(model: nn.Module, config: Any) -> nn.Module:
    """Return an empty model of the same class and configuration."""
    if isinstance(model, Decoder | rnn.RecurrentModel):
        return skeletons.empty(config)
    return skeletons.empty_of(type(model), config)


def _rename(model: nn.Module):
    return theirs if isinstance(model, Decoder) else str


def _write(
    model: nn.Module,
    config: Any,
    difference: Changes,
    tensors: dict[str, Tensor],
    folder: Path,
    name: str,
) -> None:
    """Write config and weights; a plain transformers model as transformers does."""
    if not difference and not isinstance(model, Decoder | rnn.RecurrentModel):
        with skeletons.no_bars():
            model.save_pretrained(folder)
        return
    path = folder / files.SINGLE
    save_file(tensors, path, metadata={"format": "pt"})
    said = built.to_json(config)
    if difference:
        section = {"version": VERSION, "weights": files.version([path]), "format": name}
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
    rename, tensors, written = _rename(model), {}, set()
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        own = {**module._parameters, **_persistent(module)}
        if getattr(module, "kind", None) in STORED_LAYERS:
            stored = module.to_file()
            if module.dense and isinstance(plain.get_submodule(path), Conv1D):
                stored["weight"] = stored["weight"].T
            tensors |= {rename(prefix + n): t for n, t in stored.items()}
            own = {"bias": module.bias}
        for name, tensor in own.items():
            if tensor is not None and id(tensor) not in written:
                written.add(id(tensor))
                tensors[rename(prefix + name)] = tensor
    # No two may share storage, as the views of one fused weight would.
    return {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}


def _persistent(module: nn.Module) -> dict[str, Tensor | None]:
    apart = module._non_persistent_buffers_set
    return {name: b for name, b in module._buffers.items() if name not in apart}


def _is_dense(model: nn.Module, difference: Changes) -> bool:
    """Say whether the plain model of the configuration reads the same tensors."""
    stored = [model.get_submodule(name) for name in difference.layers]
    return difference == Changes(layers=difference.layers) and all(
        layer.dense for layer in stored
    )


def _in_file(difference: Changes, rename) -> dict[str, Any]:
    """Return what a configuration says of the changes, by the names in the file."""

    def layer(name: str) -> str:
        return rename(f"{name}.weight").removesuffix(".weight")

    held = asdict(difference)
    held["layers"] = {layer(name): facts for name, facts in held["layers"].items()}
    held["sizes"] = {layer(name): size for name, size in held["sizes"].items()}
    held["same"] = [[layer(name) for name in names] for names in held["same"]]
    if held["tied"] is not None:
        held["tied"] = [[rename(name) for name in names] for names in held["tied"]]
    return {key: value for key, value in held.items() if value not in ({}, [])}


def _checked(raw: dict, section: Any, weights: str, folder: Path) -> dict[str, Any]:
    """Return a configuration with its own model type; ValueError where it is damaged.

    The section names the weights that it belongs to, since it says how to read them.
    Where plain weights have been written since, it has nothing to say any more.
    """
    known = isinstance(section, dict) and section.get("version") == VERSION
    if not known or section.get("weights") != weights:
        if not str(raw.get("model_type")).startswith(HIDDEN):
            return {key: value for key, value in raw.items() if key != files.SECTION}
        raise ValueError(
            f"{folder} is damaged: its weights are not those that config.json belongs "
            "to, or another llmlab wrote it; save the model again."
        )
    own = section.get("model_type", raw.get("model_type"))
    if raw.get("model_type") not in (own, f"{HIDDEN}{own}"):
        raise ValueError(
            f"{folder} is damaged: config.json says model_type={own!r} and "
            f"{raw.get('model_type')!r}; save the model again."
        )
    return raw | {"model_type": own}


def _filled(config, section: dict, folder: Path, paths, dtype) -> nn.Module:
    """Build a model without its weights, change it, and put in the tensors of files."""
    model = skeletons.to_fill(config, folder)
    rename = ours if isinstance(model, Decoder) else str
    difference = _out_of_file(section, rename, folder)
    try:
        difference.apply(model)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} is damaged: config.json tells of changes that its model cannot "
            f"have ({error}); save the model again."
        ) from error
    if not difference.layers:
        dtype = dtype or torch.float32
    with torch.inference_mode(False):
        fill(model, paths, difference, rename=rename,
             dtype=None if difference.layers else dtype)  # fmt: skip
    if difference.layers and dtype is not None:
        _cast(model, dtype)
    return built.settled(model, folder)


def _cast(model: nn.Module, dtype: torch.dtype) -> None:
    """Cast what a file holds; tables that a model computes for itself stay."""
    for module in model.modules():
        if getattr(module, "kind", None) in STORED_LAYERS:
            module.to(dtype)
            continue
        own = {**module._parameters, **_persistent(module)}
        for name, tensor in own.items():
            if tensor is not None and tensor.is_floating_point():
                tensor.data = finite(name, tensor.data.to(dtype))


def _out_of_file(section: dict[str, Any], rename, folder: Path) -> Changes:
    """Read the changes of a configuration; ValueError where they are none."""

    def layer(name: str) -> str:
        return rename(f"{name}.weight").removesuffix(".weight")

    try:
        tied = section.get("tied")
        return Changes(
            layers={layer(n): dict(f) for n, f in section.get("layers", {}).items()},
            sizes={layer(n): list(s) for n, s in section.get("sizes", {}).items()},
            windows=list(section.get("windows", [])),
            same=[[layer(n) for n in names] for names in section.get("same", [])],
            tied=tied and [[rename(n) for n in names] for names in tied],
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} is damaged: config.json does not list its changed layers and "
            f"what they share ({error}); save the model again."
        ) from error


def _of_transformers(config: Any, folder: Path, paths: list[Path], dtype) -> Any:
    """Load a plain model as transformers does; a causal one gets our face."""
    for stored, part in files.tensors(paths):
        finite(stored, part[:])
    from transformers import AutoModelForCausalLM

    causal = skeletons.is_causal(config)
    try:
        kind = AutoModelForCausalLM if causal else skeletons.class_of(config)
        with skeletons.no_bars():
            model = kind.from_pretrained(folder, dtype=dtype, use_safetensors=True)
    except Exception as error:  # transformers refuses in many ways
        raise ValueError(
            f"{folder} is none that transformers loads "
            f"({skeletons.first_line(error)}); get config and weights from the same "
            "source."
        ) from error
    if dtype == torch.float16:  # which ends at 65,504
        for name, weight in model.named_parameters():
            finite(name, weight)
    return Wrapped(model) if causal else model
