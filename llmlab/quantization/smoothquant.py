"""SmoothQuant: move what is hard to round from the activations into the weights.

Activations have outliers in a few inputs, always the same ones, and one scale per token
must stretch over them all. Dividing these inputs by s and multiplying their weights
by s leaves the answer alone and makes both sides easy. `strength` says how much of the
difficulty moves: 0 none of it, 1 all.

Shapes: O output features, I input features.
Source: SmoothQuant, Xiao et al., ICML 2023.
"""

from collections.abc import Collection, Iterable

from torch import Tensor

from llmlab.core import progress
from llmlab.core.arguments import is_number, shown
from llmlab.core.model import Model
from llmlab.kernels.format import Format
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch
from llmlab.quantization import awq, conversion, formats
from llmlab.quantization.formats import Formats


def quantize(
    model: Model,
    data: Iterable[Batch],
    format: Formats = Format(activations=True),
    *,
    strength: float = 0.5,
    skip: Collection[str] = (),
) -> Model:
    """Return a new model of int8 weights and activations, smoothed for a text's inputs.

    data: see `calibration.collect`. The other arguments and errors are those of
    `rounding.quantize`, and ValueError for a strength outside 0 to 1 and for a format
    that leaves activations as they are.
    """
    chosen = formats.layer_formats(model, format, skip)
    if plain := [
        layer_format for layer_format in chosen.values() if not layer_format.activations
    ]:
        raise ValueError(
            f"format={plain[0]} leaves the activations as they are, and smoothing is "
            f"for them; hand in {plain[0]}-dynamic, or use quantize(...)."
        )
    seen = calibration.collect(model, data, chosen)
    weights, scales = {}, {}
    for name, layer_format in progress.track(list(chosen.items()), "smoothing"):
        weight = surgery.weight_of(model.get_submodule(name)).float()
        with surgery.naming(name):
            scales[name] = factors(weight, seen[name].largest, strength=strength)
            weights[name] = formats.quantize_weight(
                weight / scales[name], layer_format, scale_dtype=formats.SCALE_DTYPE
            )
    return conversion.convert(model, weights, chosen, input_scales=scales)


def factors(weight: Tensor, largest: Tensor, *, strength: float = 0.5) -> Tensor:
    """Return what the inputs are multiplied by, (I,): 1 / s, with s as in the paper.

    s = max|input| ** strength / max|column of weights| ** (1 - strength).
    """
    if not is_number(strength) or not 0 <= strength <= 1:
        raise ValueError(
            f"strength={shown(strength)} is not between 0 (all difficulty stays with "
            "the activations) and 1 (all goes to the weights); 0.5 shares it."
        )
    inputs = largest.clamp(min=1e-5)
    columns = weight.abs().amax(0).clamp(min=1e-5)
    return awq.inverse(inputs**strength / columns ** (1 - strength))
