"""Pictures of lab 10: what a step starts, a layer fused, the ladder of ways to run it.

drawings    the ideas behind the exercises; nothing in them is measured
steps       the cost of an operator, a step of it, and ways to start fewer

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.graphs import drawings, kinds

__all__ = ["drawings", "kinds"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
