"""The results of lab 4 and the picture that each gets from `show.figure`."""

from llmlab.core import quantities
from llmlab.core.quantities import DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.quantization.quantities import (
    ADDED_BITS,
    OUTLIER,
    PRODUCT_ERROR,
    PRODUCT_TIME,
    ROUNDING_ERROR,
    SHARE_OF_WEIGHTS,
    STEP,
)
from llmlab.show import registry
from llmlab.show.quantization.activations import outliers, outliers_alt
from llmlab.show.quantization.formats import format_bounds, format_bounds_alt
from llmlab.show.quantization.grids import row_grids, row_grids_alt
from llmlab.show.quantization.product_times import products, products_alt
from llmlab.show.quantization.quality_grids import quality_grid, quality_grid_alt


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    grid = SHARE_OF_WEIGHTS, STEP, ROUNDING_ERROR
    add(*grid, draw=row_grids, alt=row_grids_alt)
    add(*grid, ADDED_BITS, draw=quality_grid, alt=quality_grid_alt)
    add(OUTLIER, PRODUCT_ERROR, draw=outliers, alt=outliers_alt)
    add(PRODUCT_TIME, draw=products, alt=products_alt)
    add(
        *quantities.BOUNDS, PREFILL_SPEED_UP, DECODE_SPEED_UP,
        draw=format_bounds, alt=format_bounds_alt,
    )  # fmt: skip
