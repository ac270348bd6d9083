"""From integers to a model: quantized layers in the place of its linear layers.

It is the last step of every method of choosing the integers.

Shapes: O output features, I input features.
"""

from collections import Counter
from collections.abc import Mapping

from torch import Tensor

from llmlab.core.model import Model
from llmlab.kernels.format import Format
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import surgery


def convert(
    model: Model,
    weights: Mapping[str, Quantized],
    formats: Mapping[str, Format],
    *,
    input_scales: Mapping[str, Tensor] | None = None,
) -> Model:
    """Return a new model whose linear layers hold these weights, on plain operators.

    formats: see `formats.layer_formats`. input_scales: by layer, (I,). The model says
    its format in `.format`, such as "int4-g32", and otherwise keeps its name. A plan
    that it was tuned by belonged to other layers and is left out.
    """
    layers = {
        name: QuantizedLinear(
            weight,
            input_scales=(input_scales or {}).get(name),
            activations=formats[name].activations,
            dtype=model.get_submodule(name).weight.dtype,
        )
        for name, weight in weights.items()
    }
    share = surgery.share_of_weights(model, map(model.get_submodule, weights))
    new = surgery.replace(model, layers)
    new.format = describe(weights, formats, share=share)
    new.__dict__.pop("plan", None)
    return new


def describe(
    weights: Mapping[str, Quantized],
    formats: Mapping[str, Format],
    *,
    share: float = 1.0,
) -> str:
    """Name the format that most weights have, and how many others there are.

    share: of the model's matrices that these layers hold; said where it is below nine
    tenths, as in a mixture of experts whose experts stay as they are.
    """
    counts: Counter[str] = Counter()
    for name, weight in weights.items():
        counts[str(formats[name])] += weight.integers.numel()
    names = [name for name, _ in counts.most_common()]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    of = f" of {share:.0%} of the weights" if share < surgery.WHOLE else ""
    return names[0] + more + of
