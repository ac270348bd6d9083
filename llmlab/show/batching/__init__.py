"""Pictures of lab 8: who sits where and when, what a load does, what a row costs.

timelines, traces, loads   the figures, by what they show
widget     loads, policies and service levels to choose among; load_widget makes it
drawings   the ideas behind the exercises; nothing in them is measured

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.batching import drawings, kinds
from llmlab.show.batching.widget import load_widget

__all__ = ["drawings", "kinds", "load_widget"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
