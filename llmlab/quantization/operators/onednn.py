"""int8 times int8 by oneDNN, which uses what the processor has for it (VNNI, AMX).

Its weights stand in an order of its own, its activations are levels from 0 to 255 with
one zero point. Here 128 is zero for every token, so that only the scale is a token's
own, and it is multiplied in afterwards.

Shapes: R rows of activations, O output features, I input features.
"""

import torch
from torch import Tensor

from llmlab.quantization.formats import Quantized
from llmlab.quantization.operators.kinds import Layout, Operator, Packed
from llmlab.quantization.spec import Spec

ZERO = 128
_HALF = torch.tensor(ZERO + 0.5)  # with it, cutting off rounds


def _pack(weight: Quantized) -> Packed:
    rows, _ = weight.shape
    # It takes the numbers as they lie in memory, whatever the strides say.
    integers = weight.integers.flatten(1).contiguous()
    tiles = torch.ops.onednn.qlinear_prepack(integers, None)
    scales = weight.grid.scales.expand(rows, -1, -1).flatten().contiguous()
    return tiles, scales, torch.zeros(rows, dtype=torch.int64)


def _unpack(packed: Packed, spec: Spec) -> Quantized:
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
    exact = x.float()
    largest = torch.linalg.vector_norm(exact, torch.inf, -1, keepdim=True)
    largest = largest.clamp_(min=1e-30)
    levels = torch.addcmul(_HALF, exact, 127 / largest).to(torch.uint8)
    return _product(levels, packed).mul_(largest / 127).to(x.dtype)


def _fits(spec: Spec, device: torch.device) -> bool:
    return device.type == "cpu" and spec.activations and spec.one_scale_a_row


LAYOUT = Layout(("tiles", "scales", "zeros"), _fits, _pack, _unpack)
OPERATORS = {
    "onednn.qlinear_pointwise": Operator(
        "onednn", lambda spec, device, dtype: dtype != torch.float64, _dynamic
    )
}
