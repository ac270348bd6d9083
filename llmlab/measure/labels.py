"""Who was measured: the name, number format and device that stand in a model's records.

Shapes: none; only the parameters' own facts are read.
"""

from itertools import chain

import torch

from llmlab.core import machine, wanted
from llmlab.core.model import LanguageModel


def label(model: LanguageModel) -> str:
    """Return "coder fp32": the name and the format that most weights are kept in.

    A model that was changed says in `.format` what it is now, such as "int4-g32".
    """
    format = getattr(model, "format", None)
    return f"{name(model)} {format or machine.dtype_name(dtype(model))}"


def name(model: LanguageModel) -> str:
    """Return the name of a model, of one without a name that of its class."""
    return getattr(model, "name", None) or type(model).__name__


def dtype(model: LanguageModel, *, floating: bool = False) -> torch.dtype:
    """Return the format that most bytes of the weights are in, of floats alone if so.

    Raises ValueError for a model that has none, and for what is no model.
    """
    wanted.module("model", model)
    bytes_of: dict[torch.dtype, int] = {}
    for weight in _tensors(model):
        if floating and not weight.is_floating_point():
            continue
        bytes_of[weight.dtype] = bytes_of.get(weight.dtype, 0) + weight.nbytes
    if not bytes_of:
        raise ValueError("model has no weights, so there is nothing to measure.")
    return max(bytes_of, key=bytes_of.__getitem__)


def device(model: LanguageModel) -> torch.device:
    """Return the device of the first weight."""
    return next(_tensors(model)).device


def _tensors(model: LanguageModel):
    return chain(model.parameters(), model.buffers())
