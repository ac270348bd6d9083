"""Exercise 5: the bound of a step on the roofline."""

import random
from collections.abc import Callable

from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "How long would the arithmetic take alone, and how long the reading alone?",
    "flops / peak and moved / bandwidth, both in seconds. They overlap.",
    'Return the longer of the two, with its name: "compute" or "bandwidth".',
)


def _bound(flops, moved, peak, bandwidth):
    return max((flops / peak, "compute"), (moved / bandwidth, "bandwidth"))


EXERCISE = Exercise(
    right=_bound,
    gives=("the least time of the step", "the name of its bound"),
    hint='the longer of flops / peak ("compute") and moved / bandwidth ("bandwidth").',
    mistakes={
        "the two overlap: take the longer one, not the sum.":
            lambda flops, moved, peak, width: flops / peak + moved / width,
        "the step is not done before both are: take the longer one.":
            lambda flops, moved, peak, width: min(flops / peak, moved / width),
        "upside down: work divided by speed gives seconds.":
            lambda flops, moved, peak, width: max(peak / flops, width / moved),
        "crossed: FLOPs belong to the peak, bytes to the bandwidth.":
            lambda flops, moved, peak, width: max(flops / width, moved / peak),
        "the name belongs to the longer time.":
            lambda *work: (0.0, *{"compute", "bandwidth"} - {_bound(*work)[1]}),
    },
)


def roofline(learner_function: Callable) -> None:
    """Exercise 5. The bound of a step: (flops, moved, peak, bandwidth) -> (s, name)."""
    dice = random.Random(0)
    EXERCISE.run(learner_function, 8e9, 4e9, 2e11, 4e10)  # the example in the text
    for lean in (1e-3, 0.2, 0.9, 1.1, 5.0, 1e3):  # below 1 the arithmetic is short
        peak, bandwidth = dice.uniform(1e10, 1e14), dice.uniform(1e9, 4e12)
        moved = dice.uniform(1e6, 1e11)
        flops = lean * moved * peak / bandwidth
        EXERCISE.run(learner_function, flops, moved, peak, bandwidth)
    print("✓ roofline: 7 steps, the time and the name of what bounds it")
