"""Exercise 2: levels from 0, with a zero point."""

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "The levels go from 0 up. One of them must stand for a weight of exactly 0.",
    "scale = (high - low) / (2**bits - 1), with low <= 0 <= high; -low is how far?",
    "round(row / scale) + zero_point, which is round(-low / scale); clamp to the last.",
)


def _cases():
    generator = torch.Generator().manual_seed(0)
    yield case(torch.tensor([-0.5, 0.0, 1.0, 2.05]), 8)
    for bits in (8, 4, 2):
        for middle in (0.0, 0.4, 3.0, -3.0):  # the last two lie on one side of zero
            yield case(0.7 * torch.randn(33, generator=generator) + middle, bits)
    yield case(torch.zeros(4), 8, about=rounded.ZEROS)
    for bits in (8, 4, 2):  # 2 + the last level, both rounded up, is one too many
        yield case(torch.tensor([-1.5, 0.0, 2.0**bits - 2.5]), bits)
        halves = torch.tensor([-2.5, 0.5, 2.0**bits - 3.5])
        yield case(halves, bits, about=rounded.HALVES)


EXERCISE = Exercise(
    name="affine",
    right=rounded.affine,
    gives=(
        Value("the levels", tensor=TENSOR, dtype=rounded.UINT8),
        Value("the scale"),
        Value("the zero point"),
    ),
    cases=lambda: [*_cases()],
    covers="every level, scale and zero point",
    hints=HINTS,
    hint="levels = round(row / scale) + zero point, within 0 and 2**bits - 1.",
    tolerance=1e-5,
    mistakes={
        "the zero point is a level: round it.":
            rounded.ways(rounded.affine, lambda row, bits: {"whole": False}),
        "the zero point is the level of 0: round(-low / scale).":
            rounded.ways(rounded.affine, lambda row, bits: {"sign": -1}),
        "0 must be among the levels: low = min(0, smallest), high = max(0, largest).":
            rounded.ways(rounded.affine, lambda row, bits: {"reach": False}),
        "between 2**bits levels there are 2**bits - 1 steps.":
            rounded.ways(rounded.affine, lambda row, bits: {"steps": 2**bits}),
        "that is absmax's range; here it goes from low to high.":
            rounded.ways(rounded.affine, lambda row, bits: {"even": True}),
        "these are 8 bits; there are 2**bits levels.":
            lambda row, bits: rounded.affine(row, 8),
        "a level is counted from the zero point: add it.":
            rounded.ways(rounded.affine, lambda row, bits: {"shift": False}),
        "rounded twice, a level may lie one too high: clamp to 2**bits - 1.":
            rounded.ways(rounded.affine, lambda row, bits: {"clamp": False}),
        "signed and unsigned are mixed up: levels go from 0 to 2**bits - 1.":
            rounded.ways(rounded.affine, lambda row, bits: {"signed": True}),
        rounded.HALVES: (
            *rounded.ways(rounded.affine, lambda row, bits: {"by": rounded.half_up}),
            *rounded.ways(rounded.affine, lambda row, bits: {"by": rounded.half_away}),
        ),
        "the last level is 2**bits - 1 for these bits; 255 is that of 8 bits.":
            rounded.ways(rounded.affine, lambda row, bits: {"top": 255}),
        "cut off, not rounded.":
            rounded.ways(rounded.affine, lambda row, bits: {"by": torch.trunc}),
        "your scale is upside down.":
            lambda row, bits: (rounded.affine(row, bits)[0],
                               1 / rounded.affine(row, bits)[1],
                               rounded.affine(row, bits)[2]),
    },
)
