"""Pictures of lab 7: what caches save, what they hold, and what they cost.

writing, memory, steps, reuse   the figures, by what they show
widget     page tables of a small pool over time; pages_widget makes it
drawings   the ideas behind the exercises; nothing in them is measured

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.caching import drawings, kinds
from llmlab.show.caching.widget import pages_widget

__all__ = ["drawings", "kinds", "pages_widget"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
