"""Drawings of lab 11: the ideas behind its exercises. Nothing in them is measured.

roof     two limits of a chip, and where one layer stands by its tokens
levels   a tile is carried up from the memory once and used several times
grid     an array of cells at one clock: who is where on its way
fixed    the bits of a fixed-point number, rounding once, and the end of the line
"""

from llmlab.core import faces
from llmlab.show.hardware.drawings.arrays import grid
from llmlab.show.hardware.drawings.memories import levels
from llmlab.show.hardware.drawings.numbers import fixed
from llmlab.show.hardware.drawings.roofs import roof

__all__ = ["fixed", "grid", "levels", "roof"]

__getattr__, __dir__ = faces.of(__name__, __all__)
