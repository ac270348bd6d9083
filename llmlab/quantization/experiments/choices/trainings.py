"""One layer trained through its rounding: the error of its answers, step by step.

The loss is the squared error of the answers, which the Hessian tells without the text.
The scales stay as they were; the weights behind the rounding move.

Shapes: O output features, I input features, G groups of a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.quantization import awq, clipping, formats, gptq
from llmlab.quantization.experiments.choices.layers import ROUNDING, Layer
from llmlab.quantization.quantities import ANSWER_ERROR, ERROR_BY_STEP

STEPS = 100
EVERY = 5  # steps between two looks at the error
TRAINING = "training"

Rounding = Callable[[Tensor, Tensor, int], Tensor]  # weight, scale, bits -> weight


@dataclass(frozen=True)
class Learning:
    """The error by step on both texts, and what the other methods leave."""

    curve: tuple[tuple[int, float, float], ...]  # step, on text seen, not seen
    others: Mapping[str, float]  # on text not seen
    format: Format
    rounded: Tensor  # the weight in the end, (O, I)

    def records(self) -> list[Record]:
        """Return the errors by step, then one for each method, the training last."""
        grid = {"bits": self.format.bits, "group size": str(self.format.group_size)}
        facts = []
        for step, *pair in self.curve:
            for text, share in zip(("seen", "unseen"), pair, strict=True):
                details = {"step": step, "text": text} | grid
                facts.append(
                    records.measured(
                        ERROR_BY_STEP, share, subject=TRAINING, details=details
                    )
                )
        for method, share in {**self.others, TRAINING: self.curve[-1][2]}.items():
            details = {"text": "unseen"} | grid
            facts.append(
                records.measured(ANSWER_ERROR, share, subject=method, details=details)
            )
        return facts

    @property
    def ratio(self) -> float:
        """How many times smaller training makes the error than rounding, unseen."""
        return self.others[ROUNDING] / self.curve[-1][2]


def trained(
    layer: Layer,
    format: Format,
    *,
    rounding: Rounding,
    steps: int = STEPS,
    rate: float = 0.005,
) -> Learning:
    """Train a layer through a rounding, with Adam, from the range of least error.

    rounding: the learner's `straight_through`, called with (rows, columns) weights and
    a scale for each row; groups come as rows. rate: of a step's mean size, fading to 0.
    Raises ValueError for a format with a zero point, and for a rounding that lets no
    gradient pass.
    """
    if not format.symmetric:
        raise ValueError(
            f"format={format} has a zero point, which the rounding knows nothing of; "
            f"hand in Format(bits={format.bits}, symmetric=True)."
        )
    start = formats.quantize_weight(layer.weight, format, clip=clipping.mse)
    groups = formats.grouped(layer.weight, format.group_size)  # (O, G, C)
    scale = start.grid.scales.expand(*groups.shape[:2], 1).flatten(0, 1)
    learnt = groups.flatten(0, 1).clone().requires_grad_()
    optimizer = torch.optim.Adam([learnt], lr=rate * float(scale.mean()))
    fading = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)

    def now() -> Tensor:
        rounded = rounding(learnt, scale, format.bits)  # perhaps in float64
        return rounded.reshape(layer.weight.shape).to(learnt.dtype)

    def look(step: int) -> tuple[int, float, float]:
        rounded = now().detach()
        return step, layer.share(rounded, unseen=False), layer.share(rounded)

    curve = [look(0)]
    exact, gram = layer.weight.float(), layer.seen.gram
    gram = gram / gram.diagonal().mean()  # so that Adam's epsilon is small beside it
    with torch.enable_grad(), progress.task("training a layer", steps) as tick:
        for step in range(1, steps + 1):
            change = now() - exact
            if not change.requires_grad:
                raise ValueError(
                    f"rounding={rounding!r:.60} lets no gradient pass; add the "
                    "difference that rounding makes as a constant, by detach()."
                )
            ((change @ gram) * change).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
            fading.step()
            if step % EVERY == 0 or step == steps:
                curve.append(look(step))
            tick()
    others = {
        name: layer.share(weight) for name, weight in _others(layer, format).items()
    }
    return Learning(tuple(curve), others, format, now().detach())


def _others(layer: Layer, format: Format) -> dict[str, Tensor]:
    """Return the weight as the methods without training leave it."""
    solved = gptq.solve(layer.weight, layer.seen.gram, format, clip=clipping.mse)
    scaled, factors = awq.solve(layer.weight.float(), layer.seen, format)
    answer = scaled.dequantize()
    return {
        ROUNDING: layer.rounded(format),
        "AWQ": answer if factors is None else answer * factors,
        "GPTQ": solved.dequantize(),
    }
