"""Load any model by name and give it the one face; `saving` is the way back.

Checkpoints of the Llama family become our decoder, `llmlab-rnn` our RNN, every other
causal model a wrapper round its transformers class; encoders and encoder-decoders stay
transformers' own. Weights are read without unpickling, and code that comes with a
checkpoint is never run. What a changed model differs in (quantized, narrower, its
layers shared) is read from config.json, where `saving` put it.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import nn
from transformers import PreTrainedModel

from llmlab.core import machine
from llmlab.core.model import as_stored
from llmlab.kernels.quantized_linear import given_up
from llmlab.models import (
    built,
    files,
    from_config,
    smollm,
    transformers_loading,
    vetting,
    words,
)
from llmlab.models.built import CausalModel, Loaded
from llmlab.models.changes import Changes, persistent
from llmlab.models.decoder import Decoder
from llmlab.models.files import HIDDEN, VERSION
from llmlab.models.filling import fill, finite
from llmlab.models.saving import save
from llmlab.models.tensor_names import of_layers, ours, ours_of

__all__ = ["load", "save"]


# Names of ours, so that a reader of types knows which face it has.
Causal = Literal["coder", "coder-distilled", "coder-rnn", "coder-small", "smollm2"]
Other = Literal["classifier", "translator"]


@overload
def load(
    name: Causal,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> CausalModel: ...
@overload
def load(
    name: Other,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> PreTrainedModel: ...
@overload
def load(
    name: str | Path,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> Loaded: ...
def load(
    name: str | Path,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> Loaded:
    """Load a bundled model, "smollm2", a folder or a hub id, ready for inference.

    "smollm2" comes out of a package of its own (`models.smollm`), once; ImportError
    says what to install where it is not here.
    dtype: of weights and activations; None: float32, but for a model with stored
    layers, which are quantized for one dtype, what it was saved in. Causal models offer
    `core.model.LanguageModel`; BERT, T5 and their kin come as transformers' class.
    Every one has `.name`, `.weights_version` and `.tokenizer`, a changed one `.format`.
    Quantized layers run on the operators that they were saved with where those are
    right here; else on the plain ones, and one warning says so.
    Raises ValueError for a bad name or a damaged checkpoint, OSError from the hub.
    """
    dtype, device = dtype and machine.dtype(dtype), machine.device(device)
    folder = smollm.folder() if name == smollm.NAME else files.find(name)
    raw = files.read_json(folder / "config.json")
    paths = files.weight_files(folder)
    weights, section = files.fingerprint(paths), raw.get(files.SECTION)
    if section is not None:
        raw = _checked(raw, section, weights, folder)
        section = raw.get(files.SECTION)
    vetting.check(raw, folder, paths)
    config = from_config.config_of(folder, raw)
    if section is None and not from_config.is_ours(config):
        model = transformers_loading.of_transformers(
            config, folder, paths, dtype or torch.float32
        )
    else:
        model = _filled(config, section or {}, folder, paths, dtype)
    said: Any = model  # transformers' classes do not declare all of these
    said.to(device).eval().requires_grad_(False)
    said.name = Path(name).name if Path(name).is_dir() else str(name)
    said.weights_version = weights
    said.tokenizer = words.tokenizer_of(folder, config)
    if section and section.get("format"):
        said.format = str(section["format"])
    _tell_of_given_up(model, folder)
    return model


def _tell_of_given_up(model: nn.Module, folder: Path) -> None:
    """Warn once, for all layers, of saved operators that are not right here."""
    if names := given_up(model):
        warnings.warn(
            f"{folder} was saved for operators that do not run it right here "
            f"({', '.join(names)}), so plain ones take their place; "
            "kernels.autotune(model) gives it those that are fastest here.",
            stacklevel=3,
        )


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
    family = section.get("model_type", raw.get("model_type"))
    if raw.get("model_type") not in (family, f"{HIDDEN}{family}"):
        raise ValueError(
            f"{folder} is damaged: config.json says model_type={family!r} and "
            f"{raw.get('model_type')!r}; save the model again."
        )
    return raw | {"model_type": family}


def _filled(config, section: dict, folder: Path, paths, dtype) -> Loaded:
    """Build a model without its weights, change it, and put in the tensors of files."""
    if not from_config.is_ours(config):  # ours has no memory before it is filled
        vetting.check_size(from_config.on_meta(config, folder), folder, paths)
    model = from_config.to_fill(config, folder)
    rename: Callable[[str], str] = str
    if isinstance(model, Decoder):
        rename = ours if section else ours_of(files.headers(paths))
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
        if as_stored(module) is not None:
            module.to(dtype)
            continue
        tensors = {**module._parameters, **persistent(module)}
        for name, tensor in tensors.items():
            if tensor is not None and tensor.is_floating_point():
                tensor.data = finite(name, tensor.data.to(dtype))


def _out_of_file(section: dict[str, Any], rename, folder: Path) -> Changes:
    """Read the changes of a configuration; ValueError where they are none."""
    layer = of_layers(rename)
    try:
        tied = section.get("tied")
        return Changes(
            layers={layer(n): dict(f) for n, f in section.get("layers", {}).items()},
            sizes={layer(n): list(s) for n, s in section.get("sizes", {}).items()},
            windows=list(section.get("windows", [])),
            same=[[layer(n) for n in names] for names in section.get("same", [])],
            separate=[layer(n) for n in section.get("separate", [])],
            tied=tied and [[rename(n) for n in names] for names in tied],
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} is damaged: config.json does not list its changed layers and "
            f"what they share ({error}); save the model again."
        ) from error
