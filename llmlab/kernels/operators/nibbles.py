"""Layouts of half a byte per weight, for torch's operators for 4 bits.

They unpack on the way into the product, in groups of 32 to 256 columns with a scale and
an offset each. Fewer than 4 bits and wider groups run on them too: the file is smaller
then, the product is not faster. The order in which they keep the integers is their own;
it is read back by a product with the identity, in which every sum holds one integer.

An offset, of eight steps at most, is kept in bf16. So with a zero point a weight of
zero comes out as up to 2^-9 of it, 1.6 % of a step; files hold it exactly.

Shapes: R rows of activations, O output features, I input features, G groups per row.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from llmlab.kernels.operators.kinds import Layout, Operator, Packed
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.weight_spec import WeightSpec

GROUPS = (256, 128, 64, 32)  # columns that the operators let share a scale
MIDDLE = 8  # they count levels from 0 to 15, and this one stands for the offset
TILES = 8  # CUDA: tiles of 16 columns that a thread holds


def _group(spec: WeightSpec) -> int | None:
    """Return the largest group that they know and that divides ours."""
    return next((group for group in GROUPS if spec.group_columns % group == 0), None)


def _pairs(weight: Quantized) -> Tensor:
    """Return scales and offsets, (I / group, O, 2): weight = integer * scale + it."""
    spec, grid = WeightSpec.from_weight(weight), weight.grid
    zeros = torch.zeros_like(grid.scales)
    if grid.zero_points is not None:
        zeros = -grid.zero_points * grid.scales
    pairs = torch.cat([grid.scales, zeros], -1).expand(spec.rows, spec.groups, 2)
    group = _group(spec)
    assert group is not None  # `fits` has asked
    repeats = spec.group_columns // group
    pairs = pairs.repeat_interleave(repeats, 1).transpose(0, 1)
    return pairs.bfloat16().contiguous()


def _unpack(packed: Packed, spec: WeightSpec, product: Callable) -> Quantized:
    tiles, pairs = packed
    bare = torch.zeros_like(pairs)
    bare[..., 0] = 1.0  # integer times one, plus nothing
    eye = torch.eye(spec.columns, dtype=torch.bfloat16, device=pairs.device)
    integers = product(eye, (tiles, bare)).T.round().to(torch.int8)
    by_row = pairs[:: len(pairs) // spec.groups].transpose(0, 1).float()  # (O, G, 2)
    by_row = by_row[:1] if spec.per_tensor else by_row
    scales, offsets = by_row.unbind(-1)
    zeros = None if spec.symmetric else (-offsets / scales).round()
    return spec.weight(integers, scales, zeros)


def _pack_cpu(weight: Quantized) -> Packed:
    levels = weight.integers.flatten(1).contiguous().int() + MIDDLE
    tiles = torch._convert_weight_to_int4pack_for_cpu(levels, 1)
    return tiles, _pairs(weight)


def _cpu(x: Tensor, packed: Packed) -> Tensor:
    tiles, pairs = packed
    y = torch._weight_int4pack_mm_for_cpu(
        x.to(torch.bfloat16), tiles, x.shape[1] // len(pairs), pairs
    )
    return y.to(x.dtype)


def _pack_cuda(weight: Quantized) -> Packed:
    levels = weight.integers.flatten(1).contiguous().to(torch.uint8) + MIDDLE
    two = levels[:, ::2] << 4 | levels[:, 1::2]  # (O, I / 2)
    return torch._convert_weight_to_int4pack(two, TILES), _pairs(weight)


def _cuda(x: Tensor, packed: Packed) -> Tensor:
    tiles, pairs = packed
    group = x.shape[1] // len(pairs)
    y = torch._weight_int4pack_mm(x.to(torch.bfloat16), tiles, group, pairs)
    return y.to(x.dtype)


def _fits(spec: WeightSpec, device: torch.device) -> bool:
    known = spec.bits <= 4 and spec.short_scales and _group(spec) is not None
    if spec.activations or not known:
        return False
    if device.type == "cuda":
        return spec.rows % 8 == 0 and spec.columns % (16 * TILES) == 0
    return spec.rows % 16 == 0


LAYOUTS = {
    "int4": Layout(
        names=("tiles", "pairs"),
        fits=lambda spec, device: device.type == "cpu" and _fits(spec, device),
        pack=_pack_cpu,
        unpack=lambda packed, spec: _unpack(packed, spec, _cpu),
    ),
    "int4 on CUDA": Layout(
        names=("tiles", "pairs"),
        fits=lambda spec, device: device.type == "cuda" and _fits(spec, device),
        pack=_pack_cuda,
        unpack=lambda packed, spec: _unpack(packed, spec, _cuda),
    ),
}


def _not_double(spec: WeightSpec, device: torch.device, dtype: torch.dtype) -> bool:
    return dtype != torch.float64


OPERATORS = {
    "_weight_int4pack_mm_for_cpu": Operator("int4", _not_double, _cpu, True),
    "_weight_int4pack_mm on CUDA": Operator("int4 on CUDA", _not_double, _cuda, True),
}
