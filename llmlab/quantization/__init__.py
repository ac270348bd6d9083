"""Lab 4. Quantization: how few bits does a weight need?

quantize        every linear layer of a model in a few bits, rounded to nearest
gptq, awq       the same, chosen by what the inputs of each layer are
smoothing       SmoothQuant: int8 weights and activations, outliers moved first
qat             train through the rounding (straight-through estimator)
sensitivity     which layers bear fewer bits, and a choice under a size budget
prepack         bf16 weights in the order that oneDNN wants
save, load      safetensors and a file that says how to read them

absmax, affine  one weight matrix; formats, grids, ranges, packing, floats: the parts
calibration     what the inputs of each layer look like on some text
levels          a weight beside its grid, as records to be drawn
layers, operators, choice  what computes, and which operator is fastest here

Every method returns a new model and leaves the old one as it was. It works on the
models of llmlab and on any of transformers with linear layers.
"""

from llmlab.quantization import (
    awq,
    calibration,
    choice,
    floats,
    formats,
    gptq,
    levels,
    packing,
    qat,
    ranges,
    sensitivity,
    smoothing,
)
from llmlab.quantization.files import load, save, size
from llmlab.quantization.formats import Quantized, absmax, affine, quantize_weight
from llmlab.quantization.layers import QuantizedLinear
from llmlab.quantization.prepacking import PrepackedLinear, prepack
from llmlab.quantization.rounding import quantize

__all__ = [
    "PrepackedLinear",
    "Quantized",
    "QuantizedLinear",
    "absmax",
    "affine",
    "awq",
    "calibration",
    "choice",
    "floats",
    "formats",
    "gptq",
    "levels",
    "load",
    "packing",
    "prepack",
    "qat",
    "quantize",
    "quantize_weight",
    "ranges",
    "save",
    "sensitivity",
    "size",
    "smoothing",
]
