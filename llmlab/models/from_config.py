"""A model of the right class without its weights, from what config.json says.

Checkpoints of the Llama family become our decoder, `llmlab-rnn` our RNN; every other
model is transformers' own class. Code that comes with a checkpoint is never run.
"""

import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from llmlab.models import files, rnn
from llmlab.models.config import unsupported
from llmlab.models.decoder import Decoder

LONGEST = 160  # letters that another library may say in a sentence of ours
Bare = Decoder | rnn.RecurrentModel | PreTrainedModel  # before it gets its face


def config_of(folder: Path, raw: Mapping[str, Any]) -> Any:
    """Return the configuration of a folder from its JSON; ValueError where it is none.

    An RNN's is our own, every other one transformers'.
    """
    if raw.get("model_type") == rnn.MODEL_TYPE:
        return _recurrent(raw)
    from transformers import CONFIG_MAPPING, AutoConfig

    family = raw.get("model_type")
    if not isinstance(family, str) or family not in CONFIG_MAPPING:
        raise ValueError(
            f"{folder}/config.json names no model that transformers knows "
            f"(model_type={family!r}), and llmlab never runs code that comes with a "
            "checkpoint; take one of a family that transformers has, or a newer "
            "transformers."
        )
    try:
        if files.SECTION in raw:  # its model_type is hidden from transformers
            plain = {k: v for k, v in raw.items() if k != files.SECTION}
            config = CONFIG_MAPPING[family].from_dict(plain)
        else:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        _check_names(config.architectures)
        return config
    except Exception as error:  # transformers' own rules fail in many ways
        raise ValueError(
            f"{folder}/config.json has an entry that its family cannot have "
            f"({first_line(error)}); mend it, or get the file again."
        ) from error


def _check_names(architectures: Any) -> None:
    names = architectures or []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"architectures={architectures!r} are no names")


def first_line(error: BaseException) -> str:
    """Return what an error of another library says first, in a line of text."""
    if isinstance(error, ZeroDivisionError):
        return "something is divided by a 0 in it"
    if isinstance(error, AttributeError | TypeError):
        return "a value in it is of the wrong kind"
    said = str(error)
    if isinstance(error, KeyError) and error.args:
        said = str(error.args[0])
        said = said if " " in said else f"{said!r} is not known"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    while len(lines) > 1 and lines[0].endswith(":"):  # what comes is the reason
        lines = lines[1:]
    line = lines[0] if lines else type(error).__name__
    line = re.sub(r"^\w+Error: ", "", line).rstrip(".")
    line = re.sub(r"<class '([\w.]+)'>", r"\1", line)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _recurrent(raw: Mapping[str, Any]) -> rnn.RecurrentConfig:
    fields = {key: value for key, value in raw.items() if key != files.SECTION}
    try:
        return rnn.RecurrentConfig(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"config.json is not one of {rnn.MODEL_TYPE} ({error}); get the file again."
        ) from error


def is_causal(config: Any) -> bool:
    """Say whether a transformers configuration is that of a model which writes on."""
    architecture = (config.architectures or ["ForCausalLM"])[0]
    causal = "ForCausalLM" in architecture or "LMHeadModel" in architecture
    return causal and not (config.is_encoder_decoder and _translates(config))


def _translates(config: Any) -> bool:
    """Say whether a family has encoders and decoders, whatever an entry says."""
    from transformers import AutoModelForSeq2SeqLM

    mapping: Any = AutoModelForSeq2SeqLM._model_mapping
    return type(config) in mapping


def is_ours(config: Any) -> bool:
    """Say whether our own classes take this configuration: RNN or Llama family."""
    if isinstance(config, rnn.RecurrentConfig):
        return True
    return is_causal(config) and unsupported(config) is None


def class_of(config: Any) -> type[PreTrainedModel]:
    """Return the class of transformers that a configuration names."""
    import transformers

    if is_causal(config):
        causal: Any = transformers.AutoModelForCausalLM._model_mapping
        if type(config) in causal:
            return causal[type(config)]
    architecture = str((config.architectures or ["AutoModel"])[0])
    kind = getattr(transformers, architecture, transformers.AutoModel)
    if kind is transformers.AutoModel:
        mapping: Any = transformers.AutoModel._model_mapping
        return mapping[type(config)]
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        raise ValueError(f"architectures={architecture!r} is no model of transformers")
    return kind


def check_known(kind: type) -> None:
    """Raise ValueError for a class that a configuration could not name again."""
    import transformers

    if getattr(transformers, kind.__name__, None) is not kind:
        raise ValueError(
            f"model is a {kind.__name__}, which is no class of transformers, so nobody "
            "could load it again; keep its state_dict(), or put your weights into one "
            "that transformers has."
        )


def empty(config: Any) -> Bare:
    """Return a model of this configuration on the meta device: sizes, no numbers.

    It has all modules, parameters and buffers, tied as the configuration says.
    """
    with torch.device("meta"):
        return _made(config)


def empty_of(kind: type[PreTrainedModel], config: Any) -> PreTrainedModel:
    """Return a model of this transformers class on the meta device."""
    with torch.device("meta"), no_bars():
        return kind._from_config(copy.deepcopy(config))


def on_meta(config: Any, folder: Path) -> Bare:
    """Return `empty(config)`; ValueError where its sizes are those of no model."""
    return _made_by(empty, config, folder)


def to_fill(config: Any, folder: Path) -> Bare:
    """Return `bare(config)`; ValueError where its sizes are those of no model."""
    return _made_by(bare, config, folder)


def _made_by(make: Callable[[Any], Bare], config: Any, folder: Path) -> Bare:
    try:
        return make(config)
    except Exception as error:  # PyTorch and transformers refuse in many ways
        raise ValueError(
            f"{folder}/config.json describes a model that cannot be built "
            f"({first_line(error)}); get the file again."
        ) from error


def bare(config: Any) -> Bare:
    """Return a model of this configuration to be filled; no weight in it counts.

    Our own models have no memory yet; those of transformers are made with what their
    classes compute for themselves (tables of positions, masks).
    """
    if is_ours(config):
        return empty(config)
    with torch.random.fork_rng(devices=[]):  # its random weights go at once
        return _made(config)


def _made(config: Any) -> Bare:
    if isinstance(config, rnn.RecurrentConfig):
        return rnn.RecurrentModel(config)
    if is_ours(config):
        return Decoder(config)
    with no_bars():
        return class_of(config)._from_config(config)


@contextlib.contextmanager
def no_bars() -> Iterator[None]:
    """Keep transformers' bars and reports out of notebooks, where they would stay.

    What its reports say of a folder, `checkpoints` says in an error or a warning.
    """
    from transformers.utils import logging

    were, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(max(level, logging.ERROR))
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if were:
            logging.enable_progress_bar()
