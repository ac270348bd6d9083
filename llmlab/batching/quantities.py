"""What the facts of lab 8 are called, beside those of `core` and `measure`."""

from llmlab.core.quantities import register

PADDING = register(
    "share of padding", "1", better="lower", keys=("batch",), is_share=True
)
QUEUE_WAIT = register("waiting time", "s", better="lower", keys=("rate", "load"))
IN_SYSTEM = register("requests in the system", "request", keys=("rate",))
CAPACITY = register("capacity", "request/s", better="higher", keys=("servers",))
