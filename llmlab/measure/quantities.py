"""What the facts about the harness itself are called: how often it tells the truth.

`benchmarks/harness_truth.py` asks it. What it says of models is in `core.quantities`.
"""

from llmlab.core.quantities import register

_ASKED = ("repetitions", "neighbours", "true_ratio", "work", "threads", "bar")

EQUAL_CALLED_EQUAL = register("equal called equal", "1", better="higher", keys=_ASKED)
DIFFERENCE_DETECTED = register("difference detected", "1", better="higher", keys=_ASKED)
TRUTH_INSIDE = register("truth inside the interval", "1", better="higher", keys=_ASKED)
WIDTH = register("median width of the interval", "1", better="lower", keys=_ASKED)
