"""The results of lab 11 and the picture that each gets from `show.figure`."""

from llmlab.hardware.quantities import (
    BUSY,
    CHAIN_TIME,
    FIXED_ERROR,
    FORMAT_GAIN,
    GPU_ROWS,
    KNEE,
    LIBRARY_CALLS,
    LINEAR_RATE,
    THREADS_GAIN,
    TILE_RATE,
    TOKEN_ENERGY,
)
from llmlab.show import registry
from llmlab.show.hardware import arrays, chains, machine, recorded, roofs


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(LINEAR_RATE, KNEE, draw=roofs.crossing, alt=roofs.crossing_alt)
    add(TILE_RATE, draw=roofs.tiles, alt=roofs.tiles_alt)
    add(CHAIN_TIME, draw=chains.chunks, alt=chains.chunks_alt)
    add(BUSY, draw=arrays.busy, alt=arrays.busy_alt)
    add(FIXED_ERROR, draw=arrays.fixed, alt=arrays.fixed_alt)
    add(THREADS_GAIN, draw=machine.threads, alt=machine.threads_alt)
    add(FORMAT_GAIN, draw=machine.precision, alt=machine.precision_alt)
    add(LIBRARY_CALLS, draw=machine.libraries, alt=machine.libraries_alt)
    add(TOKEN_ENERGY, draw=machine.energy, alt=machine.energy_alt)
    add(GPU_ROWS, draw=recorded.gpu, alt=recorded.gpu_alt)
