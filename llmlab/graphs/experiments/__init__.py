"""Experiments: one line measures, and what comes back has `records()`.

step        what a decode step spends on starting operators, by the learner's line
counted     the operators of a step by stage, and the learner's count beside them
folded      norms folded: how far logits are off in fp32 and bf16, what is saved
fused       products fused, norms folded, both: exactness, operators, and a race
moved       chains of operators one by one and as one kernel: bytes and times
ladder      every way to build a step in one race: time, error, starts, price
growing     compilations on a cache that grows, and of the static step
filled      a static step while few of many places are filled
recorded    the ladder of an idle machine with all ways, as it ships
prompts     every way to read a prompt in one race
rows        every way to make a step of many sequences at once
recorded_ways  what ships of all ways in three formats and three phases
levels      the learner's dot in C at three levels and with prefetch: a rate of reading
underneath  the same under one int8 layer of a model: logits and tokens
claims      what is said of graphs, and what was measured of it

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.graphs.experiments.beneath import Underneath, underneath
from llmlab.graphs.experiments.beyond import Beyond, prompts, recorded_ways, rows
from llmlab.graphs.experiments.counts import Counted, counted
from llmlab.graphs.experiments.fixed import Filled, Growing, filled, growing
from llmlab.graphs.experiments.folds import Folded, folded
from llmlab.graphs.experiments.fusions import Fused, fused
from llmlab.graphs.experiments.inners import Levels, levels
from llmlab.graphs.experiments.ladders import Ladder, ladder, recorded
from llmlab.graphs.experiments.moves import Moved, moved
from llmlab.graphs.experiments.sentences import claims
from llmlab.graphs.experiments.starting import Starting, step

__all__ = ["Beyond", "Counted", "Filled", "Folded", "Fused", "Growing", "Ladder"]
__all__ += ["Levels", "Moved", "Starting", "Underneath", "claims", "counted", "filled"]
__all__ += ["folded", "fused", "growing", "ladder", "levels", "moved", "prompts"]
__all__ += ["recorded", "recorded_ways", "rows", "step", "underneath"]

__getattr__, __dir__ = faces.of(__name__, __all__)
