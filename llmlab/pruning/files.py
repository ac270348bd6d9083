"""Smaller files: a bit for each weight, and the numbers of those that were kept.

`pack` puts layers into a model that a file holds so; then `models.save` and
`models.load` do the rest. They answer as before, bit by bit, and no faster. `unpack`
gives plain layers again, to be trained, pruned further or quantized.
"""

from collections.abc import Collection

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from llmlab.core import wanted
from llmlab.core.model import Model
from llmlab.kernels.sparse_linear import SparseLinear, packed_bytes
from llmlab.models import experts, surgery
from llmlab.pruning import targets


def pack(model: Model, *, skip: Collection[str] = ()) -> Model:
    """Return a new model that a file holds without its zeros.

    Layers that have too few zeros for a bitmap to pay (fewer than one in sixteen of
    bf16, one in 32 of fp32) and tied weights stay as they are, quantized ones too.
    skip: see `surgery.linear_layers`. Raises ValueError where no layer is left.
    """
    model = experts.separate(model)
    layers, tables = {}, _tables(model)
    for name, layer in surgery.linear_layers(model, skip=skip).items():
        weight = surgery.weight_of(layer)
        if id(layer.weight) not in tables and packed_bytes(weight) < weight.nbytes:
            turned = isinstance(layer, Conv1D)
            layers[name] = SparseLinear(weight.contiguous(), turned=turned)
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no layer with zeros enough for a bitmap to "
            "pay; prune it first: pruning.prune(model, sparsity=0.5)."
        )
    new = surgery.replace(model, layers)
    share = _share_of_zeros(new)
    return new if getattr(new, "format", "") else targets.say(new, model, share)


def unpack(model: Model) -> Model:
    """Return a new model with plain layers in the place of packed ones.

    A model without any comes back as a copy.
    """
    layers: dict[str, nn.Module] = {}
    for name, module in wanted.module("model", model).named_modules():
        if isinstance(module, SparseLinear):
            layers[name] = _plain(module)
    return experts.join(surgery.replace(model, layers))


def _share_of_zeros(model: nn.Module) -> str:
    """Say how sparse the packed layers of a model are: "50%-sparse"."""
    weights = [m.dense_weight() for m in model.modules() if isinstance(m, SparseLinear)]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return f"{zeros / sum(weight.numel() for weight in weights):.0%}-sparse"


def _plain(packed: SparseLinear) -> nn.Module:
    weight = packed.dense_weight()
    rows, columns = weight.shape
    with torch.device("meta"):
        plain: nn.Linear | Conv1D = (
            Conv1D(rows, columns)
            if packed.turned
            else nn.Linear(columns, rows, bias=packed.bias is not None)
        )
    weight = weight.T.contiguous() if packed.turned else weight
    plain.weight = nn.Parameter(weight, requires_grad=False)
    if packed.bias is not None:
        plain.bias = nn.Parameter(packed.bias.detach(), packed.bias.requires_grad)
    return plain


def _tables(model: nn.Module) -> set[int]:
    return {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
