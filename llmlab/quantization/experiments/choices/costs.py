"""What the rounding of a single weight costs: the change says little, the input much.

Shapes: O output features, I input features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.quantization.experiments.choices.layers import Error, Layer, answer_error
from llmlab.quantization.quantities import CHANGE_COST

COUNT = 400  # weights that are tried
CHEAP, DEAR = "cheap", "dear"


@dataclass(frozen=True)
class WeightCosts:
    """Some weights of a layer: how far rounding moves each, and what that costs."""

    facts: tuple[Record, ...]
    layer: str

    def records(self) -> list[Record]:
        """Return the cost of every weight, the change in the details."""
        return list(self.facts)

    def pair(self) -> tuple[Record, Record]:
        """Return the cheap and the dear weight of the pair whose changes are alike."""
        by = {fact.details.get("marked"): fact for fact in self.facts}
        return by[CHEAP], by[DEAR]

    @property
    def ratio(self) -> float:
        """How many times dearer the one weight of the pair is than the other."""
        cheap, dear = self.pair()
        return dear.value / cheap.value


def weight_costs(
    layer: Layer,
    format: Format,
    *,
    error: Error | None = None,
    count: int = COUNT,
    seed: int = 0,
) -> WeightCosts:
    """Round single weights of a layer, one at a time, and measure what each costs.

    error: the learner's, called with a row, the row with one weight rounded, and the
    Hessian; the cost is its share of the layer's own square. A pair is marked: two
    weights that rounding moves alike, one with the smallest inputs and one with the
    largest. Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count={count} tries no weight; choose at least 1.")
    rounded = layer.rounded(format).double()
    change = (rounded - layer.weight).abs()
    dice = torch.Generator().manual_seed(seed)
    places = torch.randint(change.numel(), (count,), generator=dice).tolist()
    pair = _alike(change, layer.hessian.diagonal())
    marks = dict(zip(pair, (CHEAP, DEAR), strict=True))
    measure = error or answer_error
    whole = float(measure(layer.weight, torch.zeros_like(layer.weight), layer.hessian))
    facts = []
    for place in dict.fromkeys([*places, *pair]):
        row, column = divmod(place, change.shape[1])
        if not change[row, column]:
            continue  # it lies on a level
        before = layer.weight[row : row + 1]
        after = before.clone()
        after[0, column] = rounded[row, column]
        cost = float(measure(before, after, layer.hessian)) / whole
        details = {"change": float(change[row, column]), "column": column}
        details |= {"bits": format.bits, "group size": str(format.group_size)}
        if place in marks:
            details["marked"] = marks[place]
        facts.append(
            records.measured(CHANGE_COST, cost, subject=layer.name, details=details)
        )
    return WeightCosts(tuple(facts), layer.name)


def _alike(change: Tensor, diagonal: Tensor) -> tuple[int, int]:
    """Return two weights moved alike, in the columns with least and most input."""
    order = diagonal.argsort()
    low, high = int(order[diagonal[order] > 0][0]), int(order[-1])
    one, other = change[:, low], change[:, high]
    apart = (one[:, None] - other[None, :]).abs() / one.maximum(other).clamp(min=1e-30)
    # Both are to move about as far as weights do at most, so that none is an accident.
    far = (one > one.median())[:, None] & (other > other.median())[None, :]
    best = int(torch.where(far, apart, torch.inf).argmin())
    row, beside = divmod(best, len(other))
    width = change.shape[1]
    return row * width + low, beside * width + high
