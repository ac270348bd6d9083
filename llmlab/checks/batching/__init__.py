"""Checks for labs/08_batching.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn.
"""

from llmlab.batching.plans import Row
from llmlab.checks import rooms

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "pad_left",
            "static_batches",
            "dynamic_batches",
            "chunk_size",
            "plan_step",
            "preempt",
            "waiting_time",
        ],
        parts={"Row": Row},
    )
)
