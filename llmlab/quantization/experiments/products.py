"""One layer's product, four ways: floats, integers by hand, dequantized, by a kernel.

What an integer product takes depends on who wrote it: PyTorch multiplies int32 on any
processor, but not with the instructions that it has for int8.

Shapes: T tokens, I input features, O output features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional

from llmlab import measure
from llmlab.core.records import Record
from llmlab.kernels import autotune
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.measure import Speed
from llmlab.models import surgery
from llmlab.models.surgery import LinearLayer
from llmlab.quantization import formats
from llmlab.quantization.experiments.activations import BITS, Product
from llmlab.quantization.experiments.qualities import ByGroup
from llmlab.quantization.quantities import PRODUCT_TIME

TOKENS = (1, 256)  # at a time: a decode step, a prompt
SECONDS = 4.0
FLOATS, OWN, UNPACKED = "float32", "your integers", "int8, made float32 first"


@dataclass(frozen=True)
class ProductRace:
    """The time of one product, by the number of tokens and who computes it."""

    speeds: tuple[tuple[int, Speed], ...]
    kernels: tuple[tuple[int, str], ...]  # the fastest operator found here

    def kernel(self, tokens: int) -> str:
        """Return the name of the kernel, as the race calls it."""
        return f"kernel: {dict(self.kernels)[tokens]}"

    def records(self) -> list[Record]:
        """Return the latency of each, with the number of tokens in the details."""
        return [
            replace(fact, details={"tokens": tokens}, subject=timing.name)
            for tokens, speed in self.speeds
            for timing in speed.timings
            for fact in [timing.total.record(PRODUCT_TIME)]
        ]

    def ratio(self, name: str, against: str = FLOATS, *, tokens: int) -> Record:
        """Return how many times as fast `name` is as `against`.

        name: "your integers", or what `kernel` gives. KeyError names what was timed.
        """
        return dict(self.speeds)[tokens].verdict(name, against).record()

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return " ".join(dict.fromkeys(speed.note for _, speed in self.speeds)).strip()


@torch.inference_mode()
def product_race(
    layer: nn.Linear,
    *,
    by_group: ByGroup,
    integer_matmul: Product,
    tokens: Sequence[int] = TOKENS,
    seconds: float = SECONDS,
) -> ProductRace:
    """Time one linear layer's product by floats, by hand, and by this machine's kernel.

    by_group, integer_matmul: as in `outliers`; the weight is rounded beforehand, the
    inputs within what is timed, by all who round them. tokens: rows of the input. The
    kernel is the fastest operator that `kernels.autotune` finds for so many.
    """
    weight = surgery.weight_of(layer).float().contiguous()
    speeds, kernels = [], []
    for count in tokens:
        calls, name = _calls(weight, layer, by_group, integer_matmul, count)
        speeds.append((count, measure.speed(calls, seconds=seconds / len(tokens))))
        kernels.append((count, name))
    return ProductRace(tuple(speeds), tuple(kernels))


def _calls(
    weight: torch.Tensor,
    layer: LinearLayer,
    by_group: ByGroup,
    integer_matmul: Product,
    count: int,
) -> tuple[dict[str, Callable[[], object]], str]:
    """Return the calls by name, and the operator of the fastest kernel."""
    width = weight.shape[1]
    x = torch.randn(count, width, generator=torch.Generator().manual_seed(0))
    integers, scales = by_group(weight, width, BITS)
    rounded = formats.absmax(weight)
    plain = QuantizedLinear(rounded)
    kernel = autotune(QuantizedLinear(rounded, activations=True), batch=count)
    operator = kernel.dispatch.at(count)

    def own() -> object:
        x8, x_scales = by_group(x, width, BITS)
        return integer_matmul(x8, x_scales.flatten(), integers, scales.flatten())

    calls: dict[str, Callable[[], object]] = {
        FLOATS: lambda: functional.linear(x, weight),
        OWN: own,
        UNPACKED: lambda: plain(x),
        f"kernel: {operator}": lambda: kernel(x),
    }
    return calls, operator
