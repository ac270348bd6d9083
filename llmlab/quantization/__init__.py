"""Lab 4. Quantization: how few bits does a weight need?

quantize        every linear layer of a model in a few bits, rounded to nearest
gptq, awq       the same, chosen by what the inputs of each layer are
smoothquant     SmoothQuant: int8 weights and activations, outliers moved first
qat             train through the rounding (straight-through estimator)
sensitivity     which layers bear fewer bits
prepack         bf16 weights in the order that oneDNN wants

Format          how many bits, what shares a scale: handed in, and a word for it
absmax, affine  one weight matrix; formats, clipping, floats: the parts
techniques      the table of words that ask for one of these: "int4-g32-gptq"
levels          a weight beside its grid, as records to be drawn
quantities      name and unit of the facts of this lab

Every method returns a new model and leaves the old one as it was; `models.save` and
`models.load` keep it. It works on the models of llmlab and on any of transformers with
linear layers. How integers lie in memory, and what multiplies with them fastest here,
is in `llmlab.kernels`; what all techniques share (layers by name, calibration, a choice
under a budget) in `llmlab.models`.
"""

from llmlab.core import faces
from llmlab.kernels.format import Format
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.quantization import (
    awq,
    clipping,
    floats,
    formats,
    gptq,
    levels,
    qat,
    quantities,
    sensitivity,
    smoothquant,
    techniques,
)
from llmlab.quantization.formats import absmax, affine, quantize_weight
from llmlab.quantization.prepacking import prepack
from llmlab.quantization.rounding import quantize

__all__ = [
    "Format",
    "PrepackedLinear",
    "Quantized",
    "QuantizedLinear",
    "absmax",
    "affine",
    "awq",
    "clipping",
    "floats",
    "formats",
    "gptq",
    "levels",
    "prepack",
    "qat",
    "quantities",
    "quantize",
    "quantize_weight",
    "sensitivity",
    "smoothquant",
    "techniques",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
