"""What the facts of lab 10 are called, beside those of `core` and `measure`."""

from llmlab.core.quantities import LOGIT_ERROR, register
from llmlab.core.records import Record
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
STEP_TIME = register(
    "time of a decode step", "s", better="lower", keys=("tokens", "phase")
)
STEP_GAIN = register(
    "step, times as fast", "×", better="higher", keys=("against", "verdict", "phase")
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

# Ways to run a step, and what building them costs.
BUILD_SECONDS = register("seconds to build", "s", better="lower", keys=("way", "phase"))
NODES = register(
    "nodes of the graph", "node", better="lower", keys=("way", "kind", "phase")
)
ALIKE = register(
    "greedy tokens alike", "1", better="higher", keys=("tokens",), is_share=True
)
PAID = register("tokens until building has paid", "token", better="lower")
COMPILATIONS = register(
    "compilations", "compilation", better="lower", keys=("steps", "backend")
)
FILLED_TIME = register(
    "step by places filled", "s", better="lower", keys=("filled", "places")
)
FILLED_GAIN = register(
    "static against eager, times as fast", "×", better="higher",
    keys=("filled", "places", "verdict"),
)  # fmt: skip

# The innermost loop of a quantized layer, in C that a learner wrote.
INNER_TIME = register(
    "reading a matrix in C", "s", better="lower", keys=("level", "size")
)
INNER_RATE = register(
    "bytes of int8 read a second", "B/s", better="higher", keys=("level", "size")
)
INNER_GAIN = register(
    "dot, times as fast", "×", better="higher", keys=("against", "verdict")
)
INNER_ERROR = register("rows of a product that are wrong", "row", better="lower")
INSTRUCTIONS = register("instructions in a loop", "instruction", keys=("instruction",))
INNER_CALLS = register("calls of a dot in C", "call", keys=("layer",))
INNER_CHANGED = register(
    "logits changed by a dot in C", "1", better="lower", keys=("layer",)
)
INNER_ALIKE = register(
    "greedy tokens alike, a dot in C",
    "1",
    better="higher",
    is_share=True,
    keys=("layer",),
)

# What a way starts and moves, by phase, for the widget that compares them.
STEP_KERNELS = register(
    "kernels of the step", "kernel", better="lower", keys=("way", "phase")
)
STEP_BYTES = register("bytes of a step", "B", better="lower", keys=("tokens", "phase"))

# Phases of a generation; a fact that names none is of the one that its name says.
PHASE, DECODE, PREFILL = "phase", "decode", "prefill"
_OF_PREFILL = {PREFILL_TIME.name, PREFILL_GAIN.name}


def phase(fact: Record) -> str:
    """Return the phase that a fact is of: a step's unless it says another."""
    default = PREFILL if fact.name in _OF_PREFILL else DECODE
    return str(fact.details.get(PHASE, default))


def phase_of(rows: int) -> str:
    """Return what the phase of a step of so many rows is called."""
    return DECODE if rows == 1 else f"{rows} rows"
