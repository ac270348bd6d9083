"""Choices of bits for layers: what they add up to, the best, and usual shortcuts.

Any choice with the least loss is right, so an answer is judged by what it adds up to.
"""

import itertools
import random
from collections.abc import Mapping
from typing import Any

from llmlab.checks import shown
from llmlab.checks.exercise import MisfitError

Table = Mapping[str, Mapping[int, Any]]  # layer -> bits -> loss or bytes
Choice = dict[str, int]


def added_up(answer: Any, losses: Table, sizes: Table, budget: int):
    """Return the bytes that a choice is over its budget, and its sum of losses."""
    choice = _choice(answer, losses)
    return max(0, total(sizes, choice) - budget), float(total(losses, choice))


def least(losses: Table, sizes: Table, budget: float) -> dict[str, int]:
    """Return the choice with the least loss within the budget."""
    return min(fitting(losses, sizes, budget), key=lambda one: total(losses, one))


def choices(losses: Table) -> list[dict[str, int]]:
    """Return every combination of bits."""
    combinations = itertools.product(*losses.values())
    return [dict(zip(losses, each, strict=True)) for each in combinations]


def total(table: Table, choice: Mapping[str, int]) -> Any:
    """Add a table up over the chosen bits."""
    return sum(table[layer][bits] for layer, bits in choice.items())


def fitting(losses: Table, sizes: Table, budget: float) -> list[Choice]:
    """Return the choices within a budget; of one too small for all, the smallest."""
    within = [one for one in choices(losses) if total(sizes, one) <= budget]
    return within or [min(choices(losses), key=lambda one: total(sizes, one))]


def greedy(
    losses: Table, sizes: Table, budget: int, *, per_byte: bool = True
) -> dict[str, int]:
    """Return what one gets who always takes the largest gain per byte that still fits.

    A usual shortcut: near the best, and not always the best. per_byte: or the largest
    gain, whatever it takes.
    """
    choice = {layer: min(row) for layer, row in losses.items()}
    while True:
        left = budget - total(sizes, choice)
        steps = []
        for layer, now in choice.items():
            for bits in losses[layer]:
                more = sizes[layer][bits] - sizes[layer][now]
                gain = losses[layer][now] - losses[layer][bits]
                if gain > 0 and 0 < more <= left:
                    steps.append((gain / more if per_byte else gain, layer, bits))
        if not steps:
            return choice
        _, layer, bits = max(steps)
        choice[layer] = bits


def by_gain(losses: Table, sizes: Table, budget: int) -> Choice:
    """Return what one gets who always takes the largest gain that still fits."""
    return greedy(losses, sizes, budget, per_byte=False)


def downwards(losses: Table, sizes: Table, budget: int) -> Choice:
    """Return what one gets who starts at the most bits and takes the cheapest away."""
    choice = {layer: max(row) for layer, row in losses.items()}
    while total(sizes, choice) > budget:
        steps = []
        for layer, now in choice.items():
            for bits in losses[layer]:
                less = sizes[layer][now] - sizes[layer][bits]
                if less > 0:
                    pain = losses[layer][bits] - losses[layer][now]
                    steps.append((pain / less, layer, bits))
        _, layer, bits = min(steps)
        choice[layer] = bits
    return choice


def first_fit(losses: Table, sizes: Table, budget: int) -> Choice:
    """Return what one gets who gives each layer in turn the most that still fits."""
    choice = {layer: min(row) for layer, row in losses.items()}
    for layer, row in losses.items():
        for bits in sorted(row):
            if total(sizes, choice | {layer: bits}) <= budget:
                choice[layer] = bits
    return choice


def uniform(losses: Table, sizes: Table, budget: int) -> Choice:
    """Return the most bits that all layers can have alike."""
    alike = [one for one in fitting(losses, sizes, budget) if len({*one.values()}) == 1]
    return alike[-1] if alike else {layer: min(row) for layer, row in losses.items()}


def draw(dice: random.Random, layers: int, spare: int | None):
    """Draw a case: losses, sizes and a budget.

    spare: 0, the best choice fills the budget to the byte; 1, a better one is one byte
    too large; None, a case in which greed misses the best, where there is one.
    """
    for _ in range(200):
        names = [f"layers.{number}" for number in range(layers)]
        count = {name: dice.randint(100, 999) for name in names}
        sizes = {n: {b: count[n] * b // 8 for b in (2, 4, 8)} for n in names}
        losses = {n: _falling(dice) for n in names}
        sums = sorted({total(sizes, one) for one in choices(losses)})
        budget = dice.choice(sums)
        best = least(losses, sizes, budget)
        if spare is None:
            short = greedy(losses, sizes, budget)
            if layers == 1 or total(losses, short) > total(losses, best) + 1e-3:
                break
        elif total(sizes, best) == budget:  # and nothing smaller is as good
            if spare == 0:
                break
            if budget > sums[0]:
                budget -= 1
                break
    return losses, sizes, budget


def _falling(dice: random.Random) -> dict[int, float]:
    """Draw losses that fall with the bits, as they nearly always do."""
    low = dice.uniform(0.0, 0.05)
    middle = low + dice.uniform(0.01, 0.5)
    return {2: middle + dice.uniform(0.1, 3.0), 4: middle, 8: low}


def _choice(answer: Any, losses: Table) -> Choice:
    hint = "return a dict with the bits of every layer, such as {'up': 8, 'down': 4}."
    if not isinstance(answer, Mapping) or {*answer} != {*losses}:
        raise MisfitError(
            "every layer gets its bits, and nothing else",
            expected=f"a dict of {', '.join(losses)}",
            got=shown.value(answer),
            hint=hint,
        )
    return {layer: _bits(layer, answer[layer], losses[layer], hint) for layer in losses}


def _bits(layer: str, bits: Any, row: Mapping[int, Any], hint: str) -> int:
    """Return the bits of a layer; an array or a tensor of one number will do."""
    plain = bits.item() if getattr(bits, "shape", None) == () else bits
    if type(plain) not in (int, float) and type(plain).__module__ != "numpy":
        plain = None
    if plain not in [*row]:
        raise MisfitError(
            f"the bits of {layer} are among the choices",
            expected=f"one of {[*row]}",
            got=shown.value(bits),
            hint=hint,
        )
    return int(plain)
