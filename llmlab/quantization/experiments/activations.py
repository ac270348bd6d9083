"""Outliers: the largest inputs of every layer, and what they cost an integer product.

A token's inputs share one scale. One input that is much larger than the rest stretches
the grid, and the rest is left with few levels.

Shapes: T tokens, I input features, O output features.
Source: Dettmers et al., LLM.int8(), NeurIPS 2022.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.models import listening, surgery
from llmlab.quantization import floats
from llmlab.quantization.experiments.qualities import ByGroup
from llmlab.quantization.quantities import OUTLIER, PRODUCT_ERROR

BITS = 8

Product = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Outliers:
    """For every linear layer the outlier of its inputs and the error of its product."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return both of every layer; its name is the subject."""
        return list(self.facts)

    @property
    def worst(self) -> Record:
        """The largest error of a product."""
        return max(self._errors(), key=lambda fact: fact.value)

    @property
    def best(self) -> Record:
        """The smallest error of a product."""
        return min(self._errors(), key=lambda fact: fact.value)

    def _errors(self) -> list[Record]:
        return [fact for fact in self.facts if fact.name == PRODUCT_ERROR.name]


@torch.inference_mode()
def outliers(
    model: Model,
    prompt: Sequence[int],
    *,
    by_group: ByGroup,
    integer_matmul: Product,
) -> Outliers:
    """Multiply the inputs of every linear layer as integers, beside the exact product.

    prompt: token ids that the model reads. by_group: (weight, group size, bits) ->
    integers, scales, for weights and inputs alike, 8 bits and a scale for each row.
    integer_matmul: (x, x scales, weight, weight scales) -> (T, O).
    The outlier of a layer is the largest input of a token over the root mean square of
    all its inputs, the median of the tokens.
    """
    layers, facts = surgery.linear_layers(model), []
    with listening.listening(model, list(layers)) as heard:
        model(torch.tensor([list(prompt)]))
    for name, layer in layers.items():
        x = heard[name].reshape(-1, heard[name].shape[-1]).float()  # (T, I)
        weight = surgery.weight_of(layer).float().contiguous()
        size = x.square().mean(-1).sqrt().clamp_min(1e-12)
        stretch = float((x.abs().amax(-1) / size).median())
        whole = [_rows(by_group, each) for each in (x, weight)]
        error = floats.error(x @ weight.T, integer_matmul(*whole[0], *whole[1]))
        facts += [
            records.measured(OUTLIER, stretch, subject=name),
            records.measured(PRODUCT_ERROR, error, subject=name),
        ]
    return Outliers(tuple(facts))


def _rows(by_group: ByGroup, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 integers and a scale for each row, (rows,)."""
    integers, scales = by_group(matrix, matrix.shape[1], BITS)
    return integers, scales.flatten()
