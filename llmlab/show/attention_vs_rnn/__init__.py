"""Pictures of lab 2: costs by length, what is remembered, and attention maps.

lengths           a cost by the length of the text, with the slopes that fit it
gradients         what reaches the last output from some tokens back
positions         quality by the tokens of context
attention_map     how much each token takes of each before it
readings          what a token looks at beside what its answer rests on
attention_widget  the attention map of any layer and head

They take records and draw; nothing here runs a model.
"""

from llmlab.core import faces
from llmlab.show.attention_vs_rnn.attended import readings
from llmlab.show.attention_vs_rnn.contexts import positions
from llmlab.show.attention_vs_rnn.growth import lengths
from llmlab.show.attention_vs_rnn.maps import attention_map
from llmlab.show.attention_vs_rnn.norms import gradients
from llmlab.show.attention_vs_rnn.widget import attention_widget

__all__ = [
    "attention_map",
    "attention_widget",
    "gradients",
    "lengths",
    "positions",
    "readings",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
