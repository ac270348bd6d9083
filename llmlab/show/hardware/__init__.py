"""Pictures of lab 11: roofs, tiles, arrays of cells, and who computed what.

widget     an array of cells, clock by clock; systolic_widget makes it
drawings   the ideas behind the exercises; nothing in them is measured
machine    threads, formats, libraries, energy: what this machine does

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.hardware import drawings, kinds
from llmlab.show.hardware.widget import systolic_widget

__all__ = ["drawings", "kinds", "systolic_widget"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
