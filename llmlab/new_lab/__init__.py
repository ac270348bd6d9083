"""The skeleton of a lab, so that a new one begins by filling places.

    python -m llmlab.new_lab caching --folder solutions

make      write the notebook, checks, pictures and tests of a word, and say what is left
notebook  the notebook's cells, in the pattern of all labs

Every place to fill says FILL. CONTRIBUTING.md says how its parts are written.
"""

from llmlab.core import faces
from llmlab.new_lab.skeleton import make

__all__ = ["make", "notebook"]

__getattr__, __dir__ = faces.of(__name__, __all__)
