"""Exercise 4 of 04b: round, and let the gradient pass."""

import torch

from llmlab.checks.exercise import Case, Exercise, Value
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "The answer is rounded; its gradient must look as if nothing was rounded.",
    "steps + (steps.round() - steps).detach() has one value and another gradient.",
    "steps = weight / scale; round through, clamp to the levels, times the scale.",
)


def _case(weight, scale, bits, *, about=""):
    return Case(lambda: (weight.clone().requires_grad_(), scale, bits), about=about)


def _cases():
    generator = torch.Generator().manual_seed(0)
    yield _case(torch.tensor([-0.24, 0.06, 0.12, 0.9]), 0.1, 3)
    for bits in (2, 3, 4, 8):
        weight = rounded.clearly(torch.randn(4, 6, generator=generator), bits)
        yield _case(weight, rounded.through_scale(bits), bits)
    column = torch.tensor([[1.0], [2.0], [0.5], [4.0]])  # a scale for each row
    yield _case(weight * column, rounded.through_scale(8) * column, 8)
    halves = torch.tensor([0.5, 1.5, -0.5, -2.5, 4.5, 0.0]) / 4
    yield _case(halves, 0.25, 4, about=rounded.HALVES)


EXERCISE = Exercise(
    name="straight_through",
    right=rounded.through,
    gives=(Value("the rounded weights"), Value("the gradient")),
    cases=lambda: [*_cases()],
    covers="with a scale for all and one for each row",
    hints=HINTS,
    hint="round within the levels; the gradient passes there, and nowhere else.",
    observe=rounded.with_gradient,
    tolerance=1e-5,
    mistakes={
        "the rounding stopped the gradient: its own derivative is zero.": (
            lambda *a: rounded.through(*a, passes="none"),
            lambda *a: rounded.through(*a).detach(),
        ),
        "weights beyond the last level stand still: no gradient for them.":
            lambda *a: rounded.through(*a, passes="all"),
        "nothing is rounded: add (rounded - steps).detach() to the steps.": (
            lambda *a: rounded.through(*a, by=torch.clone),
            lambda *a: rounded.through(*a, by=torch.clone, clamp=False),
        ),
        "there is no level beyond 2**(bits - 1) - 1: clamp.":
            lambda *a: rounded.through(*a, clamp=False),
        "levels go from -2**(bits - 1) + 1, as in absmax.":
            lambda *a: rounded.through(*a, less=1),
        "the last level is 2**(bits - 1) - 1.": (
            lambda *a: rounded.through(*a, more=1),
            lambda *a: rounded.through(*a, more=1, less=1),
        ),
        "these are 8 bits; the last level is 2**(bits - 1) - 1.":
            lambda weight, scale, bits: rounded.through(weight, scale, 8),
        "these are levels; times the scale they are weights again.":
            lambda *a: rounded.through(*a, back=False),
        "the steps are weight / scale.":
            lambda weight, scale, bits:
                rounded.through(weight * scale, 1.0, bits) / scale,
        "each row has its own scale.":
            lambda weight, scale, bits:
                rounded.through(weight, rounded.first(scale), bits),
        rounded.HALVES: (
            lambda *a: rounded.through(*a, by=rounded.half_up),
            lambda *a: rounded.through(*a, by=rounded.half_away),
        ),
        "cut off, not rounded.": lambda *a: rounded.through(*a, by=torch.trunc),
    },
)
