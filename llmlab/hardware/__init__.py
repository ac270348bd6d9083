"""Lab 11. Hardware: what does the chip want?

quantities  name and unit of the facts of this lab
"""

from llmlab.core import faces
from llmlab.hardware import quantities

__all__ = ["quantities"]

__getattr__, __dir__ = faces.of(__name__, __all__)
