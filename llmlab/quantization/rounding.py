"""Rounding to nearest: the first thing to try, and what every method must beat.

A decode step reads every weight once, so half the bytes per weight can almost halve
the time of a step. The price is rounding error; finer scales make it smaller. No text
is needed, only the weights: 8 bits lose next to nothing, 4 bits want groups, and below
that a method that looks at the inputs pays.

Shapes: O output features, I input features.
Source: the baseline of every paper, such as GPTQ, Frantar et al., ICLR 2023.
"""

from collections.abc import Collection

from llmlab.core import progress
from llmlab.core.model import Model
from llmlab.kernels.format import Format
from llmlab.models import experts, surgery
from llmlab.quantization import clipping, conversion, formats
from llmlab.quantization.formats import Formats


def quantize(
    model: Model,
    format: Formats = Format(),
    *,
    clip: clipping.Clip = clipping.minmax,
    skip: Collection[str] = (),
) -> Model:
    """Return a new model whose linear layers keep their weights in a few bits.

    format: of all layers, or by name; layers without a name stay as they are. clip:
    see `ranges`. skip: see `surgery.linear_layers`. Experts get a layer for each of
    their matrices (`models.experts`). All run on the plain operators, so that the same
    call gives the same model on every machine; `kernels.autotune` finds those that are
    fastest here. Raises ValueError for what `formats.quantize_weight` refuses, naming
    the layer.
    """
    weights, model = {}, experts.separate(model)
    chosen = formats.layer_formats(model, format, skip)
    for name, layer_format in progress.track(list(chosen.items()), "rounding weights"):
        layer = model.get_submodule(name)
        with surgery.naming(name):
            weights[name] = formats.quantize_weight(
                surgery.weight_of(layer), layer_format, clip=clip,
                scale_dtype=formats.SCALE_DTYPE,
            )  # fmt: skip
    return conversion.convert(model, weights, chosen)
