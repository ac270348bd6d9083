"""A plain model of transformers, loaded as transformers does, and nothing made up.

transformers draws weights that a file lacks, and leaves out those it has no place for,
with a line in a log. Here the first is an error, the second a warning.
"""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from llmlab.models import files, from_config, vetting, words
from llmlab.models.built import Loaded
from llmlab.models.filling import finite, unfit
from llmlab.models.transformers_model import TransformersModel

FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}  # of safetensors


def of_transformers(
    config: Any, folder: Path, paths: list[Path], dtype: torch.dtype
) -> Loaded:
    """Load a plain model as transformers does; a causal one gets our face.

    Raises ValueError where config.json, weights and the class do not fit each other.
    """
    from transformers import AutoModelForCausalLM

    _check_weights(config, folder, paths)
    causal = from_config.is_causal(config)
    words.generation_of(folder)  # transformers would take defaults for a damaged one
    kind: Any = AutoModelForCausalLM if causal else from_config.class_of(config)
    try:
        with from_config.no_bars():
            model, report = kind.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                ignore_mismatched_sizes=True,  # they are told below, by name
                output_loading_info=True,
            )
    except Exception as error:  # transformers refuses in many ways
        raise ValueError(
            f"{folder} does not fit its config.json, as transformers reads it "
            f"({from_config.first_line(error)}); get config and weights from the same "
            "source."
        ) from error
    _check_report(report, folder)
    _settle(model)
    if dtype == torch.float16:  # which ends at 65,504
        for name, weight in model.named_parameters():
            finite(f"{name} of {folder}", weight)
    return TransformersModel(model) if causal else model


def _settle(model: Any) -> None:
    """Have a model's configuration say what it is, and ask for logits by name alone."""
    model.config.return_dict, model.config.output_attentions = True, False
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    weights = [getattr(layer, "weight", None) for layer in (head, table)]
    if all(w is not None for w in weights) and weights[0] is not weights[1]:
        model.config.tie_word_embeddings = False  # the file held a head of its own


def _check_weights(config: Any, folder: Path, paths: list[Path]) -> None:
    """Raise ValueError for weights that are none, or too few for the configuration."""
    headers = files.headers(paths)
    empty = from_config.on_meta(config, folder)
    vetting.check_size(empty, folder, paths)
    weights = _names(empty)
    for name, (_, kind) in headers.items():
        if kind not in FLOATS and name in weights:
            raise ValueError(unfit(folder, [f"{name} holds {kind}, and no floats"]))
    for name, tensor in files.tensors(paths):
        finite(f"{name} of {folder}", tensor)


def _names(model: nn.Module) -> set[str]:
    """Return the parameters' names, with and without the prefix of the family."""
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    names = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return names | {name.removeprefix(prefix) for name in names}


def _check_report(report: dict[str, Any], folder: Path) -> None:
    """Raise ValueError for weights that transformers drew; warn of those left out."""
    wrong = [
        f"{name} is {tuple(held)} and config.json says {tuple(said)}"
        for name, held, said in sorted(report["mismatched_keys"])
    ]
    wrong += [f"{name} is missing" for name in sorted(report["missing_keys"])]
    if wrong:
        raise ValueError(unfit(folder, wrong))
    if unused := sorted(report["unexpected_keys"]):
        more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
        warnings.warn(
            f"{folder} holds weights that its model does not use, as transformers "
            f"reads it: {', '.join(unused[:3])}{more}.",
            stacklevel=4,
        )
