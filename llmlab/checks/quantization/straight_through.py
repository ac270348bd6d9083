"""Exercise 5: round, and let the gradient pass."""

from collections.abc import Callable

import torch

from llmlab.checks import feedback
from llmlab.checks.compare import Exercise
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "The answer is rounded; its gradient must look as if nothing was rounded.",
    "steps + (steps.round() - steps).detach() has one value and another gradient.",
    "steps = weight / scale; round through, clamp to the levels, times the scale.",
)


EXERCISE = Exercise(
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
            answer = feedback.run(learner_function, leaf, scale, bits)
            pair = rounded.with_gradient(answer, leaf, slope)
        EXERCISE.compare(pair, weight, scale, bits, slope)
    print("✓ straight_through: 6 weights, with a scale for all and one for each row")
