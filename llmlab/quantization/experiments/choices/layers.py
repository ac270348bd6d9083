"""One linear layer and its inputs: what a choice of integers is made for and judged by.

Half of the calibration text is for choosing, the other half for judging. Kept of each
are the products of the inputs with each other, the Hessian of the error.

Shapes: O output features, I input features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.models import calibration, column_loop, surgery
from llmlab.models.calibration import Batch, Inputs
from llmlab.quantization import awq, clipping, formats, gptq
from llmlab.quantization.quantities import ANSWER_ERROR

Error = Callable[[Tensor, Tensor, Tensor], Tensor | float]  # weight, rounded, Hessian
ROUNDING = "rounding"


@dataclass(frozen=True)
class Layer:
    """A linear layer's weight, and what it was given on two texts."""

    name: str
    weight: Tensor  # (O, I) float64
    seen: Inputs  # on the text to choose by
    unseen: Inputs  # on the text to judge by

    @property
    def hessian(self) -> Tensor:
        """The products of the inputs with each other on the text seen, (I, I)."""
        return self.seen.gram.double()

    @property
    def size(self) -> Tensor:
        """The mean magnitude of every input on the text seen, (I,)."""
        return awq.positive(self.seen.mean).double()

    def rounded(self, format: Format) -> Tensor:
        """Return the weight rounded to nearest, with the range of least error."""
        return formats.quantize_weight(
            self.weight, format, clip=clipping.mse, scale_dtype=torch.bfloat16
        ).dequantize()

    def share(
        self, other: Tensor, *, error: Error | None = None, unseen: bool = True
    ) -> float:
        """Return the squared error of the answers over the answers' own square.

        other: a weight in this one's place. error: the learner's, see `Error`.
        """
        gram = (self.unseen if unseen else self.seen).gram.double()
        measure = error or answer_error
        other = other.to(self.weight)
        whole = measure(self.weight, torch.zeros_like(self.weight), gram)
        return float(measure(self.weight, other, gram)) / float(whole)


def layer(model: Any, data: Sequence[Batch], place: int | str | None = None) -> Layer:
    """Return a layer with its inputs on the first and on the second half of the data.

    data: see `calibration.batches`. place: a name, or a number in the order of the
    model, -1 for the last; by default the layer in the middle. Raises ValueError for
    less than two batches, and for a place that is no linear layer.
    """
    data = list(data)
    if len(data) < 2:
        raise ValueError(
            f"data holds {len(data)} batches; two at least are needed, one to choose "
            "by and one to judge by."
        )
    layers = surgery.linear_layers(model)
    names = list(layers)
    place = len(names) // 2 if place is None else place
    if isinstance(place, int) and -len(names) <= place < len(names):
        place = names[place]
    if place not in layers:
        raise ValueError(
            f"place={place!r} is no linear layer; choose one such as {names[0]!r}, or "
            f"a number below {len(names)}."
        )
    name = str(place)
    half = len(data) // 2
    weight = surgery.weight_of(layers[name]).detach().double().contiguous()
    seen, unseen = (
        calibration.collect(model, part, [name])[name]
        for part in (data[:half], data[half:])
    )
    return Layer(name, weight, seen, unseen)


@dataclass(frozen=True)
class Solved:
    """The layer's error of the answers, by method and text."""

    shares: Mapping[str, tuple[float, float]]  # method -> on text seen, not seen
    layer: str
    format: Format

    def records(self) -> list[Record]:
        """Return both errors of every method."""
        facts = []
        for method, pair in self.shares.items():
            for text, share in zip(("seen", "unseen"), pair, strict=True):
                details: dict[str, str | int] = {"text": text, "layer": self.layer}
                details["bits"] = self.format.bits
                details["group size"] = str(self.format.group_size)
                facts.append(
                    records.measured(
                        ANSWER_ERROR, share, subject=method, details=details
                    )
                )
        return facts

    @property
    def ratio(self) -> float:
        """How many times the error of the first loop rounding has, on text not seen."""
        rounding, first, *_ = self.shares.values()
        return rounding[1] / first[1]


def solved(
    layer: Layer,
    format: Format,
    *,
    loop: gptq.Loop | None = None,
    error: Error | None = None,
) -> Solved:
    """Round a layer to nearest and by GPTQ, and measure the error of its answers.

    loop: the learner's column loop, beside the package's. error: the learner's own
    measure of the error. All have the same grid. Raises ValueError for what a loop
    gives in another shape.
    """
    ways = {ROUNDING: layer.rounded(format)}
    loops = {"GPTQ, yours": loop} if loop else {}
    for method, own in {**loops, "GPTQ": None}.items():
        ways[method] = gptq.solve(
            layer.weight, layer.seen.gram, format, clip=clipping.mse, loop=own,
            scale_dtype=torch.bfloat16,
        ).dequantize()  # fmt: skip
    shares = {
        method: (
            layer.share(weight, error=error, unseen=False),
            layer.share(weight, error=error),
        )
        for method, weight in ways.items()
    }
    return Solved(shares, layer.name, format)


def answer_error(weight: Tensor, rounded: Tensor, gram: Tensor) -> Tensor:
    """Return the squared error of all answers, for inputs of this Gram matrix."""
    return column_loop.objective(weight, rounded, gram).sum()
