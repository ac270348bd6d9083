"""The results of lab 10 and the picture that each gets from `show.figure`."""

from llmlab.graphs.quantities import FIXED, OPERATOR_TIME, STEP_GAIN, STEP_TIME
from llmlab.show import registry
from llmlab.show.graphs import steps


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(OPERATOR_TIME, FIXED, draw=steps.starting, alt=steps.starting_alt)
    add(STEP_TIME, STEP_GAIN, draw=steps.fused, alt=steps.fused_alt)
