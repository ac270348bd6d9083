"""Drawings of lab 1: the ideas behind its exercises. Nothing in them is measured.

rereading      a decode loop without a cache: every step reads the whole text again
cached         the same loop with a cache: a step reads one token
two_waits      the waits of a request: for the first token, and for each later one
interleaving   why two candidates are timed in rounds, not one after the other
bootstrap      how rounds, drawn again with repetition, give an interval
three_bounds   the three bounds of a decode step, of which the longest rules
"""

from llmlab.core import faces
from llmlab.show.measure.drawings.loops import cached, rereading
from llmlab.show.measure.drawings.redraws import bootstrap
from llmlab.show.measure.drawings.rounds import interleaving
from llmlab.show.measure.drawings.waits import three_bounds, two_waits

__all__ = ["bootstrap", "cached", "interleaving", "rereading", "three_bounds"]
__all__ += ["two_waits"]

__getattr__, __dir__ = faces.of(__name__, __all__)
