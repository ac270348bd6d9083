"""Drawings of lab 10: the ideas behind its exercises. Nothing in them is measured.

starts      a step as a row of operators: starting each, bytes, arithmetic
folded      the scale of a norm goes into the columns of the weight behind it
joined      three products as one of a taller matrix, its result cut again
chain       tensors that go to memory and back, and those that one kernel keeps
places      a mask that grows at every step, and one of fixed places
lanes       an inner product, one multiplication at a time and 32 at once
"""

from llmlab.core import faces
from llmlab.show.graphs.drawings.chains import chain
from llmlab.show.graphs.drawings.masks import places
from llmlab.show.graphs.drawings.operators import starts
from llmlab.show.graphs.drawings.products import lanes
from llmlab.show.graphs.drawings.weights import folded, joined

__all__ = ["chain", "folded", "joined", "lanes", "places", "starts"]

__getattr__, __dir__ = faces.of(__name__, __all__)
