"""Pictures of lab 10: what a step starts, a layer fused, the ladder of ways to run it.

drawings     the ideas behind the exercises; nothing in them is measured
steps        the cost of an operator, a step of it, and ways to start fewer
ladder       ways to run a step, and when building one has paid: break_even
places       a cache that grows against fixed places
levels       the inner product in C, by the level of the compiler
layer        the operators of a layer by stage, before and after fusing
widget       ways to run a step to choose among; ways_widget makes it

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.graphs import drawings, kinds
from llmlab.show.graphs.ladder import break_even
from llmlab.show.graphs.layers import layer
from llmlab.show.graphs.widget import ways_widget

__all__ = ["break_even", "drawings", "kinds", "layer", "ways_widget"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
