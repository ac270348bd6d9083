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
from llmlab.models import surgery
from llmlab.models.surgery import Model
from llmlab.quantization import assembly, formats, ranges
from llmlab.quantization.assembly import Bits
from llmlab.quantization.formats import GroupSize


def quantize(
    model: Model,
    *,
    bits: Bits = 8,
    group_size: GroupSize = "channel",
    symmetric: bool | None = None,
    within: ranges.Range = ranges.minmax,
    activations: bool = False,
    skip: Collection[str] = (),
    rows: int = 1,
    operator: str | None = None,
) -> Model:
    """Return a new model whose linear layers keep their weights in a few bits.

    bits: for all layers, or by name; layers without a name stay as they are. symmetric:
    levels about zero; None: at 8 bits, while fewer get a zero point. within: see
    `ranges`. activations: round these too, to int8 with one scale per token, so that
    products are of integers. skip: see `surgery.linear_layers`. rows: tokens that come
    at a time when it matters, such as the batch of a decode step; operators are chosen
    for it. operator: this one (`operators.OPERATORS`) instead of the fastest here.
    Raises ValueError for what `formats.quantize_weight` refuses, naming the layer.
    """
    weights = {}
    chosen = assembly.layer_bits(model, bits, skip)
    for name, layer, own in progress.track(chosen, "rounding weights"):
        with surgery.naming(name):
            weights[name] = formats.quantize_weight(
                surgery.weight_of(layer),
                bits=own,
                group_size=group_size,
                symmetric=own == 8 if symmetric is None else symmetric,
                within=within,
                scale_dtype=assembly.SCALES,
            )
    return assembly.assemble(
        model, weights, activations=activations, rows=rows, operator=operator
    )
