"""Checks for labs/10_graphs.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn.
"""

from llmlab.checks import rooms
from llmlab.checks.graphs import programs

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "overhead",
            "count_operators",
            "fold_norm",
            "qkv",
            "traffic",
            "static_mask",
            "dot_source",
        ],
        parts={"nodes": programs.nodes},
    )
)
