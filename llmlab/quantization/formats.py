"""Integer formats: a weight matrix as small integers and the grid that they count on.

Absmax gives the largest magnitude the last level of a grid about zero; affine spans
from the smallest to the largest weight. One scale may serve a tensor, a channel (a row)
or a group of columns in a row: the finer, the smaller the error, and the more scales.

Shapes: O output features, I input features, G groups per row, C columns per group.
Sources: Jacob et al., CVPR 2018; groups as in GPTQ, Frantar et al., ICLR 2023.
"""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core.arguments import shown
from llmlab.kernels import parameters
from llmlab.kernels.format import Format, GroupSize, checked
from llmlab.kernels.parameters import QuantizationParameters
from llmlab.kernels.quantized import Quantized
from llmlab.models import surgery
from llmlab.quantization import clipping

Formats = Format | Mapping[str, Format]  # of all layers, or by name
SCALE_DTYPE = torch.bfloat16  # of layers: half the bytes, and what the operators take


def absmax(
    weight: Tensor, *, bits: int = 8, group_size: GroupSize = "channel"
) -> Quantized:
    """Round (O, I) to levels about zero; the largest magnitude gets the last level.

    Nothing is clipped, zero stays exactly zero, and no weight moves by more than half a
    step. Raises ValueError as `quantize_weight`.
    """
    format = Format(bits=bits, group_size=group_size, symmetric=True)
    return quantize_weight(weight, format)


def affine(
    weight: Tensor, *, bits: int = 8, group_size: GroupSize = "channel"
) -> Quantized:
    """Round (O, I) to levels from the smallest to the largest weight, zero among them.

    Zero stays exactly zero, and no weight moves by more than half a step. Raises
    ValueError as `quantize_weight`.
    """
    format = Format(bits=bits, group_size=group_size, symmetric=False)
    return quantize_weight(weight, format)


def quantize_weight(
    weight: Tensor,
    format: Format = Format(),
    *,
    clip: clipping.Clip = clipping.minmax,
    scale_dtype: torch.dtype = torch.float32,
) -> Quantized:
    """Round a weight matrix (O, I) to the nearest levels of a grid made for it.

    format: what it says of activations counts in layers alone. clip: chooses the
    range of the levels, see `ranges`. scale_dtype: see `parameters.spanning`. Raises
    ValueError for a weight that is no matrix, empty or not finite, and for a group size
    that does not divide I.
    """
    groups = grouped(weight, checked(format).group_size)
    grid = fit(groups, format, clip=clip, scale_dtype=scale_dtype)
    return Quantized(grid.round(groups).to(torch.int8), grid)


def fit(
    groups: Tensor,
    format: Format,
    *,
    clip: clipping.Clip = clipping.minmax,
    scale_dtype: torch.dtype = torch.float32,
) -> QuantizationParameters:
    """Make the grid for weights (O, G, C); arguments as in `quantize_weight`."""
    seen = groups.reshape(1, 1, -1) if format.group_size == "tensor" else groups
    low, high = clip(seen, format)
    return parameters.spanning(low, high, format, scale_dtype=scale_dtype)


def grouped(weight: Tensor, group_size: GroupSize) -> Tensor:
    """Return a weight (O, I) in float32 as (O, G, C); ValueError where it cannot be."""
    if not isinstance(weight, Tensor):
        raise ValueError(
            f"weight={shown(weight)} is no tensor; hand in one of (O, I), such as "
            "torch.tensor(rows)."
        )
    if not weight.is_floating_point():
        raise ValueError(
            f"weight is {weight.dtype}, and a grid is made for real numbers; hand in "
            "weight.float()."
        )
    if weight.dim() != 2 or not weight.numel():
        raise ValueError(
            f"weight has the shape {tuple(weight.shape)}; a grid is made for a matrix "
            "with at least one row and one column."
        )
    if not torch.isfinite(weight.float()).all():
        raise ValueError(
            "weight holds NaN or infinite values, or some beyond float32, which no "
            "grid has; look for what made them, or load the weights again."
        )
    columns = group_columns(group_size, weight.shape[1])
    return weight.float().contiguous().unflatten(1, (-1, columns))


def group_columns(group_size: GroupSize, columns: int) -> int:
    """Return how many of a row's columns share a scale; ValueError: not a divisor."""
    if group_size in ("channel", "tensor"):
        return columns
    group_size = Format(group_size=group_size).group_size  # refuses what is none
    if columns % group_size:
        raise ValueError(
            f"group_size={group_size} does not divide the {columns} columns of this "
            f"weight; choose a divisor of {columns}, or group_size={columns} for one "
            "scale per row."
        )
    return group_size


def layer_formats(
    model: nn.Module, format: Formats, skip: Collection[str]
) -> dict[str, Format]:
    """Return the format of every linear layer that is to be quantized, by name.

    Raises ValueError for a format that is none, and names that are no linear layers.
    """
    layers = surgery.linear_layers(model, skip=skip)
    if not isinstance(format, Mapping):
        return _finite(model, dict.fromkeys(layers, checked(format)))
    if not format:
        raise ValueError(
            "format={} names no layer; name one at least, or hand in Format() for all."
        )
    if unknown := sorted(set(format) - set(layers)):
        raise ValueError(
            f"format names {unknown[0]!r}, which is no linear layer to be quantized; "
            f"the names are those of the model's modules, such as {next(iter(layers))}."
        )
    return _finite(model, {name: checked(one) for name, one in format.items()})


def _finite(model: nn.Module, chosen: dict[str, Format]) -> dict[str, Format]:
    """Return the formats; ValueError names a layer with weights that are no numbers.

    It is asked first, since what calibrates would only see that the answers are none.
    """
    for name in chosen:
        layer: Any = model.get_submodule(name)
        if not torch.isfinite(layer.weight.detach()).all():
            with surgery.naming(name):
                raise ValueError(
                    "weight holds NaN or infinite values, which no grid has; look for "
                    "what made them, or load the weights again."
                )
    return chosen
