"""Exercise 2: levels from 0, with a zero point."""

from collections.abc import Callable

import torch

from llmlab.checks.compare import Exercise
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "The levels go from 0 up. One of them must stand for a weight of exactly 0.",
    "scale = (high - low) / (2**bits - 1), with low <= 0 <= high; -low is how far?",
    "zero_point = round(-low / scale); levels = round(row / scale) + zero_point.",
)


EXERCISE = Exercise(
    right=rounded.affine,
    gives=("the levels", "the scale", "the zero point"),
    hint="levels = round(row / scale) + zero point, within 0 and 2**bits - 1.",
    tolerance=1e-5,
    mistakes={
        "the zero point is a level: round it.":
            lambda row, bits: rounded.affine(row, bits, whole=False),
        "the zero point is the level of 0: round(-low / scale).":
            lambda row, bits: rounded.affine(row, bits, sign=-1),
        "0 must be among the levels: low = min(0, smallest), high = max(0, largest).":
            lambda row, bits: rounded.affine(row, bits, reach=False),
        "between 2**bits levels there are 2**bits - 1 steps.":
            lambda row, bits: rounded.affine(row, bits, steps=2**bits),
        "that is absmax's range; here it goes from low to high.":
            lambda row, bits: rounded.affine(row, bits, even=True),
        "these are 8 bits; there are 2**bits levels.":
            lambda row, bits: rounded.affine(row, 8),
        "a level is counted from the zero point: add it.":
            lambda row, bits: rounded.affine(row, bits, shift=False),
        "rounded twice, a level may lie one too high: clamp to 2**bits - 1.":
            lambda row, bits: rounded.affine(row, bits, clamp=False),
        "signed and unsigned are mixed up: levels go from 0 to 2**bits - 1.":
            lambda row, bits: rounded.affine(row, bits, signed=True),
        "cut off, not rounded.":
            lambda row, bits: rounded.affine(row, bits, by=torch.trunc),
        "your scale is upside down.":
            lambda row, bits: (rounded.affine(row, bits)[0],
                               1 / rounded.affine(row, bits)[1]),
    },
)


def affine(learner_function: Callable) -> None:
    """Exercise 2. Levels from 0: (row, bits) -> uint8 levels, scale, zero point."""
    generator = torch.Generator().manual_seed(0)
    EXERCISE.run(learner_function, torch.tensor([-0.5, 0.0, 1.0, 2.05]), 8)
    for bits in (8, 4, 2):
        for middle in (0.0, 0.4, 3.0, -3.0):  # the last two lie on one side of zero
            row = 0.7 * torch.randn(33, generator=generator) + middle
            EXERCISE.run(learner_function, row, bits)
    EXERCISE.run(learner_function, torch.zeros(4), 8)
    EXERCISE.run(learner_function, torch.tensor([-1.5, 0.0, 253.5]), 8)  # 2 + 254 = 256
    print("✓ affine: 15 rows, every level, scale and zero point")
