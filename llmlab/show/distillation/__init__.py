"""Pictures of lab 6: what a teacher says, and how students learn from it.

starts        bits per byte by step, a curve for each start
losses        the same for each loss, by step and by second
relations     which layer of the teacher each of a student's is like
kept          what is kept of a teacher by k, and what the steps cost
recorded      many more steps, other teachers, texts that a student writes
shares        one place of a program at several temperatures
token_widget  the same to choose from: places, temperatures, models
drawings      the ideas behind the exercises; nothing in them is measured

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, is in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.distillation import drawings, kinds
from llmlab.show.distillation.layers import relations
from llmlab.show.distillation.learning import losses, starts
from llmlab.show.distillation.recordings import recorded
from llmlab.show.distillation.teacher import kept
from llmlab.show.distillation.widget import shares, token_widget

__all__ = ["drawings", "kept", "kinds", "losses", "recorded", "relations"]
__all__ += ["shares", "starts", "token_widget"]

kinds.register()

__getattr__, __dir__ = faces.of(__name__, __all__)
