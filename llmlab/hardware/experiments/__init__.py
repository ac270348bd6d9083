"""Experiments: one line measures, and what comes back has `records()`.

crossing  one linear by tokens on the roofline: the knee, measured and expected
tiles     a product in tiles: elements loaded, and the least time that they allow
chunks    a chain of elementwise operators in chunks: too small, too large, and best
array     an int8 block of a layer on an array of cells, and the circuit beside it
busy      how many cells of an array work, by its size and the rows
narrow    a layer in fixed point: its error by the bits of results and of sums

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.hardware.experiments.arrays import Array, Busy, array, busy
from llmlab.hardware.experiments.chains import Chunks, chunks
from llmlab.hardware.experiments.linears import Crossing, crossing
from llmlab.hardware.experiments.narrowing import Narrow, narrow
from llmlab.hardware.experiments.products import Tiles, tiles

__all__ = ["Array", "Busy", "Chunks", "Crossing", "Narrow", "Tiles", "array", "busy"]
__all__ += ["chunks", "crossing", "narrow", "tiles"]

__getattr__, __dir__ = faces.of(__name__, __all__)
