"""Experiments: one line measures, and what comes back has `records()`.

row_grids      rows or groups of a weight on the grids of row functions, by bits
quality_grid   the whole model rounded by a function: quality by bits and group size
outliers       the largest inputs of every layer, and what they cost an integer product
product_race   one layer's product: floats, a product of integers, this machine's kernel
formats_race   the whole model in several formats: prefill, decode, bounds, quality
file_sizes     what every format takes on disk, and whether it comes back the same
choices        notebook 04b: which integers, by columns, scales, training, parts
claims         sentences of tutorials, and whether they hold here

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.quantization.experiments import choices
from llmlab.quantization.experiments.activations import Outliers, outliers
from llmlab.quantization.experiments.files import FileSizes, file_sizes
from llmlab.quantization.experiments.formats import FormatsRace, formats_race
from llmlab.quantization.experiments.grids import RowGrids, row_grids
from llmlab.quantization.experiments.products import ProductRace, product_race
from llmlab.quantization.experiments.qualities import QualityGrid, quality_grid
from llmlab.quantization.experiments.sentences import claims

__all__ = ["FileSizes", "FormatsRace", "Outliers", "ProductRace"]
__all__ += [
    "QualityGrid",
    "RowGrids",
    "choices",
    "claims",
    "file_sizes",
    "formats_race",
]
__all__ += ["outliers", "product_race", "quality_grid", "row_grids"]

__getattr__, __dir__ = faces.of(__name__, __all__)
