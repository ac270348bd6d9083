"""Experiments: one line measures, and what comes back has `records()`.

step        what a decode step spends on starting operators, by the learner's line
counted     the operators of a step by stage, and the learner's count beside them
folded      norms folded: how far logits are off in fp32 and bf16, what is saved
fused       products fused, norms folded, both: exactness, operators, and a race
moved       chains of operators one by one and as one kernel: bytes and times

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.graphs.experiments.counts import Counted, counted
from llmlab.graphs.experiments.folds import Folded, folded
from llmlab.graphs.experiments.fusions import Fused, fused
from llmlab.graphs.experiments.moves import Moved, moved
from llmlab.graphs.experiments.starting import Starting, step

__all__ = ["Counted", "Folded", "Fused", "Moved", "Starting", "counted", "folded"]
__all__ += ["fused", "moved", "step"]

__getattr__, __dir__ = faces.of(__name__, __all__)
