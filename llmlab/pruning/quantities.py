"""What the facts of lab 5 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

ZEROS = register("share of zeros", "1", is_share=True)
