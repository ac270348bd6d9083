"""Pictures of lab 4: grids, what rounding to them costs, and formats.

levels           a weight's histogram with the levels of its grid
rounding_errors  number formats by what rounding to them costs
quality_by_bits  what each method of quantization loses
format_bounds    prefill and decode by format, with the bounds of each
levels_widget    a weight and the levels of its grid, by bits and group size

They take records and draw; nothing here runs a model.
"""

from llmlab.core import faces
from llmlab.show.quantization.formats import format_bounds
from llmlab.show.quantization.qualities import quality_by_bits
from llmlab.show.quantization.roundings import rounding_errors
from llmlab.show.quantization.steps import levels
from llmlab.show.quantization.widget import levels_widget

__all__ = [
    "format_bounds",
    "levels",
    "levels_widget",
    "quality_by_bits",
    "rounding_errors",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
