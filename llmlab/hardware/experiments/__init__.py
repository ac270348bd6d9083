"""Experiments: one line measures, and what comes back has `records()`.

crossing  one linear by tokens on the roofline: the knee, measured and expected
tiles     a product in tiles: elements loaded, and the least time that they allow
chunks    a chain of elementwise operators in chunks: too small, too large, and best

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.hardware.experiments.chains import Chunks, chunks
from llmlab.hardware.experiments.linears import Crossing, crossing
from llmlab.hardware.experiments.products import Tiles, tiles

__all__ = ["Chunks", "Crossing", "Tiles", "chunks", "crossing", "tiles"]

__getattr__, __dir__ = faces.of(__name__, __all__)
