"""Lab 11. Hardware: what does the chip want?

tiling      products and chains in parts that fit into a fast memory, which counts
quantities  name and unit of the facts of this lab
"""

from llmlab.core import faces
from llmlab.hardware import quantities, tiling

__all__ = ["quantities", "tiling"]

__getattr__, __dir__ = faces.of(__name__, __all__)
