"""Checks for labs/11_hardware.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn.
"""

from llmlab.checks import rooms
from llmlab.hardware.tiling import Scratch

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "intensity",
            "tiled_matmul",
            "cycle",
            "skew",
            "fixed_dot",
            "parse",
        ],
        parts={"Scratch": Scratch},
    )
)
