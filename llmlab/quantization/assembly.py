"""From integers to a model: what every method of choosing them has in common.

Shapes: O output features, I input features.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from llmlab.kernels.quantized import Quantized
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import surgery
from llmlab.models.surgery import Model

Bits = int | Mapping[str, int]
SCALES = torch.bfloat16  # half the bytes, and what the operators take


def layer_bits(
    model: nn.Module, bits: Bits, skip: Collection[str]
) -> list[tuple[str, nn.Module, int]]:
    """Return name, layer and bits of every linear layer that is to be quantized.

    Raises ValueError for names in `bits` that are no linear layers.
    """
    layers = surgery.linear_layers(model, skip=skip)
    if not isinstance(bits, Mapping):
        return [(name, layer, bits) for name, layer in layers.items()]
    if not bits:
        raise ValueError("bits={} names no layer; name one at least, or hand in 8.")
    if unknown := sorted(set(bits) - set(layers)):
        raise ValueError(
            f"bits names {unknown[0]!r}, which is no linear layer to be quantized; "
            f"the names are those of the model's modules, such as {next(iter(layers))}."
        )
    return [(name, layers[name], own) for name, own in bits.items()]


def assemble(
    model: Model,
    weights: Mapping[str, Quantized],
    *,
    input_scales: Mapping[str, Tensor] | None = None,
    activations: bool = False,
    rows: int = 1,
    operator: str | None = None,
) -> Model:
    """Return a new model with these weights in place of its own.

    input_scales: by layer, (I,); arguments as in `layers.QuantizedLinear`. The model
    says its format in `.format`, such as "int4 g32", and otherwise keeps its name.
    """
    layers = {
        name: QuantizedLinear(
            weight,
            input_scales=(input_scales or {}).get(name),
            activations=activations,
            dtype=model.get_submodule(name).weight.dtype,
            rows=rows,
            operator=operator,
        )
        for name, weight in weights.items()
    }
    share = surgery.share_of_weights(model, map(model.get_submodule, weights))
    new = surgery.replace(model, layers)
    new.format = describe(layers.values(), share=share)
    return new


def describe(layers: Collection[QuantizedLinear], *, share: float = 1.0) -> str:
    """Name the format that most weights have, and how many others there are.

    share: of the model's matrices that these layers hold; said where it is below half,
    as in a mixture of experts whose experts are no layers of their own.
    """
    counts: Counter[str] = Counter()
    for layer in layers:
        counts[layer.spec.name] += layer.spec.rows * layer.spec.columns
    names = [name for name, _ in counts.most_common()]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    of = f" of {share:.0%} of the weights" if share < 0.5 else ""
    return names[0] + more + of
