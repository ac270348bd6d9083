"""Exercise 6: the bits of each layer within a budget."""

import random
from collections.abc import Callable, Mapping

from llmlab.checks.quantization import budget

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Few layers, few choices: you can look at every combination.",
    "itertools.product gives the combinations; drop those over the budget.",
    "min(those that fit, key=total loss), then dict(zip(losses, best)).",
)


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
