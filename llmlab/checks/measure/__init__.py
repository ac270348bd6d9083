"""Checks for labs/01_measure.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn. `model`, `clock` and
`shape` make what the examples are written with.
"""

from llmlab.checks import rooms
from llmlab.checks.measure.clock import Clock
from llmlab.checks.measure.little import model
from llmlab.core.attention_sizes import AttentionShape

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "generate",
            "token_times",
            "generate_cached",
            "percentile",
            "speedup",
            "step_bytes",
            "roofline",
        ],
        parts={"model": model, "clock": Clock, "shape": AttentionShape},
    )
)
