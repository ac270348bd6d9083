"""A group of weights and its integers, by method and bits; it runs no model."""

from collections.abc import Sequence
from typing import Any

from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.core.records import Record, collect
from llmlab.quantization.quantities import ANSWER_ERROR, ROUNDED_WEIGHT
from llmlab.show import select
from llmlab.show.figures import Picture, quick_picture
from llmlab.show.quantization import integer_grids, looks
from llmlab.show.widgets import Choice, Selectors

KEYS = ("method", "bits")
MARGIN = 0.06  # of the range of all levels


def integers_widget(
    result: Any,
    *,
    method: str | None = None,
    bits: int | None = None,
    title: str = integer_grids.TITLE,
) -> Selectors:
    """Return selectors of method and bits that show what a group of weights becomes.

    result: what `experiments.choices.integers` returned; in a list with what
    `choices.quality` returned the line says the bits per byte of the whole model, too.
    method, bits: what is chosen at the start, by default the first. ValueError: no
    "rounded weight", a start that is not among them, a missing detail.
    """
    records = collect(result)
    weights = select.needed(records, ROUNDED_WEIGHT)
    options = {key: _options(weights, key) for key in KEYS}
    first = {"method": method, "bits": bits}
    for key, wished in first.items():
        if wished is not None and wished not in options[key]:
            raise ValueError(f"{key}={wished!r} is none of {options[key]}.")
        first[key] = options[key][0] if wished is None else wished
    limits = _limits(weights)
    costs = select.by_quantity(records, ANSWER_ERROR, DIFFERENCE_IN_BITS_PER_BYTE)

    def say(choice: Choice) -> str:
        place = f"{choice['method']}, {choice['bits']} bits"
        group = integer_grids.of_choice(weights, choice["method"], choice["bits"])
        if not group:
            return f"{place}: not computed before, choose another"
        return f"{place}: {', '.join(_said(weights, costs, choice, len(group)))}"

    def draw(choice: Choice) -> Picture | None:
        own = choice["method"], choice["bits"]
        if not integer_grids.of_choice(weights, *own):
            return None  # the line says so
        fig = integer_grids.integer_grid(
            weights, method=own[0], bits=own[1], limits=limits, title=title
        )
        alt = f"Weights of one group, their levels and the chosen ones, {say(choice)}."
        return quick_picture(fig, alt=alt)

    return Selectors(options, first, say, draw)


def _options(weights: Sequence[Record], key: str) -> list[Any]:
    return list(dict.fromkeys(select.detail(fact, key) for fact in weights))


def _limits(weights: Sequence[Record]) -> tuple[float, float]:
    """Return the ends of all levels and weights, so that pictures compare."""
    ends = [
        fact.details[key]
        for fact in weights
        for key in ("first level", "last level", "weight")
    ]
    room = MARGIN * (max(ends) - min(ends))
    return min(ends) - room, max(ends) + room


def _said(
    weights: Sequence[Record], costs: Sequence[Record], choice: Choice, count: int
) -> list[str]:
    """Say how many integers differ, and what the choice costs layer and model."""
    other = integer_grids.differing(weights, choice["method"], choice["bits"])
    said = []
    if choice["method"] != integer_grids.PLAIN:
        said.append(f"integers other than rounding's: {len(other)} of {count}")
    own = [fact for fact in costs if _is_of(fact, choice)]
    said += [
        f"error {100 * fact.value:.3g} % of the answers' square"
        for fact in select.by_quantity(own, ANSWER_ERROR)
    ]
    losses = select.by_quantity(own, DIFFERENCE_IN_BITS_PER_BYTE)
    # What the learner's part lost stands for its method: both were measured here.
    kinds = {fact.kind: fact for fact in sorted(losses, key=_is_yours)}
    said += [_loss(fact) for fact in kinds.values()]
    return said


def _is_of(fact: Record, choice: Choice) -> bool:
    method = looks.method(fact.details.get("method", fact.subject))
    return (method, fact.details.get("bits")) == (choice["method"], choice["bits"])


def _is_yours(fact: Record) -> bool:
    return fact.details["method"].endswith(looks.YOURS)


def _loss(fact: Record) -> str:
    share, low, high = (
        100 * select.detail(fact, f"relative{end}") for end in ("", "_low", "_high")
    )
    whose = f", {fact.details['method']}" if _is_yours(fact) else ""
    return (
        f"{share:+.1f} % bits per byte ({low:+.1f} to {high:+.1f}, {fact.kind}{whose})"
    )
