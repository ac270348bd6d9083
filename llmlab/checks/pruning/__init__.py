"""Checks for labs/05_pruning.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn.
"""

from llmlab.checks import rooms
from llmlab.checks.pruning.toy import layers, optimizer, reading

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "magnitude_mask",
            "wanda_mask",
            "two_of_four",
            "without_neurons",
            "block_influence",
            "iterative",
        ],
        parts={"layers": layers, "optimizer": optimizer, "reading": reading},
    )
)
