"""Pictures of lab 11: roofs, tiles, arrays of cells, and who computed what.

drawings   the ideas behind the exercises; nothing in them is measured

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.hardware import drawings, kinds

__all__ = ["drawings", "kinds"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
