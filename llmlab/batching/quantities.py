"""What the facts of lab 8 are called, beside those of `core` and `measure`."""

from llmlab.core.quantities import register
from llmlab.measure.quantities import E2ES, GOODPUT, TPOTS, TTFTS

__all__ = ["E2ES", "GOODPUT", "TPOTS", "TTFTS"]  # what users feel; the others are ours

# What theory and padding say.
PADDING = register(
    "share of padding", "1", better="lower", keys=("batch",), is_share=True
)
QUEUE_WAIT = register("waiting time", "s", better="lower", keys=("rate", "load"))
IN_SYSTEM = register("requests in the system", "request", keys=("rate",))
CAPACITY = register("capacity", "request/s", better="higher", keys=("servers",))

# Rows of one step.
ROWS_RATE = register(
    "tokens a second, all rows", "token/s", better="higher", keys=("rows", "tokens")
)
ROWS_STEP = register(
    "time per token of a row", "s", better="lower", keys=("rows", "tokens")
)
ROWS_GAIN = register(
    "rows, times the tokens a second", "×", better="higher", keys=("rows", "verdict")
)
ROWS_LONGER = register(
    "rows, times the time per token", "×", better="lower", keys=("rows", "verdict")
)

# Padding, and batches that wait for each other.
AS_ALONE = register(
    "tokens as each alone", "1", better="higher", is_share=True, keys=("requests",)
)
BATCH_STEPS = register("steps of all batches", "step", better="lower", keys=("batch",))
ENDED_ROWS = register(
    "rows computed after their end", "1", better="lower", is_share=True,
    keys=("batch",),
)  # fmt: skip
BATCH_TIME = register("batch of sentences", "s", better="lower", keys=("sentences",))
BATCH_GAIN = register(
    "sentences a second, times as many", "×", better="higher",
    keys=("sentences", "verdict"),
)  # fmt: skip

# A trace that is served in several ways.
TRACE_TIME = register(
    "time of the trace", "s", better="lower", keys=("requests", "round")
)
TRACE_RATE = register(
    "tokens written a second", "token/s", better="higher", keys=("requests",)
)
TRACE_GAIN = register(
    "trace, times as fast", "×", better="higher", keys=("against", "verdict")
)
BOOKKEEPING = register(
    "share of a step outside the model", "1", better="lower", is_share=True,
    keys=("requests", "round"),
)  # fmt: skip
SPAN = register("time in a state", "s", keys=("request", "state", "start"))
PUT_ASIDE = register("requests put aside", "request", better="lower", keys=("pages",))
TOKENS_COMPUTED = register("tokens computed", "token", better="lower", keys=("pages",))

# A long prompt among streams.
LONGEST_GAP = register("longest gap", "s", better="lower", keys=("prompt",))
LONG_TTFT = register("long prompt, time to first token", "s", better="lower")
GAP_RATIO = register("longest gap, times as long", "×", better="lower")
TOKEN_TIME = register("token of a stream came", "s", keys=("stream", "position"))

# Load, and whose turn it is.
_LOAD = ("policy", "rate", "load", "requests", "level")
MEAN_TTFT = register("TTFT, mean", "s", better="lower", keys=_LOAD)
WORST_TTFT = register("TTFT, worst", "s", better="lower", keys=_LOAD)
ORDERED_MEAN = register(
    "wait for the first token, mean", "s", better="lower", keys=_LOAD
)
ORDERED_WORST = register(
    "wait for the first token, worst", "s", better="lower", keys=_LOAD
)
IN_TIME = register(
    "requests in time", "1", better="higher", is_share=True, keys=_LOAD
)  # fmt: skip
LITTLE = register("Little's law, counted over expected", "×", keys=_LOAD)
WAIT_GROWTH = register("wait at 90 % load over 50 %", "×", better="lower", keys=_LOAD)
