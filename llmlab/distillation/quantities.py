"""What the facts of lab 6 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

AGREEMENT = register(
    "agreement with the teacher", "1", better="higher", is_share=True,
    keys=("student", "tokens"),
)  # fmt: skip
DIVERGENCE = register(
    "divergence from the teacher", "nat", better="lower",
    keys=("student", "k", "temperature"),
)  # fmt: skip
MASS = register("probability kept", "1", better="higher", is_share=True, keys=("k",))
KEPT_BYTES = register("kept logits, a token", "B", better="lower", keys=("k",))
