"""int8 times int8 by oneDNN, which uses what the processor has for it (VNNI, AMX).

Its weights stand in an order of its own, its activations are levels from 0 to 255 with
one zero point. Here 128 is zero for every token, so that only the scale is a token's
own, and it is multiplied in afterwards.

Shapes: R rows of activations, O output features, I input features.
"""

import torch
from torch import Tensor

from llmlab.kernels.operators.kinds import Layout, Operator, Packed
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.weight_spec import WeightSpec

ZERO = 128
MOST = (2**31 - 1) // (255 * 128)  # columns whose sums int32 can hold, zero point in
# Added to a small number in float32, this leaves no room for a fraction: the sum is
# rounded, and its last byte is the number plus ZERO.
_ROUNDING = 2.0**23 + ZERO


def _pack(weight: Quantized) -> Packed:
    rows, _ = weight.shape
    # It takes the numbers as they lie in memory, whatever the strides say.
    integers = weight.integers.flatten(1).contiguous()
    tiles = torch.ops.onednn.qlinear_prepack(integers, None)
    scales = weight.grid.scales.expand(rows, -1, -1).flatten().contiguous()
    return tiles, scales, torch.zeros(rows, dtype=torch.int64)


def _unpack(packed: Packed, spec: WeightSpec) -> Quantized:
    tiles, scales, _ = packed
    scales = scales[:1] if spec.per_tensor else scales
    return spec.weight(tiles.to_dense().T, scales, None)


def _product(levels: Tensor, packed: Packed) -> Tensor:
    tiles, scales, zeros = packed
    return torch.ops.onednn.qlinear_pointwise.default(
        levels, 1.0, ZERO, tiles, scales, zeros, None, 1.0, 0, torch.float32,
        "none", [], "",
    )  # fmt: skip


def _dynamic(x: Tensor, packed: Packed) -> Tensor:
    levels, scales = _levels(x)
    return _product(levels, packed).mul_(scales).to(x.dtype)


def _levels(x: Tensor) -> tuple[Tensor, Tensor]:
    """Round activations (R, I) to uint8 levels (R, I) about 128, and scales (R, 1).

    The same as `per_token`, by what torch does fastest for a whole prompt.
    """
    exact = x.float()
    largest = exact.abs().amax(-1, keepdim=True).clamp_(min=1e-30)
    sums = exact.mul(127 / largest).add_(_ROUNDING)
    return sums.view(torch.int32).to(torch.uint8), largest / 127


def _fits(spec: WeightSpec, device: torch.device) -> bool:
    plain = device.type == "cpu" and spec.activations and spec.one_scale_a_row
    return plain and spec.columns <= MOST


LAYOUT = Layout(("tiles", "scales", "zeros"), _fits, _pack, _unpack)
OPERATORS = {
    "onednn.qlinear_pointwise": Operator(
        "onednn", lambda spec, device, dtype: dtype != torch.float64, _dynamic
    )
}
