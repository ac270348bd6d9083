"""A linear layer whose dense weight stands in the order that oneDNN wants.

A plain product rearranges the weight's tiles in every call. Arranged beforehand, the
same product of the same numbers is faster, most of all in bf16 for a batch of tokens.

Shapes: O output features, I input features.
"""

from typing import Any

from torch import Tensor, nn

from llmlab.core import machine
from llmlab.kernels import abilities
from llmlab.kernels.stored import StoredLinear


class PrepackedLinear(StoredLinear):
    """A linear layer whose dense weight stands in oneDNN's own order."""

    kind, dense = "prepacked", True
    in_file = ("weight",)
    tiles: nn.Parameter

    def __init__(self, weight: Tensor, *, bias: nn.Parameter | None = None):
        super().__init__(*weight.shape, dtype=weight.dtype, bias=bias)
        self.from_file({"weight": weight})

    def forward(self, x: Tensor) -> Tensor:
        return abilities.product(x, *self._ready)

    def to_file(self) -> dict[str, Tensor]:
        """Return the weight as it was, exactly."""
        return {"weight": self.tiles.to_dense().contiguous()}

    def from_file(self, tensors: dict[str, Tensor]) -> None:
        if tensors["weight"].device.type != "cpu":
            raise ValueError(
                "a prepacked layer lives on the CPU; move the model first, prepack it "
                "there."
            )
        if not abilities.prepacked(self.dtype):
            raise ValueError(
                f"dtype={machine.dtype_name(self.dtype)} cannot be prepacked here; "
                "oneDNN, where this torch has it, takes fp32, and bf16 on processors "
                "with AVX-512: keep the plain layer."
            )
        self.keep({"tiles": abilities.pack(tensors["weight"].detach().to(self.dtype))})
        self.ready()

    def ready(self) -> None:
        self._ready = (self.tiles.detach(), self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.dtype}, prepacked"


def read_layer(
    facts: dict[str, Any], tensors: dict[str, Tensor]
) -> PrepackedLinear | None:
    """Make a layer of a file again; None where oneDNN does not keep this dtype here."""
    weight = tensors["weight"]
    if not abilities.prepacked(weight.dtype):
        return None
    return PrepackedLinear(weight)
