"""The results of lab 10 and the picture that each gets from `show.figure`."""

from llmlab.graphs.quantities import (
    BUILD_SECONDS,
    COMPILATIONS,
    FILLED_TIME,
    FIXED,
    INNER_RATE,
    OPERATOR_TIME,
    PAID,
    STEP_GAIN,
    STEP_TIME,
)
from llmlab.show import registry
from llmlab.show.graphs import ladder, levels, places, steps


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(OPERATOR_TIME, FIXED, draw=steps.starting, alt=steps.starting_alt)
    add(STEP_TIME, STEP_GAIN, draw=steps.fused, alt=steps.fused_alt)
    # The first of two that need as many facts is taken, so a whole ladder gets this.
    add(STEP_TIME, STEP_GAIN, BUILD_SECONDS, draw=ladder.ways, alt=ladder.ways_alt)
    add(STEP_TIME, BUILD_SECONDS, PAID, draw=ladder.paid, alt=ladder.paid_alt)
    add(COMPILATIONS, draw=places.growing, alt=places.growing_alt)
    add(FILLED_TIME, draw=places.filled, alt=places.filled_alt)
    add(INNER_RATE, draw=levels.levels, alt=levels.levels_alt)
