"""The results of notebook 04b and the picture that each gets from `show.figure`."""

from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.quantization.quantities import (
    ANSWER_ERROR,
    CHANGE_COST,
    ERROR_BY_POWER,
    ERROR_BY_STEP,
    FORECAST,
    PART_LOSS,
)
from llmlab.show import registry
from llmlab.show.quantization import choices, qualities


def register() -> None:
    """Let `show.figure` know the pictures of this notebook."""
    add = registry.register
    add(CHANGE_COST, draw=choices.weight_costs, alt=choices.weight_costs_alt)
    add(ANSWER_ERROR, draw=choices.answer_errors, alt=choices.answer_errors_alt)
    add(ERROR_BY_POWER, draw=choices.error_powers, alt=choices.error_powers_alt)
    add(ERROR_BY_STEP, ANSWER_ERROR, draw=choices.learning, alt=choices.learning_alt)
    whole = PART_LOSS, FORECAST, DIFFERENCE_IN_BITS_PER_BYTE
    for needs in ((PART_LOSS,), whole):
        add(*needs, draw=choices.parts, alt=choices.parts_alt)
    add(
        DIFFERENCE_IN_BITS_PER_BYTE, key="method",
        draw=qualities.quality_by_bits, alt=qualities.quality_alt,
    )  # fmt: skip
