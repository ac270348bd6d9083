"""Checks for labs/02_attention_vs_rnn.ipynb, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to seeded random cases. `fading` is the model of an example.
"""

from llmlab.checks import rooms
from llmlab.checks.attention_vs_rnn.distance import fading

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "attend",
            "several_heads",
            "lstm_step",
            "gradient_by_distance",
            "scan",
        ],
        parts={"fading": fading},
    )
)
