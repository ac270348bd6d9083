"""What the facts of lab 10 are called, beside those of `core` and `measure`."""

from llmlab.core.quantities import LOGIT_ERROR, register
from llmlab.measure.quantities import CALLS, KERNELS, VIEWS_OF_A_CALL

# What a call starts and how far logits are off has names in the rooms below.
__all__ = ["CALLS", "KERNELS", "LOGIT_ERROR", "VIEWS_OF_A_CALL"]

# What an operator costs before it computes.
OPERATOR_TIME = register("time of one operator", "s", better="lower", keys=("size",))
FIXED = register("fixed cost of an operator", "s", better="lower")
PER_ELEMENT = register("cost of an element", "s", better="lower")
STARTS = register(
    "starting the operators of a step", "s", better="lower", keys=("operators",)
)
START_SHARE = register(
    "share of a step that is starting", "1", better="lower", is_share=True
)
OWN_COUNT = register("computing, by your count", "operator")

# A step with folded norms and fused products.
STEP_TIME = register("time of a decode step", "s", better="lower", keys=("tokens",))
STEP_GAIN = register(
    "step, times as fast", "×", better="higher", keys=("against", "verdict")
)
FLOPS = register("FLOPs of a step", "FLOP")
PREFILL_TIME = register("prefill", "s", better="lower", keys=("tokens",))
PREFILL_GAIN = register(
    "prefill, times as quick", "×", better="higher", keys=("against", "verdict")
)
CHANGED = register("changed by folding", "1", better="lower")
LARGEST_LOGIT = register("largest logit", "1")

# A chain of operators, one by one and as one kernel.
CHAIN_BYTES = register("bytes moved", "B", better="lower", keys=("kernels", "size"))
CHAIN_TIME = register("time of a chain", "s", better="lower", keys=("kernels", "size"))
CHAIN_RATE = register("bytes moved a second", "B/s", keys=("kernels", "size"))
CHAIN_GAIN = register(
    "one kernel, times as fast", "×", better="higher", keys=("size", "verdict")
)
BYTES_SAVED = register("bytes of many kernels over one's", "×", keys=("size",))

# Ways to run a step (a way is the subject): to build one, and whether that pays.
BUILD_SECONDS = register(
    "seconds to build the step", "s", better="lower", keys=("way",)
)  # fmt: skip
NODES = register(
    "nodes of the graph", "node", better="lower", keys=("way", "level", "phase")
)
PAID = register(
    "tokens until building has paid", "token", better="lower", keys=("against",)
)
STEP_KERNELS = register(
    "kernels of the step", "kernel", better="lower", keys=("way", "phase")
)
STEP_BYTES = register("bytes of a step", "B", better="lower", keys=("tokens", "phase"))
# A cache that grows, and one of fixed places. `step` counts from 1, all before it in.
COMPILATIONS = register(
    "compilations", "compilation", better="lower", keys=("step", "tokens")
)
FILLED_TIME = register(
    "time of a step by places", "s", better="lower", keys=("filled", "places")
)
# The inner product in C, by the level of the compiler.
INNER_RATE = register(
    "bytes read a second by the inner product", "B/s", better="higher", keys=("level",)
)
INNER_TIME = register(
    "time of the inner product", "s", better="lower", keys=("level",)
)  # fmt: skip
