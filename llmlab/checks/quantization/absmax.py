"""Exercise 1: levels about zero."""

import random

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "One number, the scale, must send the largest magnitude to the last level.",
    "With 8 bits the levels are -127 to 127, so scale = max|row| / 127.",
    "(row / scale).round().to(torch.int8); a row of zeros gets the scale 1.",
)


def _cases():
    generator = torch.Generator().manual_seed(0)
    yield case(torch.tensor([-1.27, 0.0, 0.64]), 8)  # in the text
    for bits in (8, 4, 3, 2):
        for size in (1, 7, 64):
            spread = 10.0 ** random.Random(size * bits).randint(-4, 2)
            yield case(spread * torch.randn(size, generator=generator), bits)
    yield case(torch.zeros(4), 8, about=rounded.ZEROS)
    halves = torch.tensor([127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    yield case(halves, 8, about=rounded.HALVES)


EXERCISE = Exercise(
    name="absmax",
    right=rounded.absmax,
    gives=(
        Value("the integers", tensor=TENSOR, dtype=rounded.INT8),
        Value("the scale"),
    ),
    cases=lambda: [*_cases()],
    covers="every integer and every scale",
    hints=HINTS,
    hint="scale = max|row| / the last level; integers = row / scale, rounded, as int8.",
    tolerance=1e-5,
    mistakes={
        "your scale is upside down: integers times scale give weights.":
            lambda row, bits: (rounded.absmax(row, bits)[0],
                               1 / rounded.absmax(row, bits)[1]),
        "the scale comes back too: return the integers, the scale.":
            lambda row, bits: rounded.absmax(row, bits)[0],
        "cut off, not rounded: round first, then `.to(torch.int8)`.":
            rounded.ways(rounded.absmax, lambda row, bits: {"by": torch.trunc}),
        "the last level is 2**(bits - 1) - 1: with 8 bits 127, not 128.":
            rounded.ways(rounded.absmax, lambda row, bits: {"more": 1}),
        "2**bits - 1 counts both sides; about zero there are half as many.":
            rounded.ways(rounded.absmax,
                         lambda row, bits: {"largest": 2**bits - 1}),
        "these are 8 bits; the last level is 2**(bits - 1) - 1.":
            rounded.ways(rounded.absmax, lambda row, bits: {"largest": 127}),
        "the sign is lost: only the scale is made from magnitudes.":
            lambda row, bits: rounded.absmax(row.abs(), bits),
        "take the largest magnitude, max|row|, not the largest weight.":
            rounded.ways(rounded.absmax, lambda row, bits: {"size": row.max()}),
        "take the largest magnitude, not the smallest weight.":
            rounded.ways(rounded.absmax, lambda row, bits: {"size": -row.min()}),
        "take the largest magnitude, not the mean.":
            rounded.ways(rounded.absmax, lambda row, bits: {"size": row.abs().mean()}),
        rounded.HALVES: (
            *rounded.ways(rounded.absmax, lambda row, bits: {"by": rounded.half_up}),
            *rounded.ways(rounded.absmax, lambda row, bits: {"by": rounded.half_away}),
        ),
        "divide by the scale; it turns integers back into weights.":
            rounded.ways(rounded.absmax, lambda row, bits: {"times": True}),
    },
)
