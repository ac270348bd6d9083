"""Load any model by name and give it the one face; save it so that others can load it.

Checkpoints of the Llama family become our decoder, `llmlab-rnn` our RNN, every other
causal model a wrapper round its transformers class; encoders and encoder-decoders stay
transformers' own. Weights are read without unpickling, and code that comes with a
checkpoint is never run.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from llmlab.core import machine
from llmlab.models import files, rnn
from llmlab.models.decoder import Decoder
from llmlab.models.names import ours, theirs
from llmlab.models.shape import unsupported
from llmlab.models.wrapper import Wrapped


def load(
    name: str | Path,
    *,
    dtype: torch.dtype | str = torch.float32,
    device: torch.device | str = "cpu",
) -> Any:
    """Load a bundled model, a folder or a hub id, ready for inference.

    Causal models offer `core.model.LanguageModel`; BERT, T5 and their kin come as
    transformers' class. Every one has `.name`, `.weights_version` and `.tokenizer`.
    Raises ValueError for a bad name or a damaged checkpoint, OSError from the hub.
    """
    dtype, device = machine.dtype(dtype), machine.device(device)
    folder = files.find(name)
    raw = files.read_json(folder / "config.json")
    paths = files.weight_files(folder)
    if raw.get("model_type") == rnn.MODEL_TYPE:
        model = _filled(rnn.RecurrentModel, recurrent_of(raw), paths, str, dtype)
    else:
        config = config_of(folder)
        if is_causal(config) and unsupported(config) is None:
            model = _filled(Decoder, config, paths, ours, dtype)
        else:
            model = _of_transformers(config, folder, paths, dtype)
    model = model.to(device).eval().requires_grad_(False)
    model.name = Path(name).name if Path(name).is_dir() else str(name)
    model.weights_version = files.version(paths)
    model.tokenizer = tokenizer_of(folder)
    return model


def save(model: Any, folder: Path | str) -> Path:
    """Write a model as transformers writes it (config, safetensors, tokenizer).

    Every file is written beside its place and renamed, so a full disk leaves the old
    one. A decoder loads in plain transformers again; the RNN only here.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as place:
        partial = Path(place)
        if isinstance(model, Decoder):
            _write_decoder(model, partial)
        elif isinstance(model, rnn.RecurrentModel):
            _write_recurrent(model, partial)
        else:
            _inner(model).save_pretrained(partial)
        if getattr(model, "tokenizer", None) is not None:
            model.tokenizer.save_pretrained(partial)
        mode = (partial / "config.json").stat().st_mode
        for path in sorted(partial.iterdir()):
            path.chmod(mode)  # safetensors writes for the owner alone
            os.replace(path, folder / path.name)
    return folder


def _inner(model: Any) -> Any:
    return model.model if isinstance(model, Wrapped) else model


def _write_decoder(model: Decoder, folder: Path) -> None:
    config = model.config.__class__.from_dict(model.config.to_dict())
    config.dtype = model.embedding.weight.dtype
    config.architectures = [_causal_class(config).__name__]
    config.save_pretrained(folder)
    tensors = _tensors(model, theirs)
    if model.shape.tied:
        del tensors[theirs("head.weight")]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _write_recurrent(model: rnn.RecurrentModel, folder: Path) -> None:
    text = json.dumps(model.config.to_dict(), indent=2)
    (folder / "config.json").write_text(text + "\n")
    tensors = _tensors(model, str)
    if model.config.tie_word_embeddings:
        del tensors["head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def recurrent_of(raw: dict[str, Any]) -> rnn.RecurrentConfig:
    """Return an RNN's configuration; ValueError where it is none."""
    try:
        return rnn.RecurrentConfig(**raw)
    except TypeError as error:
        raise ValueError(
            f"config.json is not one of {rnn.MODEL_TYPE} ({error}); get the file again."
        ) from error


def _tensors(model: nn.Module, rename) -> dict[str, Tensor]:
    state = model.state_dict()
    return {rename(k): v.detach().cpu().contiguous() for k, v in state.items()}


def _filled(kind, config, paths: list[Path], rename, dtype) -> nn.Module:
    """Build a model without memory, then put in the tensors of its files."""
    with torch.device("meta"):
        model = kind(config)
    expected = model.state_dict()
    tied = model.head.weight is model.embedding.weight
    held, wrong = {}, []
    for stored, part in files.tensors(paths):
        key = rename(stored)
        if key.endswith("rotary_emb.inv_freq") or (tied and key == "head.weight"):
            continue
        shape = tuple(part.get_shape())
        if key not in expected:
            wrong.append(f"{stored} is not part of this model")
        elif shape != tuple(expected[key].shape):
            right = tuple(expected[key].shape)
            wrong.append(f"{stored} is {shape} and config.json says {right}")
        else:
            held[key] = _finite(stored, part[:].to(dtype))
    if tied and "embedding.weight" in held:
        held["head.weight"] = held["embedding.weight"]
    wrong += [f"{key} is missing" for key in expected if key not in held]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(
            f"{paths[0].parent} does not fit its config.json: {'; '.join(wrong[:3])}"
            f"{more}. Get config and weights from the same source."
        )
    model.load_state_dict(held, assign=True)
    if tied:
        model.head.weight = model.embedding.weight
    return model


def _finite(name: str, tensor: Tensor) -> Tensor:
    if not torch.isfinite(tensor).all():
        raise ValueError(
            f"{name} holds NaN or infinite weights, so every answer would be NaN; get "
            "the file again, or load it with dtype=float32 if it overflowed."
        )
    return tensor


def config_of(folder: Path) -> Any:
    """Return transformers' configuration of a folder; ValueError where it is none."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{folder}/config.json names no model that transformers knows ({first}); "
            "llmlab never runs code that comes with a checkpoint."
        ) from error


def is_causal(config: Any) -> bool:
    """Say whether a configuration is that of a model which writes on."""
    named = (config.architectures or ["ForCausalLM"])[0]
    return "ForCausalLM" in named or "LMHeadModel" in named


def _causal_class(config: Any) -> type:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM._model_mapping[type(config)]


def _of_transformers(config: Any, folder: Path, paths: list[Path], dtype) -> Any:
    import transformers

    for stored, part in files.tensors(paths):
        _finite(stored, part[:])
    if is_causal(config) and not config.is_encoder_decoder:
        kind, wrap = transformers.AutoModelForCausalLM, Wrapped
    else:
        named = (config.architectures or ["AutoModel"])[0]
        kind, wrap = getattr(transformers, named, transformers.AutoModel), lambda m: m
    with _no_bars():
        model = kind.from_pretrained(folder, dtype=dtype, use_safetensors=True)
    return wrap(model)


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers' progress bars out of notebooks, where they would stay."""
    from transformers.utils import logging

    were = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were:
            logging.enable_progress_bar()


def tokenizer_of(folder: Path) -> Any:
    """Return the tokenizer that stands in a folder, or None."""
    if not any(folder.glob("tokenizer*")):
        return None
    from transformers import AutoTokenizer, PretrainedConfig

    rest = {"trust_remote_code": False}
    if files.read_json(folder / "config.json").get("model_type") == rnn.MODEL_TYPE:
        rest["config"] = PretrainedConfig()  # else it warns of a type it does not know
    return AutoTokenizer.from_pretrained(folder, **rest)
