"""Pictures of lab 2: costs by length, what is remembered, and attention maps.

scores            attention by length: time, time for each score, memory, page faults
costs             layers by length: to read, to write, allocated, kept; crossings
scans             scans by length
gradients         what reaches the last output from some tokens back
positions         quality by the tokens of context
attention_map     how much each token takes of each before it
readings          what a token looks at beside what its answer rests on
attention_widget  the attention map of any layer and head
drawings          the ideas behind the exercises, drawn

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, stands in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.attention_vs_rnn import drawings, kinds
from llmlab.show.attention_vs_rnn.attended import readings
from llmlab.show.attention_vs_rnn.by_length import costs, scans
from llmlab.show.attention_vs_rnn.contexts import positions
from llmlab.show.attention_vs_rnn.maps import attention_map
from llmlab.show.attention_vs_rnn.norms import gradients
from llmlab.show.attention_vs_rnn.score_times import scores
from llmlab.show.attention_vs_rnn.widget import attention_widget

__all__ = ["attention_map", "attention_widget", "costs", "drawings", "gradients"]
__all__ += ["positions", "readings", "scans", "scores"]

__getattr__, __dir__ = faces.of(__name__, __all__)

kinds.register()
