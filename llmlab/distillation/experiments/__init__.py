"""Experiments: one line measures, and what comes back has `records()`.

one_token   places of programs where the teacher hesitates, at some temperatures
starts      one small shape from three starts, trained on labels
losses      one start by what it learns from: labels, teacher, hidden states, too hot
relations   which layer of the teacher each layer of these students is like
kept        what an offline teacher keeps, and the student that learns from it
student     the student that ships, beside its teacher and a model without one
recorded    what takes longer: the same over many more steps, other models
claims      sentences about distillation, and whether they hold here

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.distillation.experiments.alignment import Relations, relations
from llmlab.distillation.experiments.beginnings import Starts, starts
from llmlab.distillation.experiments.offline import Offline, kept
from llmlab.distillation.experiments.places import Tokens, one_token
from llmlab.distillation.experiments.recordings import Recorded, recorded
from llmlab.distillation.experiments.sentences import claims
from llmlab.distillation.experiments.shipped import Shipped, student
from llmlab.distillation.experiments.teaching import Losses, losses

__all__ = ["Losses", "Offline", "Recorded", "Relations", "Shipped", "Starts"]
__all__ += ["Tokens", "claims", "kept", "losses", "one_token", "recorded"]
__all__ += ["relations", "starts", "student"]

__getattr__, __dir__ = faces.of(__name__, __all__)
