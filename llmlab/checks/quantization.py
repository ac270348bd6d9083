"""Checks for labs/04_quantization.ipynb, one function per exercise.

Each begins with the worked example of the text and goes on to seeded random cases. A
table of mistakes says what typical wrong answers give, so that a hint can name them.
"""

import random
from collections.abc import Callable, Mapping

import torch

from llmlab.checks import budget, report, rounded
from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = {  # exercise -> three levels, shown by check.hint("absmax", level=1)
    "absmax": (
        "One number, the scale, must send the largest magnitude to the last level.",
        "With 8 bits the levels are -127 to 127, so scale = max|row| / 127.",
        "(row / scale).round().to(torch.int8); a row of zeros gets the scale 1.",
    ),
    "affine": (
        "The levels go from 0 up. One of them must stand for a weight of exactly 0.",
        "scale = (high - low) / (2**bits - 1), with low <= 0 <= high; -low is how far?",
        "zero_point = round(-low / scale); levels = round(row / scale) + zero_point.",
    ),
    "by_group": (
        "It is absmax again, for each run of neighbours in a row by itself.",
        "weight.view(O, -1, group_size) has the groups of a row as its middle axis.",
        "groups.abs().amax(-1, keepdim=True) / largest are the scales; then as before.",
    ),
    "integer_matmul": (
        "Multiply integers by integers, add them up exactly, and only then scale.",
        "A sum of int8 products needs int32. Tokens have a scale each, outputs too.",
        "(x.int() @ weight.int().T) * x_scales[:, None] * weight_scales, as float32.",
    ),
    "straight_through": (
        "The answer is rounded; its gradient must look as if nothing was rounded.",
        "steps + (steps.round() - steps).detach() has one value and another gradient.",
        "steps = weight / scale; round through, clamp to the levels, times the scale.",
    ),
    "mixed_precision": (
        "Few layers, few choices: you can look at every combination.",
        "itertools.product gives the combinations; drop those over the budget.",
        "min(those that fit, key=total loss), then dict(zip(losses, best)).",
    ),
}


def hint(exercise: str, *, level: int = 1) -> None:
    """Show a hint of an exercise: level 1 nudges, level 3 almost says it."""
    report.hint(HINTS, exercise, level)


_ABSMAX = Exercise(
    right=rounded.absmax,
    gives=("the integers", "the scale"),
    hint="scale = max|row| / the last level; integers = row / scale, rounded, as int8.",
    tolerance=1e-5,
    mistakes={
        "your scale is upside down: integers times scale give weights.":
            lambda row, bits: (rounded.absmax(row, bits)[0],
                               1 / rounded.absmax(row, bits)[1]),
        "cut off, not rounded: round first, then `.to(torch.int8)`.":
            lambda row, bits: rounded.absmax(row, bits, by=torch.trunc),
        "the last level is 2**(bits - 1) - 1: with 8 bits 127, not 128.":
            lambda row, bits: rounded.absmax(row, bits, more=1),
        "2**bits - 1 counts both sides; about zero there are half as many.":
            lambda row, bits: rounded.absmax(row, bits, largest=2**bits - 1),
        "these are 8 bits; the last level is 2**(bits - 1) - 1.":
            lambda row, bits: rounded.absmax(row, 8),
        "the sign is lost: only the scale is made from magnitudes.":
            lambda row, bits: rounded.absmax(row.abs(), bits),
        "take the largest magnitude, max|row|, not the largest weight.":
            lambda row, bits: rounded.absmax(row, bits, size=row.max()),
        "take the largest magnitude, not the smallest weight.":
            lambda row, bits: rounded.absmax(row, bits, size=-row.min()),
        "take the largest magnitude, not the mean.":
            lambda row, bits: rounded.absmax(row, bits, size=row.abs().mean()),
        "divide by the scale; it turns integers back into weights.":
            lambda row, bits: rounded.absmax(row, bits, times=True),
    },
)


def absmax(learner_function: Callable) -> None:
    """Exercise 1. Levels about zero: (row, bits) -> int8 integers, scale."""
    generator = torch.Generator().manual_seed(0)
    _ABSMAX.run(learner_function, torch.tensor([-1.27, 0.0, 0.64]), 8)  # in the text
    for bits in (8, 4, 3, 2):
        for size in (1, 7, 64):
            spread = 10.0 ** random.Random(size * bits).randint(-4, 2)
            row = spread * torch.randn(size, generator=generator)
            _ABSMAX.run(learner_function, row, bits)
    _ABSMAX.run(learner_function, torch.zeros(4), 8)
    print("✓ absmax: 14 rows, every integer and every scale")


_AFFINE = Exercise(
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
    _AFFINE.run(learner_function, torch.tensor([-0.5, 0.0, 1.0, 2.05]), 8)
    for bits in (8, 4, 2):
        for middle in (0.0, 0.4, 3.0, -3.0):  # the last two lie on one side of zero
            row = 0.7 * torch.randn(33, generator=generator) + middle
            _AFFINE.run(learner_function, row, bits)
    _AFFINE.run(learner_function, torch.zeros(4), 8)
    _AFFINE.run(learner_function, torch.tensor([-1.5, 0.0, 253.5]), 8)  # 2 + 254 = 256
    print("✓ affine: 15 rows, every level, scale and zero point")


_BY_GROUP = Exercise(
    right=rounded.by_group,
    gives=("the integers", "the scales"),
    hint="each group of neighbours in a row has its own max|group| / largest level.",
    tolerance=1e-5,
    mistakes={
        "this is one scale for a row; each group has its own.":
            lambda w, size, bits: rounded.by_group(w, w.shape[1], bits,
                                                   shown=w.shape[1] // size),
        "one scale for all: each group has its own.":
            lambda w, size, bits: rounded.by_group(w, size, bits, among=(0, 1, 2)),
        "wrong axis: a group is a run of columns in one row.":
            lambda w, size, bits: rounded.by_group(w, size, bits, among=(0, 2)),
        "a group is a run of neighbours, not columns taken every G-th.":
            rounded.by_group_strided,
        "scales went to the wrong groups: repeat_interleave, not repeat.":
            rounded.by_group_tiled,
        "the last level is 2**(bits - 1) - 1.":
            lambda w, size, bits: rounded.by_group(w, size, bits, more=1),
        "these are 8 bits; the last level is 2**(bits - 1) - 1.":
            lambda w, size, bits: rounded.by_group(w, size, 8),
        "take magnitudes: the largest of |weights|.":
            lambda w, size, bits: rounded.by_group(w, size, bits, signed=True),
        "cut off, not rounded.":
            lambda w, size, bits: rounded.by_group(w, size, bits, by=torch.trunc),
    },
)


def by_group(learner_function: Callable) -> None:
    """Exercise 3. A scale per group: (weight, group size, bits) -> (O, I), (O, G)."""
    generator = torch.Generator().manual_seed(0)
    example = torch.tensor([[0.7, -0.3, 7.0, 1.0], [0.0, 0.07, -0.7, 0.1]])
    _BY_GROUP.run(learner_function, example, 2, 4)
    for rows, groups, size in ((1, 1, 8), (3, 4, 4), (4, 4, 4), (6, 2, 3), (5, 3, 16)):
        spread = 10 ** torch.randn(rows, groups, 1, generator=generator)
        weight = spread * torch.randn(rows, groups, size, generator=generator)
        for bits in (8, 4):
            _BY_GROUP.run(learner_function, weight.flatten(1), size, bits)
    print("✓ by_group: 11 matrices, every integer and every scale")


_MATMUL = Exercise(
    right=rounded.matmul,
    gives=("the product",),
    hint="exact sums of integers, then the token's scale and the output's.",
    tolerance=1e-5,
    mistakes={
        "the sums overflowed: int8 holds -128 to 127; add up in int32.":
            lambda *a: rounded.matmul(*a, wrap=torch.int8),
        "the sums overflowed: int16 holds -32768 to 32767; add up in int32.":
            lambda *a: rounded.matmul(*a, wrap=torch.int16),
        "the scales are missing.":
            lambda x, sx, w, sw: rounded.matmul(x, sx**0, w, sw**0),
        "the scales of the tokens are missing.":
            lambda x, sx, w, sw: rounded.matmul(x, sx**0, w, sw),
        "the scales of the weights are missing.":
            lambda x, sx, w, sw: rounded.matmul(x, sx, w, sw**0),
        "divided by the scales: they are multiplied in.":
            lambda x, sx, w, sw: rounded.matmul(x, 1 / sx, w, 1 / sw),
        "the scales are crossed: tokens are rows, outputs are columns.":
            lambda x, sx, w, sw: rounded.matmul(x, sw, w, sx),
        "the sums were rounded: keep them exact until they are scaled.":
            lambda *a: rounded.matmul(*a, wrap=torch.bfloat16),
        "a weight is (O, I): multiply with its transpose.":
            lambda x, sx, w, sw: rounded.matmul(x, sx, w.T, sw),
    },
)


def integer_matmul(learner_function: Callable) -> None:
    """Exercise 4. int8 times int8: (x, x_scales, weight, weight_scales) -> (T, O)."""
    generator = torch.Generator().manual_seed(0)
    example = (torch.tensor([[100, 100]]), torch.tensor([0.01]),
               torch.tensor([[127, 127], [1, -1]]), torch.tensor([0.5, 2.0]))
    _MATMUL.run(learner_function, *rounded.as_int8(*example))
    for tokens, outputs, inputs in ((1, 1, 1), (2, 3, 5), (4, 4, 4), (3, 7, 600)):
        x, weight = (
            torch.randint(-127, 128, (rows, inputs), generator=generator)
            for rows in (tokens, outputs)
        )
        scales = [0.1 + torch.rand(n, generator=generator) for n in (tokens, outputs)]
        case = rounded.as_int8(x, scales[0], weight, scales[1])
        _MATMUL.run(learner_function, *case)
    ends = torch.full((2, 4096), 127), torch.ones(2)
    _MATMUL.run(learner_function, *rounded.as_int8(*ends, *ends))
    print("✓ integer_matmul: 6 products, none of them overflows")


_THROUGH = Exercise(
    right=rounded.through,
    gives=("the rounded weights", "the gradient"),
    hint="round within the levels; the gradient passes there, and nowhere else.",
    tolerance=1e-5,
    mistakes={
        "the rounding stopped the gradient: its own derivative is zero.":
            lambda *a: (rounded.through(*a)[0], 0 * a[3]),
        "weights beyond the last level stand still: no gradient for them.":
            lambda *a: (rounded.through(*a)[0], a[3]),
        "nothing is rounded: add (rounded - steps).detach() to the steps.":
            lambda w, scale, bits, g: rounded.through(w, scale, bits, g, by=None),
        "there is no level beyond 2**(bits - 1) - 1: clamp.":
            lambda w, scale, bits, g: rounded.through(w, scale, 30, g),
        "levels go from -2**(bits - 1) + 1, as in absmax.":
            lambda w, scale, bits, g: rounded.through(w, scale, bits, g, less=1),
        "the last level is 2**(bits - 1) - 1.":
            lambda w, scale, bits, g: rounded.through(w, scale, bits, g, more=1),
        "these are levels; times the scale they are weights again.":
            lambda w, scale, bits, g: (rounded.through(w, scale, bits, g)[0] / scale,),
        "the steps are weight / scale.":
            lambda w, scale, bits, g: rounded.through(w * scale**2, scale, bits, g)[:1],
        "each row has its own scale.":
            lambda w, scale, bits, g: rounded.through(w, rounded.first(scale), bits, g),
        "cut off, not rounded.":
            lambda w, scale, bits, g:
                rounded.through(w, scale, bits, g, by=torch.trunc),
    },
)


def straight_through(learner_function: Callable) -> None:
    """Exercise 5. Round and let the gradient pass: (weight, scale, bits) -> weight."""
    generator = torch.Generator().manual_seed(0)
    example = torch.tensor([-0.24, 0.06, 0.12, 0.9])
    cases = [(example, 0.1, 3)]
    for bits in (2, 3, 4, 8):
        weight = rounded.clearly(torch.randn(4, 6, generator=generator), bits)
        cases.append((weight, rounded.through_scale(bits), bits))
    column = torch.tensor([[1.0], [2.0], [0.5], [4.0]])  # a scale for each row
    cases.append((weight * column, rounded.through_scale(bits) * column, bits))
    for weight, scale, bits in cases:
        slope = torch.rand(weight.shape, generator=generator) + 0.5
        with torch.enable_grad():
            leaf = weight.clone().requires_grad_()
            answer = report.run(learner_function, leaf, scale, bits)
            pair = rounded.with_gradient(answer, leaf, slope)
        _THROUGH.compare(pair, weight, scale, bits, slope)
    print("✓ straight_through: 6 weights, with a scale for all and one for each row")


def mixed_precision(learner_function: Callable) -> None:
    """Exercise 6. Bits of each layer: (losses, sizes, budget) -> {layer: bits}."""
    dice = random.Random(0)
    losses: Mapping[str, Mapping[int, float]] = {
        "up": {4: 0.5, 8: 0.1}, "down": {4: 0.9, 8: 0.2}}  # as in the text
    sizes = {"up": {4: 50, 8: 100}, "down": {4: 60, 8: 120}}
    budget.check(learner_function, losses, sizes, 170)
    for layers in (1, 2, 4, 5):
        for spare in (0, 1, None):
            budget.check(learner_function, *budget.draw(dice, layers, spare))
    print("✓ mixed_precision: 13 budgets, to the byte")
