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
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch
from llmlab.models.surgery import Model
from llmlab.quantization import assembly, awq, formats


def quantize(
    model: Model,
    data: Iterable[Batch],
    *,
    strength: float = 0.5,
    skip: Collection[str] = (),
    rows: int = 1,
    operator: str | None = None,
) -> Model:
    """Return a new model of int8 weights and activations, smoothed for a text's inputs.

    data: see `calibration.collect`. The other arguments and errors are those of
    `rounding.quantize`, and ValueError for a strength outside 0 to 1.
    """
    chosen = assembly.layer_bits(model, 8, skip)
    seen = calibration.collect(model, data, [name for name, *_ in chosen])
    weights, scales = {}, {}
    for name, layer, _ in progress.track(chosen, "smoothing"):
        weight = surgery.weight_of(layer).float()
        with surgery.naming(name):
            scales[name] = factors(weight, seen[name].largest, strength=strength)
            weights[name] = formats.quantize_weight(
                weight / scales[name], scale_dtype=assembly.SCALES
            )
    return assembly.assemble(
        model,
        weights,
        input_scales=scales,
        activations=True,
        rows=rows,
        operator=operator,
    )


def factors(weight: Tensor, largest: Tensor, *, strength: float = 0.5) -> Tensor:
    """Return what the inputs are multiplied by, (I,): 1 / s, with s as in the paper.

    s = max|input| ** strength / max|column of weights| ** (1 - strength).
    """
    if not 0 <= strength <= 1:
        raise ValueError(
            f"strength={strength} is not between 0 (all difficulty stays with the "
            "activations) and 1 (all goes to the weights); 0.5 shares it."
        )
    inputs = largest.clamp(min=1e-5)
    columns = weight.abs().amax(0).clamp(min=1e-5)
    return awq.inverse(inputs**strength / columns ** (1 - strength))
