"""Checks for the two notebooks of quantization, one file an exercise.

Its cases, hints and mistakes stand beside it. A check begins with the worked example of
the text and goes on to other cases, seeded where they are drawn.
"""

from llmlab.checks import rooms
from llmlab.checks.quantization.quantized_linear import linear

globals().update(  # over the modules, which have the same names
    rooms.of(
        __name__,
        [  # in the order of the text
            "absmax",
            "affine",
            "by_group",
            "integer_matmul",
            "quantized_linear",
        ],
        second=[  # of 04b, which counts from 1 again
            "answer_error",
            "gptq_columns",
            "awq_factors",
            "straight_through",
            "mixed_precision",
        ],
        parts={"linear": linear},
    )
)
