"""The results of lab 11 and the picture that each gets from `show.figure`."""

from llmlab.hardware.quantities import (
    BUSY,
    CHAIN_TIME,
    FIXED_ERROR,
    KNEE,
    LINEAR_RATE,
    TILE_RATE,
)
from llmlab.show import registry
from llmlab.show.hardware import arrays, chains, roofs


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(LINEAR_RATE, KNEE, draw=roofs.crossing, alt=roofs.crossing_alt)
    add(TILE_RATE, draw=roofs.tiles, alt=roofs.tiles_alt)
    add(CHAIN_TIME, draw=chains.chunks, alt=chains.chunks_alt)
    add(BUSY, draw=arrays.busy, alt=arrays.busy_alt)
    add(FIXED_ERROR, draw=arrays.fixed, alt=arrays.fixed_alt)
