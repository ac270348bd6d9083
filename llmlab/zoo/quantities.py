"""What the facts on model cards are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

BODIES_THAT_PARSE = register(
    "bodies that parse", "1", better="higher", keys=("asked", "texts")
)
COPIED_VERBATIM = register(
    "continuations copied verbatim", "1", better="lower", keys=("asked",)
)
DIFFERENCE_IN_ACCURACY = register(
    "difference in accuracy", "1", better="higher", keys=("snippets", "files")
)
EXPECTED_GAIN = register(
    "expected gain of a draft", "×", better="higher", keys=("count", "tokens")
)
