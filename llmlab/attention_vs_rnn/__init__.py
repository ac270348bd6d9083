"""Lab 2. Attention against recurrence: why the one replaced the other, and its price.

A recurrence carries the past in a state of fixed size, one step after the other. Causal
self-attention keeps every token and lets each look at all before it, all at once: it
reads a prompt in parallel and remembers exactly, for work that grows with the square of
the length and memory that grows with it. At decode the picture turns.

build, KINDS   RNN, LSTM, GRU, attention, gated recurrence: layers of equal size
cells, scan    one step by its formula; a linear recurrence in a loop and in parallel
latency        prefill and decode by length; scans
experiments    the lab's measurements, one line each, on the learner's functions
memory         what each layer allocates and keeps
slopes         the power of the length that fits a curve
crossings      from which length on the slower is the faster
recall         a task that only memory solves, to train the layers on
positions      quality by the tokens of context
maps           attention weights of any layer and head of any causal model
importance     what a token looks at, and what its answer rests on
quantities     name and unit of the facts of this lab

Sources: Elman 1990; Hochreiter & Schmidhuber 1997; Cho et al. 2014; Vaswani et al.
2017; Feng et al. 2024.

Shapes: B sequences, T new tokens, S tokens attended to, D model width, N query heads,
H head width.
"""

from llmlab.attention_vs_rnn import (
    attention,
    cells,
    crossings,
    experiments,
    importance,
    latency,
    maps,
    memory,
    positions,
    quantities,
    recall,
    scan,
    slopes,
)
from llmlab.attention_vs_rnn.layers import KINDS, build
from llmlab.core import faces

__all__ = ["KINDS", "attention", "build", "cells", "crossings", "experiments"]
__all__ += ["importance", "latency", "maps", "memory", "positions"]
__all__ += ["quantities", "recall", "scan", "slopes"]

__getattr__, __dir__ = faces.of(__name__, __all__)
