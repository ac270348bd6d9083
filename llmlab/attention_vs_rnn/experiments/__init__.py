"""Experiments of lab 2: one line measures, and what comes back has `records()`.

growth       attention by length: time, time for each score, memory, page faults
write_with   a model that writes on the learner's attention, token for token
looked_at    what the last token looks at, and what its answer rests on
steps        an LSTM's steps in a loop, against PyTorch's one call
reach        gradients by distance of five layers, fresh and trained
scans        a scan against the loop, by length
costs        layers by length: to read, to write, what is allocated and kept
worth        two trained models: bits by context, and pace
claims       what texts say of attention and recurrence, against all of these

They take the learner's functions as parts.
"""

from llmlab.attention_vs_rnn.experiments.claimed import claims
from llmlab.attention_vs_rnn.experiments.lengths import Costs, Scans, costs, scans
from llmlab.attention_vs_rnn.experiments.looks import LookedAt, looked_at
from llmlab.attention_vs_rnn.experiments.reached import Reach, reach
from llmlab.attention_vs_rnn.experiments.scores import Growth, growth
from llmlab.attention_vs_rnn.experiments.stepwise import Steps, steps
from llmlab.attention_vs_rnn.experiments.trained import Worth, worth
from llmlab.attention_vs_rnn.experiments.written import Written, write_with
from llmlab.core import faces

__all__ = ["Costs", "Growth", "LookedAt", "Reach", "Scans", "Steps"]
__all__ += ["Worth", "Written", "claims", "costs", "growth", "looked_at", "reach"]
__all__ += ["scans", "steps", "worth", "write_with"]

__getattr__, __dir__ = faces.of(__name__, __all__)
