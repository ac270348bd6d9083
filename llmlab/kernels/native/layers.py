"""From a quantized layer to the matrix that C reads, or the reason why it cannot."""

import torch

from llmlab.kernels.native import tiles
from llmlab.kernels.native.matrices import Matrix
from llmlab.kernels.quantized_linear import QuantizedLinear


def refusal(layer: QuantizedLinear) -> str:
    """Say in half a sentence what C does not take of a layer; nothing where all is."""
    spec = layer.spec
    eight = spec.bits == 8 and spec.symmetric
    if not (eight or spec.bits == 4) or spec.activations:
        return (
            f"is {spec.format}, and the native call takes symmetric int8 or int4, a "
            "scale a row or a group, activations as they come"
        )
    if "input_scales" in layer._parameters:
        return (
            "multiplies its inputs first (input_scales), which the native call does not"
        )
    return ""


def matrix(layer: QuantizedLinear) -> Matrix:
    """Return a layer's integers as they lie, or in rows where they lie otherwise.

    Raises ValueError for what `refusal` names.
    """
    if reason := refusal(layer):
        raise ValueError(f"this layer {reason}.")
    rows, eight = layer.spec.rows, layer.spec.bits == 8
    bias = None if layer.bias is None else layer.bias.detach().float()
    if eight and layer.dispatch.layout == "plain":  # they lie right
        integers = layer.get_parameter("integers").detach()
        scales = layer.get_parameter("scales").detach().float()
        return Matrix(integers, scales.view(rows, -1).contiguous(), bias)
    weight = layer.quantized()
    integers, grid = weight.integers.flatten(1).contiguous(), weight.grid
    scales = grid.scales.expand(rows, -1, -1).flatten(1).contiguous()
    if eight:
        return Matrix(integers, scales, bias)
    zeros = grid.zero_points
    zeros = torch.zeros_like(grid.scales) if zeros is None else zeros
    zeros = zeros.expand(rows, -1, -1).flatten(1)
    # C reads 4 bits in short groups: wider ones repeat their scales.
    times = max(1, integers.shape[1] // scales.shape[1] // tiles.SHORT)
    scales, zeros = (part.repeat_interleave(times, 1) for part in (scales, zeros))
    return Matrix(integers, scales, bias, zeros)
