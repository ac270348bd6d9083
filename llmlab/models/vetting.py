"""What a folder may not say: refused before anything of its size is built.

config.json is text of somebody else. It can ask for a million layers, for numbers that
turn every answer into NaN, or for a reader that llmlab is not: weights that another
tool quantized, files by other names, an adapter. The files bound what can be true: a
layer has a tensor at least, and a weight has a bit.
"""

import math
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from llmlab.models import files

FEW_LAYERS = 1_000  # built in no time, so whatever is wrong with them is said later
FEW_WEIGHTS = 1_000_000
SIDES = ("_size", "_dim", "_heads", "n_embd", "n_inner", "d_model", "d_ff")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


def check(raw: Mapping[str, Any], folder: Path, paths: list[Path]) -> None:
    """Raise ValueError for an entry of config.json that these files deny."""
    _check_readers(raw, folder)
    place = folder / "config.json"
    tensors, most = len(files.headers(paths)), 8 * _bytes(paths)
    for key, value in _entries(raw):
        if reason := _reason(key, value, tensors, most):
            raise ValueError(
                f"{place} says {key}={value!r}, and {reason}; mend that entry, or get "
                "config and weights from the same source."
            )
    _check_experts(raw, place)


def _check_readers(raw: Mapping[str, Any], folder: Path) -> None:
    """Raise ValueError for weights that are not just those of the usual files."""
    place = folder / "config.json"
    for key in ("quantization_config", "compression_config"):
        if said := raw.get(key):
            method = said.get("quant_method") if isinstance(said, dict) else said
            raise ValueError(
                f"{place} has a {key} ({method!r}): another tool quantized these "
                "weights, and llmlab does not read its format; take the checkpoint "
                "before that, and quantize it here (llmlab.quantization)."
            )
    if (other := raw.get("transformers_weights")) is not None:
        raise ValueError(
            f"{place} says transformers_weights={other!r}, and llmlab reads "
            f"{files.SINGLE} alone; give that file this name and take the entry out."
        )
    # Without peft transformers passes an adapter over, and so do we.
    if (folder / "adapter_config.json").exists() and find_spec("peft"):
        raise ValueError(
            f"{folder / 'adapter_config.json'} belongs to an adapter (LoRA), which "
            "llmlab does not apply; merge it into the weights first, or move it away."
        )


def _entries(
    raw: Mapping[str, Any], prefix: str = "", deep: int = 4
) -> Iterator[tuple[str, Any]]:
    """Yield every number of a configuration, by its path."""
    for key, value in raw.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and deep and key != files.SECTION:
            yield from _entries(value, f"{path}.", deep - 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, value


def _reason(path: str, value: float, tensors: int, most: int) -> str | None:
    """Say why an entry cannot be meant, or None."""
    key = path.rpartition(".")[2]
    if "layer" in key and value > max(FEW_LAYERS, tensors):
        return f"the files hold {tensors} tensors, fewer than one a layer"
    if key.endswith(SIDES) and value > most:
        return f"the files hold {most // 8} bytes, too few for such a weight"
    if key.endswith(("eps", "epsilon")) and not (math.isfinite(value) and value >= 0):
        return "what is added under a root is 0 or more"
    turns = key == "rope_theta" or (key == "factor" and path.startswith("rope_"))
    if turns and not (math.isfinite(value) and value > 0):
        return "every angle would be infinite or no number"
    if key == "sliding_window" and value < 1:
        return "a token sees one place at least, its own (null: all of them)"
    return None


def _check_experts(raw: Mapping[str, Any], place: Path) -> None:
    """Raise ValueError where a token should visit more experts than there are."""
    visited = raw.get("num_experts_per_tok")
    for key in EXPERTS:
        count = raw.get(key)
        if isinstance(visited, int) and isinstance(count, int) and visited > count:
            raise ValueError(
                f"{place} says num_experts_per_tok={visited} of {key}={count}; a token "
                "cannot visit more than there are: mend the entry, or get the file "
                "again."
            )


def check_size(model: nn.Module, folder: Path, paths: list[Path]) -> None:
    """Raise ValueError where an empty model has more weights than files have bits."""
    described = sum(parameter.numel() for parameter in model.parameters())
    if described > 8 * _bytes(paths) + FEW_WEIGHTS:
        raise ValueError(
            f"{folder / 'config.json'} describes a model of {described} weights, and "
            f"its files have {_bytes(paths)} bytes; get config and weights from the "
            "same source."
        )


def _bytes(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
