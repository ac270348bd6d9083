"""What the facts of lab 5 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

ZEROS = register("share of zeros", "1", is_share=True)
LOST = register(
    "bits per byte added by pruning", "1", better="lower", is_share=True,
    keys=("sparsity", "pattern", "part", "steps"),
)  # fmt: skip
LEFT = register("loss left over", "1", better="lower", is_share=True)
BROUGHT_BACK = register("loss brought back", "1", better="higher", is_share=True)
INFLUENCE = register("block influence", "1", keys=("layer",))
SPARSE_SPEED_UP = register(
    "sparse product, times as fast", "×", better="higher", keys=("sparsity", "tokens")
)
