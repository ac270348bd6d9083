"""Factors of a layer's inputs: the error of the answers by the power of their size.

Shapes: I input features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.quantization import awq, formats
from llmlab.quantization.experiments.choices.layers import Error, Layer
from llmlab.quantization.quantities import ERROR_BY_POWER

POWERS = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class Powers:
    """Error over that of plain rounding, by layer and power, on text not seen."""

    facts: tuple[Record, ...]
    best: dict[str, float]  # layer -> the power that the choice over all of them took

    def records(self) -> list[Record]:
        """Return the error of every layer and power."""
        return list(self.facts)

    @property
    def ratio(self) -> float:
        """The error over plain rounding that the choice leaves of the first layer."""
        layer, power = next(iter(self.best.items()))
        return next(
            fact.value
            for fact in self.facts
            if fact.subject == layer and fact.details["power"] == power
        )


def powers(
    layers: Sequence[Layer],
    format: Format,
    *,
    choose: awq.Choice,
    error: Error | None = None,
) -> Powers:
    """Multiply columns by factors, powers of their size; measure what rounding costs.

    choose: the learner's, called with one power at a time, and once with all of them.
    error: the learner's measure. Grids reach from the smallest to the largest weight.
    """
    facts, best = [], {}
    for one in layers:

        def round_weight(weight: Tensor) -> Tensor:
            new = formats.quantize_weight(weight, format, scale_dtype=torch.bfloat16)
            return new.dequantize().double()

        def answers(chosen: Sequence[float], one: Layer = one) -> tuple[Tensor, float]:
            factors = torch.as_tensor(
                choose(one.weight, one.hessian, one.size, round_weight, chosen)
            )
            rounded = round_weight(one.weight * factors) / factors
            return factors, one.share(rounded, error=error)

        shares = {power: answers((power,)) for power in POWERS}
        for power, (_, share) in shares.items():
            size = str(format.group_size)
            details = {"power": power, "bits": format.bits, "group size": size}
            facts.append(
                records.measured(
                    ERROR_BY_POWER, share / shares[0.0][1], subject=one.name,
                    details=details,
                )
            )  # fmt: skip
        chosen, _ = answers(POWERS)
        best[one.name] = min(
            POWERS, key=lambda power: float((shares[power][0] - chosen).abs().sum())
        )
    return Powers(tuple(facts), best)
