"""What facts of lab 1 are called: how often the harness tells the truth; operators.

`benchmarks/harness_truth.py` asks it; requests of a server are here, too. What is said
of models is in `core.quantities`.
"""

from llmlab.core.quantities import PERCENTILES, Quantity, register

_ASKED = ("repetitions", "neighbours", "true_ratio", "work", "threads", "bar")

EQUAL_CALLED_EQUAL = register("equal called equal", "1", better="higher", keys=_ASKED)
DIFFERENCE_DETECTED = register("difference detected", "1", better="higher", keys=_ASKED)
TRUTH_INSIDE = register("truth inside the interval", "1", better="higher", keys=_ASKED)
WIDTH = register("median width of the interval", "1", better="lower", keys=_ASKED)

# What a call starts (`measure.operators`).
CALLS = register("called from Python", "operator", better="lower")
KERNELS = register("computing", "operator", better="lower")
VIEWS_OF_A_CALL = register("views", "operator", better="lower")

# Times of requests that a server answers (`measure.requests`), by vLLM's names.
_SERVED = ("policy", "rate", "requests", "load", "level")


def _percentiles(name: str) -> dict[str, Quantity]:
    return {
        word: register(f"{name}, {word}", "s", better="lower", keys=_SERVED)
        for word in PERCENTILES
    }


TTFTS = _percentiles("TTFT")
TPOTS = _percentiles("TPOT")
ITLS = _percentiles("ITL")
E2ES = _percentiles("E2E")
REQUESTS_PER_SECOND = register(
    "request throughput", "request/s", better="higher", keys=_SERVED
)
TOKENS_PER_SECOND = register(
    "output throughput", "token/s", better="higher", keys=_SERVED
)
GOODPUT = register("goodput", "request/s", better="higher", keys=_SERVED)
