"""Exercise 3: a scale per group."""

from functools import partial

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "It is absmax again, for each run of neighbours in a row by itself.",
    "weight.unflatten(1, (-1, group_size)) has the groups of a row as its middle axis.",
    "groups.abs().amax(-1) / last level are the scales (O, G), 1 where that is 0; then "
    "(groups / scales[:, :, None]).round().",
)


def _ways(mistake):
    """Return a mistake with a group of zeros as it should be, and as it comes of it."""
    return partial(mistake, zeros=1.0), partial(mistake, zeros=0.0)


def _cases():
    generator = torch.Generator().manual_seed(0)
    yield case(torch.tensor([[0.7, -0.3, 7.0, 1.0], [0.0, 0.07, -0.7, 0.1]]), 2, 4)
    for rows, groups, size in ((1, 1, 8), (3, 4, 4), (4, 4, 4), (6, 2, 3), (5, 3, 16)):
        spread = 10 ** torch.randn(rows, groups, 1, generator=generator)
        weight = spread * torch.randn(rows, groups, size, generator=generator)
        for bits in (8, 4):
            yield case(weight.flatten(1), size, bits)
    weight = torch.randn(3, 8, generator=generator)
    weight[1, 4:] = 0.0
    yield case(weight, 4, 8, about=rounded.ZERO_GROUP)
    halves = torch.tensor([[7.0, 0.5, 1.5, -2.5], [-7.0, -0.5, 4.5, -3.5]])
    yield case(torch.cat((halves, halves / 4), 1), 4, 4, about=rounded.HALVES)


EXERCISE = Exercise(
    name="by_group",
    right=rounded.by_group,
    gives=(
        Value("the integers", tensor=TENSOR, dtype=rounded.INT8),
        Value("the scales", tensor=TENSOR),
    ),
    cases=lambda: [*_cases()],
    covers="every integer and every scale",
    hints=HINTS,
    hint="each group of neighbours in a row has its own max|group| / largest level.",
    tolerance=1e-5,
    mistakes={
        "this is one scale for a row; each group has its own.":
            lambda w, size, bits: rounded.by_group(w, w.shape[1], bits,
                                                   shown=w.shape[1] // size),
        "the scales come back too: return the integers, the scales.":
            lambda w, size, bits: rounded.by_group(w, size, bits)[0],
        "one scale for all: each group has its own.":
            _ways(partial(rounded.by_group, among=(0, 1, 2))),
        "wrong axis: a group is a run of columns in one row.":
            _ways(partial(rounded.by_group, among=(0, 2))),
        "a group is a run of neighbours, not columns taken every G-th.":
            rounded.by_group_strided,
        "scales went to the wrong groups: repeat_interleave, not repeat.":
            rounded.by_group_tiled,
        "the last level is 2**(bits - 1) - 1.":
            _ways(partial(rounded.by_group, more=1)),
        "these are 8 bits; the last level is 2**(bits - 1) - 1.":
            (lambda w, size, bits: rounded.by_group(w, size, 8),
             lambda w, size, bits: rounded.by_group(w, size, 8, zeros=0.0)),
        "take magnitudes: the largest of |weights|.":
            _ways(partial(rounded.by_group, signed=True)),
        rounded.ZERO_GROUP:
            lambda w, size, bits: rounded.by_group(w, size, bits, zeros=0.0),
        rounded.HALVES: (
            *_ways(partial(rounded.by_group, by=rounded.half_up)),
            *_ways(partial(rounded.by_group, by=rounded.half_away)),
        ),
        "cut off, not rounded.":
            _ways(partial(rounded.by_group, by=torch.trunc)),
    },
)
