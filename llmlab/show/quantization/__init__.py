"""Pictures of lab 4: grids, what rounding to them costs, and formats.

levels           a weight's histogram with the levels of its grid
quality_by_bits  what each method of quantization loses
format_bounds    prefill and decode by format, with the bounds of each
row_grids        a weight's histogram with the levels of a grid, and its error by bits
quality_grid     bits per byte of a rounded model, by bits and by what shares a scale
outliers         the error of every layer's integer product by its inputs' outlier
products         one product in several ways, by the number of tokens
verdicts         a race of formats as a table of verdicts
levels_widget    a weight and the levels of its grid, by bits and group size
integer_grid     a group of weights, the levels of a method, and what it chose
integers_widget  the same by method and bits, with what each costs
drawings         the ideas behind the exercises; drawings_choices: those of 04b
choices          which integers: costs, errors by method, power and step, parts
lost             what models lose, as a table by method and bits
answers          answers side by side where not all agree

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.quantization import (
    choice_kinds,
    choices,
    drawings,
    drawings_choices,
    kinds,
)
from llmlab.show.quantization.activations import outliers
from llmlab.show.quantization.differences import answers, lost
from llmlab.show.quantization.formats import format_bounds
from llmlab.show.quantization.grids import row_grids
from llmlab.show.quantization.integer_grids import integer_grid
from llmlab.show.quantization.method_widget import integers_widget
from llmlab.show.quantization.product_times import products
from llmlab.show.quantization.qualities import quality_by_bits
from llmlab.show.quantization.quality_grids import quality_grid
from llmlab.show.quantization.steps import levels
from llmlab.show.quantization.verdict_tables import verdicts
from llmlab.show.quantization.widget import levels_widget

__all__ = ["answers", "choices", "drawings_choices", "lost"]
__all__ += ["drawings", "format_bounds", "levels", "levels_widget", "outliers"]
__all__ += ["products", "quality_by_bits", "quality_grid"]
__all__ += ["integer_grid", "integers_widget", "row_grids", "verdicts"]

__getattr__, __dir__ = faces.of(__name__, __all__)

kinds.register()
choice_kinds.register()
