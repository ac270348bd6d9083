"""What the facts of lab 2 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

# By the length of a text.
SCAN_LATENCY = register("scan latency", "s", better="lower", keys=("tokens",))
LEFT_OUT = register("latency, left out", "s", better="lower", keys=("tokens", "of"))
PREFILL_MEMORY = register("prefill memory", "B", better="lower", keys=("tokens",))
DECODE_MEMORY = register("decode memory", "B", better="lower", keys=("tokens",))
STATE = register("state", "B", better="lower", keys=("tokens",))
GROWTH = register("growth of the time", "×", better="lower", keys=("tokens", "over"))
SLOPE = register(
    "slope", "exponent",
    keys=("of", "factor", "from", "to", "points", "farthest"),
)  # fmt: skip
CROSSING = register("crossing", "token", keys=("of",))

# Attention alone, by length, and what explains its time.
ATTEND_LATENCY = register("attention latency", "s", better="lower", keys=("tokens",))
ATTEND_MEMORY = register("attention memory", "B", better="lower", keys=("tokens",))
SCORE_TIME = register("time for each score", "s", better="lower", keys=("tokens",))
PAGE_FAULTS = register("page faults", "page", better="lower", keys=("tokens",))
PROCESSOR_CACHE = register("processor's cache", "B")

# What a token looks at, and what reaches it from far behind.
ATTENTION_WEIGHT = register(
    "attention weight", "1",
    keys=("layer", "head", "query", "key", "query token", "key token", "text"),
)  # fmt: skip
EFFECT_OF_REMOVAL = register(
    "effect of removal", "bit", keys=("key", "key token", "text")
)
COST_OF_THE_ANSWER = register("cost of the answer", "bit", better="lower")
GRADIENT_NORM = register("gradient norm", "1", keys=("distance", "sequences", "state"))

FADING = register(
    "gradient one token back over the cue's", "×", keys=("distance", "state")
)

# What a longer context is worth.
_STRETCH = ("from", "to", "tokens")
GAIN_FROM_CONTEXT = register("gain from context", "bit", better="higher", keys=_STRETCH)
DIFFERENCE_IN_BITS_PER_TOKEN = register(
    "difference in bits per token", "bit", better="lower", keys=_STRETCH
)
