"""What an operator is, and what a layout is that operators read.

Shapes: R rows of activations, O output features, I input features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.kernels.quantized import Quantized
from llmlab.kernels.weight_spec import WeightSpec

Packed = tuple[Tensor, ...]


@dataclass(frozen=True)
class Layout:
    """A way to keep a weight: the names of its tensors, the way there and back."""

    names: tuple[str, ...]
    fits: Callable[[WeightSpec, torch.device], bool]
    pack: Callable[[Quantized], Packed]
    unpack: Callable[[Packed, WeightSpec], Quantized]  # exact


@dataclass(frozen=True)
class Operator:
    """A product (R, I) -> (R, O) with a packed weight, in the activations' dtype."""

    layout: str
    fits: Callable[[WeightSpec, torch.device, torch.dtype], bool]
    product: Callable[[Tensor, Packed], Tensor]
    in_bf16: bool = False  # whether activations and answers are rounded to bf16


def per_token(x: Tensor) -> tuple[Tensor, Tensor]:
    """Round activations (R, I) to int8 (R, I) and scales (R, 1), one per token.

    One scale for all rows of a call would let an answer depend on its neighbours.
    """
    x = x.float()
    scales = x.abs().amax(-1, keepdim=True).clamp_(min=1e-30) / 127
    return (x / scales).round_().to(torch.int8), scales
