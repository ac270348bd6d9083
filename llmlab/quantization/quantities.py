"""What the facts of lab 4 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE, register

_GRID = ("bits", "group size")

SHARE_OF_WEIGHTS = register("share of weights", "1", keys=("low", "high"))
STEP = register(
    "quantization step", "1", better="lower",
    keys=("first level", "last level", "levels", "widest step", *_GRID),
)  # fmt: skip
ROUNDING_ERROR = register(
    "rounding error", "1", better="lower", keys=("bits per weight", "format", *_GRID)
)
BITS_PER_WEIGHT = register("bits per weight", "bit", better="lower", keys=_GRID)
DIFFERENCE_OF_METHODS = register(
    "difference of methods", "bit/B", better="lower",
    keys=DIFFERENCE_IN_BITS_PER_BYTE.keys,
)  # fmt: skip
