"""The exercise on mixed precision: is a choice of bits the best within its budget?

Any choice with the least loss is right, so an answer is judged by what it adds up to.
"""

import itertools
import random
from collections.abc import Callable, Mapping
from typing import Any

from llmlab.checks import feedback

Table = Mapping[str, Mapping[int, Any]]  # layer -> bits -> loss or bytes


def check(learner_function: Callable, losses: Table, sizes: Table, budget: int) -> None:
    """Run the learner's function on one case and judge its choice."""
    answer = feedback.run(learner_function, losses, sizes, budget)
    _is_choice(answer, losses)
    used, best = total(sizes, answer), least(losses, sizes, budget)
    if used > budget:
        hint = f"{used - budget} bytes over; only choices with bytes <= budget count."
        expected = f"at most {budget} bytes"
        promise = "the choice keeps to the budget"
        feedback.fail(promise, expected=expected, got=f"{used} bytes", hint=hint)
    got, right = total(losses, answer), total(losses, best)
    if got > right + 1e-9:
        feedback.fail("no other choice within the budget has less loss", expected=right,
                    got=got, hint=_hint(answer, losses, sizes, budget))  # fmt: skip


def least(losses: Table, sizes: Table, budget: int) -> dict[str, int]:
    """Return the choice with the least loss within the budget."""
    fitting = [one for one in choices(losses) if total(sizes, one) <= budget]
    return min(fitting, key=lambda one: total(losses, one))


def choices(losses: Table) -> list[dict[str, int]]:
    """Return every combination of bits."""
    combinations = itertools.product(*losses.values())
    return [dict(zip(losses, each, strict=True)) for each in combinations]


def total(table: Table, choice: Mapping[str, int]) -> Any:
    """Add a table up over the chosen bits."""
    return sum(table[layer][bits] for layer, bits in choice.items())


def greedy(losses: Table, sizes: Table, budget: int) -> dict[str, int]:
    """Return what one gets who always takes the largest gain per byte that still fits.

    A usual shortcut: near the best, and not always the best.
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
                    steps.append((gain / more, layer, bits))
        if not steps:
            return choice
        _, layer, bits = max(steps)
        choice[layer] = bits


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


def _is_choice(answer: object, losses: Table) -> None:
    hint = "return a dict with the bits of every layer, such as {'up': 8, 'down': 4}."
    if not isinstance(answer, Mapping) or set(answer) != set(losses):
        names = list(answer) if isinstance(answer, Mapping) else answer
        feedback.fail("every layer gets its bits", expected=list(losses), got=names,
                    hint=hint)  # fmt: skip
    for layer, bits in answer.items():
        if bits not in list(losses[layer]):  # which takes lists as answers, too
            expected = f"one of {list(losses[layer])}"
            promise = f"the bits of {layer} are among the choices"
            feedback.fail(promise, expected=expected, got=bits, hint=hint)


def _hint(answer: Mapping, losses: Table, sizes: Table, budget: int) -> str:
    got = total(losses, answer)
    greed = total(losses, greedy(losses, sizes, budget))
    if answer == {layer: min(row) for layer, row in losses.items()}:
        return "there is budget left: more bits for some layers cost less loss."
    if total(sizes, least(losses, sizes, budget)) == budget:
        return "a choice that fills the budget to the last byte counts too: <=."
    if abs(got - greed) < 1e-9:
        return "gain by gain is not enough: try every combination."
    return "of all combinations that fit, take the one with the least sum of losses."
