"""A model of the right class without its weights, from what config.json says.

Checkpoints of the Llama family become our decoder, `llmlab-rnn` our RNN; every other
model is transformers' own class. Code that comes with a checkpoint is never run.
"""

import contextlib
import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from llmlab.models import files, rnn
from llmlab.models.config import unsupported
from llmlab.models.decoder import Decoder

Bare = Decoder | rnn.RecurrentModel | PreTrainedModel  # before it gets its face


def config_of(folder: Path, raw: Mapping[str, Any]) -> Any:
    """Return the configuration of a folder from its JSON; ValueError where it is none.

    An RNN's is our own, every other one transformers'.
    """
    if raw.get("model_type") == rnn.MODEL_TYPE:
        return _recurrent(raw)
    from transformers import CONFIG_MAPPING, AutoConfig

    try:
        if files.SECTION in raw:  # its model_type is hidden from transformers
            plain = {k: v for k, v in raw.items() if k != files.SECTION}
            return CONFIG_MAPPING[str(raw.get("model_type"))].from_dict(plain)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        architectures = config.architectures or []
        if not isinstance(architectures, list) or not all(
            isinstance(n, str) for n in architectures
        ):
            raise ValueError(f"architectures={architectures!r} are no names")
        return config
    except Exception as error:  # transformers' own rules fail in many ways
        raise ValueError(
            f"{folder}/config.json names no model that transformers knows "
            f"({first_line(error)}); llmlab never runs code that comes with a "
            "checkpoint."
        ) from error


def first_line(error: Exception) -> str:
    """Return what an error of another library says first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


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
    return causal and not config.is_encoder_decoder


def is_ours(config: Any) -> bool:
    """Say whether our own classes take this configuration: RNN or Llama family."""
    if isinstance(config, rnn.RecurrentConfig):
        return True
    return is_causal(config) and unsupported(config) is None


def class_of(config: Any) -> type[PreTrainedModel]:
    """Return the class of transformers that a configuration names."""
    import transformers

    architecture = str((config.architectures or ["AutoModel"])[0])
    kind = getattr(transformers, architecture, transformers.AutoModel)
    if kind is transformers.AutoModel:
        mapping: Any = transformers.AutoModel._model_mapping
        return mapping[type(config)]
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        raise ValueError(
            f"architectures={architecture!r} in config.json is no model of "
            "transformers; get the file again."
        )
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


def to_fill(config: Any, folder: Path) -> Bare:
    """Return `bare(config)`; ValueError where its sizes are those of no model."""
    try:
        return bare(config)
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
    """Keep transformers' progress bars out of notebooks, where they would stay."""
    from transformers.utils import logging

    were = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were:
            logging.enable_progress_bar()


WORDS = (  # files of which any makes a tokenizer
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json",
    "vocab.txt", "spiece.model", "sentencepiece.bpe.model",
)  # fmt: skip


def tokenizer_of(folder: Path, config: Any) -> Any:
    """Return the tokenizer that stands in a folder, or None.

    Raises ValueError where its files are damaged.
    """
    if not any((folder / name).is_file() for name in WORDS):
        return None
    from transformers import AutoTokenizer, PretrainedConfig

    # Its own type it does not know, and would warn of.
    known = isinstance(config, PretrainedConfig)
    try:
        return AutoTokenizer.from_pretrained(
            folder,
            trust_remote_code=False,
            config=config if known else PretrainedConfig(),
        )
    except Exception as error:  # transformers and tokenizers fail in many ways
        _check_tokenizer(folder)
        names = ", ".join(_tokenizer_files(folder))
        raise ValueError(
            f"the tokenizer's files in {folder}, {names}, "
            f"do not fit each other ({first_line(error)}); get them again, or take "
            "them away to load the model without one."
        ) from error


def _check_tokenizer(folder: Path) -> None:
    """Raise ValueError with the name of the tokenizer's file that is damaged."""
    for name in _tokenizer_files(folder):
        if not name.endswith(".json"):
            continue
        said = files.read_json(folder / name)
        if name == "tokenizer_config.json" and "auto_map" in said:
            raise ValueError(
                f"{folder / name} names a tokenizer in code of its own, and llmlab "
                "never runs code that comes with a checkpoint; take another model, or "
                "take the file away to load this one without a tokenizer."
            )
    if (folder / "tokenizer.json").exists():
        from tokenizers import Tokenizer

        try:
            Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises a bare Exception
            raise ValueError(
                f"{folder / 'tokenizer.json'} is damaged ({first_line(error)}); get "
                "the file again, or take it away to load the model without one."
            ) from error


def _tokenizer_files(folder: Path) -> list[str]:
    """Return the names of the files of a folder that make its tokenizer."""
    names = (*WORDS, "special_tokens_map.json", "added_tokens.json", "merges.txt")
    return [name for name in names if (folder / name).exists()]


def generation_config_of(folder: Path) -> Any:
    """Return what a folder says of how its model writes; None where it says nothing.

    Raises ValueError where the file is damaged.
    """
    from transformers import GenerationConfig

    path = folder / "generation_config.json"
    if not path.exists():
        return None
    files.read_json(path)
    try:
        return GenerationConfig.from_pretrained(folder)
    except Exception as error:  # transformers' own rules fail in many ways
        raise ValueError(
            f"{path} does not say how a model writes ({first_line(error)}); get the "
            "file again, or take it away."
        ) from error
