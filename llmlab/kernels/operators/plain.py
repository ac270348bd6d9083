"""The plain layout: integers (O, I) as they are, and what reads it.

Turning the integers into weights and multiplying is right for every grid, on every
machine, and rarely fast: the weights are written out again for each product. Where one
scale serves a row, torch has operators that read the integers themselves.

Shapes: R rows of activations, O output features, I input features, G groups per row.
"""

import torch
from torch import Tensor
from torch.nn import functional

from llmlab.kernels.operators.kinds import Layout, Operator, Packed, per_token
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.weight_spec import WeightSpec

EXACT = 2**24 // (127 * 128)  # columns whose integer sums float32 says exactly
MOST = (2**31 - 1) // (127 * 128)  # columns whose sums int32 can hold


def _pack(weight: Quantized) -> Packed:
    """Integers (O, I), scales (O,) or (O, G, 1), zero points where there are any."""
    spec, grid = WeightSpec.from_weight(weight), weight.grid
    scales = grid.scales.expand(spec.rows, -1, -1)
    scales = scales.flatten() if spec.groups == 1 else scales
    dtype = torch.bfloat16 if spec.short_scales else torch.float32
    packed: Packed
    packed = (weight.integers.flatten(1).contiguous(), scales.to(dtype).contiguous())
    if grid.zero_points is not None:
        zeros = grid.zero_points.expand(spec.rows, -1, -1)
        packed += (zeros.to(torch.int8).contiguous(),)
    return packed


def _unpack(packed: Packed, spec: WeightSpec) -> Quantized:
    integers, scales = packed[:2]
    zeros = None if spec.symmetric else packed[2]
    if spec.per_tensor:
        scales = scales.flatten()[:1]
        zeros = None if zeros is None else zeros.flatten()[:1]
    return spec.weight(integers, scales, zeros)


def _weights(packed: Packed, dtype: torch.dtype) -> Tensor:
    """Return the weights (O, I) that the integers stand for."""
    integers, scales = packed[0].to(dtype), packed[1].to(dtype)
    rows, columns = integers.shape
    scales = scales.view(rows, -1, 1)
    groups = integers.view(rows, scales.shape[1], -1)
    if len(packed) > 2:
        groups = groups - packed[2].to(dtype)
    return (groups * scales).view(rows, columns)


def _plain(x: Tensor, packed: Packed) -> Tensor:
    if len(packed) == 2 and packed[1].dim() == 1 and x.dtype != torch.float16:
        # The integers are exact in every float format, so the scales can wait; fp16
        # ends at 65,504, which sums without a scale would reach.
        return functional.linear(x, packed[0].to(x.dtype)) * packed[1].to(x.dtype)
    return functional.linear(x, _weights(packed, x.dtype))


def _plain_dynamic(x: Tensor, packed: Packed) -> Tensor:
    whole, scales = per_token(x)
    dtype = torch.promote_types(x.dtype, torch.float32)
    if len(packed) == 2 and packed[1].dim() == 1:  # the row's scale can wait
        sums = _sums(whole, packed[0], dtype) * packed[1].to(dtype)
    else:
        sums = _sums(whole, _weights(packed, dtype), dtype)
    return (sums * scales).to(x.dtype)


def _sums(whole: Tensor, weights: Tensor, dtype: torch.dtype) -> Tensor:
    """Multiply integers (R, I) with weights (O, I), in float64 beyond EXACT columns.

    float32 says whole numbers to 2^24, which 1,040 products of int8 cannot reach;
    float64 goes on to 2^53.
    """
    columns = weights.shape[1]
    if columns <= EXACT or dtype == torch.float64:
        return functional.linear(whole.to(dtype), weights.to(dtype))
    sums = torch.zeros(
        len(whole), len(weights), dtype=torch.float64, device=whole.device
    )
    for start in range(0, columns, EXACT):
        part = slice(start, start + EXACT)
        sums += functional.linear(whole[:, part].to(dtype), weights[:, part].to(dtype))
    return sums


def _int8pack(x: Tensor, packed: Packed) -> Tensor:
    """bf16 activations times int8 weights."""
    y = torch._weight_int8pack_mm(x.to(torch.bfloat16), packed[0], packed[1])
    return y.to(x.dtype)


def _int_mm(x: Tensor, packed: Packed) -> Tensor:
    """int8 times int8 into exact int32 sums, then both scales."""
    whole, scales = per_token(x)
    y = torch._int_mm(whole, packed[0].T)
    return (y * scales).mul_(packed[1]).to(x.dtype)


def _int_mm_cuda(x: Tensor, packed: Packed) -> Tensor:
    """The same on a GPU, whose operator wants more than 16 rows, in eights."""
    whole, scales = per_token(x)
    rows = max(24, -(-len(whole) // 8) * 8)
    padded = functional.pad(whole, (0, 0, 0, rows - len(whole)))
    y = torch._int_mm(padded, packed[0].T)[: len(whole)]
    return (y * scales).mul_(packed[1]).to(x.dtype)


def _fits_int8pack(spec: WeightSpec, device: torch.device, dtype: torch.dtype) -> bool:
    plain = spec.one_scale_a_row and spec.short_scales and not spec.activations
    # Other widths it reads beyond the row, without a word: wrong sums, or a crash.
    return plain and spec.columns % 16 == 0 and dtype != torch.float64


def _fits_int_mm(spec: WeightSpec, device: torch.device, dtype: torch.dtype) -> bool:
    plain = spec.one_scale_a_row and spec.activations and dtype != torch.float64
    return plain and device.type == "cpu" and spec.columns <= MOST


def _fits_int_mm_cuda(
    spec: WeightSpec, device: torch.device, dtype: torch.dtype
) -> bool:
    plain = spec.one_scale_a_row and spec.activations and dtype != torch.float64
    eights = spec.rows % 8 == 0 and spec.columns % 8 == 0 and spec.columns <= MOST
    return plain and eights and device.type == "cuda"


LAYOUT = Layout(
    names=("integers", "scales", "zero_points"),
    fits=lambda spec, device: True,
    pack=_pack,
    unpack=_unpack,
)
OPERATORS = {
    "plain": Operator("plain", lambda spec, *_: not spec.activations, _plain),
    "plain dynamic": Operator("plain", lambda spec, *_: spec.activations,
                              _plain_dynamic),
    "_weight_int8pack_mm": Operator("plain", _fits_int8pack, _int8pack, True),
    "_int_mm": Operator("plain", _fits_int_mm, _int_mm),
    "_int_mm on CUDA": Operator("plain", _fits_int_mm_cuda, _int_mm_cuda),
}  # fmt: skip
