"""What the facts of lab 4 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE, register

_GRID = ("bits", "group size")

SHARE_OF_WEIGHTS = register(
    "share of weights", "1", keys=("low", "high"), is_share=True
)
STEP = register(
    "quantization step", "1", better="lower",
    keys=("first level", "last level", "levels", "widest step", *_GRID),
)  # fmt: skip
ROUNDING_ERROR = register(
    "rounding error", "1", better="lower", keys=("bits per weight", "format", *_GRID),
    is_share=True,
)  # fmt: skip
BITS_PER_WEIGHT = register("bits per weight", "bit", better="lower", keys=_GRID)
DIFFERENCE_OF_METHODS = register(
    "difference of methods", "bit/B", better="lower",
    keys=DIFFERENCE_IN_BITS_PER_BYTE.keys,
)  # fmt: skip
ERROR_RATIO = register("error over error", "×", better="lower")
ADDED_BITS = register(
    "bits per byte added", "1", better="lower", keys=_GRID, is_share=True
)
OUTLIER = register("largest input over typical", "×", better="lower")
PRODUCT_ERROR = register("error of the product", "1", better="lower", is_share=True)
FILE_RATIO = register("times smaller", "×", better="higher")
PRODUCT_TIME = register("time of a product", "s", better="lower", keys=("tokens",))

# Which integers: what a change of the weights costs the answers of a layer.
CHANGE_COST = register(
    "cost of a change", "1", better="lower", keys=("change", "column", "marked", *_GRID)
)
ROUNDED_WEIGHT = register(
    "rounded weight", "1",
    keys=("method", "column", "weight", "integer", "first level", "last level",
          "levels", *_GRID),
)  # fmt: skip
ANSWER_ERROR = register(
    "error of the answers", "1", better="lower", keys=("text", "layer", *_GRID)
)
ERROR_BY_POWER = register(
    "error over plain rounding", "×", better="lower", keys=("power", *_GRID)
)
ERROR_BY_STEP = register(
    "error while training", "1", better="lower", keys=("step", "text", *_GRID)
)
PART_LOSS = register(
    "error of the logits", "1", better="lower", keys=("bits", "bytes", "chosen")
)
FORECAST = register("errors of all parts, added up", "1", better="lower", is_share=True)
