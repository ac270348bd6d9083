"""A linear layer with many zeros: a bit for each weight in the file, and those kept.

The bits say where the weights are that are not zero; their numbers follow in the order
of rows. From one zero in sixteen on, that is smaller than bf16 weights in a row. For
2:4 a bit a weight is also the least: two places of two bits for each four. In memory
the layer is dense, and a plain product reads it: zeros make the file smaller, not the
product faster.

Shapes: O output features, I input features.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from llmlab.kernels.stored import StoredLinear

BITS = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8)
INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes of a number


class SparseLinear(StoredLinear):
    """A linear layer that a file holds as a bitmap and the weights that are kept."""

    kind = "sparse"
    in_file = ("bitmap", "values")
    numbers: nn.Parameter

    def __init__(
        self,
        weight: Tensor,
        *,
        bias: nn.Parameter | None = None,
        turned: bool = False,
    ):
        super().__init__(*weight.shape, dtype=weight.dtype, bias=bias)
        self.turned = turned  # whether it stands for GPT-2's Conv1D
        self.keep({"numbers": weight.detach()})
        self.ready()

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, *self._ready)

    def dense_weight(self) -> Tensor:
        """Return the weight (O, I) as it is, zeros among it."""
        return self.numbers.detach()

    def facts(self) -> dict[str, Any]:
        return {
            "rows": self.out_features,
            "columns": self.in_features,
            "turned": self.turned,
        }

    def to_file(self) -> dict[str, Tensor]:
        """Return where the kept weights are, a bit for each, and their numbers."""
        weight = self.dense_weight().contiguous()
        kept = is_kept(weight)
        return {"bitmap": pack_bits(kept), "values": weight[kept]}

    def from_file(self, tensors: dict[str, Tensor]) -> None:
        size = (self.out_features, self.in_features)
        self.keep({"numbers": expand(size, tensors).to(self.dtype)})
        self.ready()

    def ready(self) -> None:
        self._ready = (self.numbers.detach(), self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.dtype}, sparse"


def read_layer(facts: dict[str, Any], tensors: dict[str, Tensor]) -> SparseLinear:
    """Make a layer of a file again; ValueError for what does not fit together."""
    size = facts["rows"], facts["columns"]
    if any(type(one) is not int or one < 1 for one in size):
        raise ValueError(f"a layer of {size[0]!r} × {size[1]!r} is none.")
    if more := sorted(set(tensors) - set(SparseLinear.in_file)):
        raise ValueError(f"{', '.join(more)} is not part of it.")
    return SparseLinear(expand(size, tensors), turned=facts["turned"] is True)


def is_kept(weight: Tensor) -> Tensor:
    """Return which numbers are not plain zeros; a negative zero is kept."""
    if weight.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        weight = weight.contiguous().view(INTEGERS[weight.element_size()])
    return weight != 0


def packed_bytes(weight: Tensor) -> int:
    """Return the bytes of a weight's bitmap and kept numbers together."""
    kept = int(is_kept(weight).sum())
    return -(-weight.numel() // 8) + kept * weight.element_size()


def pack_bits(kept: Tensor) -> Tensor:
    """Return a boolean tensor as bytes, eight to one, the first the lowest bit."""
    bits = functional.pad(kept.flatten().to(torch.uint8), (0, -kept.numel() % 8))
    return (bits.view(-1, 8) * BITS.to(bits.device)).sum(1, dtype=torch.uint8)


def expand(size: tuple[int, int], tensors: dict[str, Tensor]) -> Tensor:
    """Return the dense weight (O, I) of a bitmap and its values.

    Raises ValueError where they do not belong together, KeyError where one is missing.
    """
    bitmap, values = tensors["bitmap"], tensors["values"]
    count = size[0] * size[1]
    if bitmap.dtype != torch.uint8 or bitmap.shape != (-(-count // 8),):
        raise ValueError(
            f"bitmap is {bitmap.dtype} of {tuple(bitmap.shape)} and should hold a bit "
            f"for each of {count} weights."
        )
    bits = (bitmap[:, None] & BITS.to(bitmap.device)).bool().flatten()
    kept = bits[:count]
    if bits[count:].any() or values.shape != (int(kept.sum()),):
        raise ValueError(
            f"values are {tuple(values.shape)} and the bitmap counts {int(kept.sum())}."
        )
    if not values.is_floating_point() or not torch.isfinite(values).all():
        raise ValueError("values hold NaN or infinite weights, or none at all.")
    weight = values.new_zeros(count)
    weight[kept] = values
    return weight.view(size)
