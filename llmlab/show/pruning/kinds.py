"""The results of lab 5 and the picture that each gets from `show.figure`."""

from llmlab.core.quantities import DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.pruning.quantities import INFLUENCE, LOST, SPARSE_SPEED_UP
from llmlab.show import registry
from llmlab.show.pruning.by_layer import influences, influences_alt
from llmlab.show.pruning.losses import (
    by_sparsity,
    by_sparsity_alt,
    healed,
    rows,
    rows_alt,
    ways,
    ways_alt,
)
from llmlab.show.pruning.times import products, products_alt, shapes, shapes_alt


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(LOST, key="pattern", draw=ways, alt=ways_alt)  # before those without one
    add(LOST, key="sparsity", draw=by_sparsity, alt=by_sparsity_alt)
    add(LOST, key="part", draw=rows, alt=rows_alt)
    add(LOST, key="steps", draw=healed, alt=rows_alt)
    add(LOST, INFLUENCE, draw=influences, alt=influences_alt)
    add(SPARSE_SPEED_UP, draw=products, alt=products_alt)
    add(LOST, PREFILL_SPEED_UP, DECODE_SPEED_UP, draw=shapes, alt=shapes_alt)
