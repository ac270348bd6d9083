"""Records as pictures, tables and widgets; nothing here runs a model.

figure   a matplotlib figure as HTML, with alt text, on a card of its own
table    records as a table
draw     boxes, arrows, matrices, time lines: what explains an idea with a shape
style    the palette: seven series, each with colour, marker, line and hatch

The pictures and the widget of a lab stand under its word, such as `show.quantization`.
"""

from llmlab.core import faces
from llmlab.show import (
    attention_vs_rnn,
    batching,
    caching,
    distillation,
    draw,
    graphs,
    hardware,
    measure,
    pruning,
    quantization,
    style,
)
from llmlab.show.figures import Picture, figure
from llmlab.show.tables import Table, table

__all__ = ["Picture", "Table", "attention_vs_rnn", "batching", "caching", "draw"]
__all__ += ["distillation", "figure", "graphs", "hardware", "measure", "pruning"]
__all__ += ["quantization", "style", "table"]

__getattr__, __dir__ = faces.of(__name__, __all__)
