"""Exercise 5 of 04b: the bits of each part within a budget."""

import math
import random
from collections.abc import Mapping

from llmlab.checks.exercise import Exercise, Value, case
from llmlab.checks.quantization import budget as choices
from llmlab.checks.quantization.budget import fitting, total

# A mistake stands in one line or two, as in a table.
# fmt: off


def mixed_precision(losses, sizes, budget):
    """Return the choice with the least loss within the budget."""
    return choices.least(losses, sizes, budget)


def _least(measure):
    """Return the mistake of minimizing something else, within the budget."""
    def mistake(losses, sizes, budget):
        within = fitting(losses, sizes, budget)
        return min(within, key=lambda one: measure(one, losses, sizes))

    return mistake


def _parts(one, table):
    return [table[layer][bits] for layer, bits in one.items()]


def _cases():
    dice = random.Random(0)
    losses: Mapping[str, Mapping[int, float]] = {
        "up": {4: 0.5, 8: 0.1}, "down": {4: 0.9, 8: 0.2}}  # as in the text
    sizes = {"up": {4: 50, 8: 100}, "down": {4: 60, 8: 120}}
    yield case(losses, sizes, 170)
    parts: Mapping[str, Mapping[int, float]] = {
        "head": {4: 0.7, 8: 0.1}, "query": {4: 0.9, 8: 0.4}, "up": {4: 0.2, 8: 0.1}}
    taken = {  # in another order
        "up": {4: 40, 8: 80}, "query": {4: 20, 8: 40}, "head": {4: 30, 8: 60}}
    yield case(parts, taken, 140)
    for layers in (1, 2, 4, 5):
        for spare in (0, 1, None):
            yield case(*choices.draw(dice, layers, spare))


EXERCISE = Exercise(
    name="mixed_precision",
    right=mixed_precision,
    gives=(
        Value("bytes", promise="the choice keeps to the budget (bytes over it)"),
        Value("losses", promise="no other choice within the budget has less loss"),
    ),
    cases=lambda: [*_cases()],
    covers="to the byte",
    hints=(
        "Few parts, few choices: you can look at every combination.",
        "itertools.product gives the combinations; drop those over the budget.",
        "min(those that fit, key=total loss), then dict(zip(losses, best)).",
    ),
    hint="of all combinations that fit, take the one with the least sum of losses.",
    observe=choices.added_up,
    mistakes={
        "a choice that fills the budget to the last byte counts too: <=.":
            lambda losses, sizes, budget: choices.least(losses, sizes, budget - 1),
        "one byte over is too much: only choices with bytes <= budget count.":
            lambda losses, sizes, budget: choices.least(losses, sizes, budget + 1),
        "there is no look at the budget: only choices with bytes <= budget count.":
            lambda losses, sizes, budget: choices.least(losses, sizes, math.inf),
        "gain by gain is not enough: try every combination.": (
            choices.greedy, choices.by_gain, choices.downwards),
        "the first parts get the most that fits; compare all by their sum of losses.":
            choices.first_fit,
        "parts may have different bits: try every combination.": choices.uniform,
        "these are the fewest bits and the most loss; take the least that fits.":
            _least(lambda one, losses, sizes: sum(one.values())),
        "this takes the most bytes that fit; take the least sum of losses.":
            _least(lambda one, losses, sizes: -total(sizes, one)),
        "this takes the most bits that fit; take the least sum of losses.":
            _least(lambda one, losses, sizes: -sum(one.values())),
        "losses are added up: this takes the least of the largest.":
            _least(lambda one, losses, sizes: max(_parts(one, losses))),
        "losses are added up, not multiplied.":
            _least(lambda one, losses, sizes: math.prod(_parts(one, losses))),
    },
)
