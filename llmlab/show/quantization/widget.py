"""A weight and the levels of its grid, by bits and group size; it runs no model."""

from typing import Any

from llmlab.core.quantities import BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.quantization.quantities import (
    ADDED_BITS,
    BITS_PER_WEIGHT,
    ROUNDING_ERROR,
    SHARE_OF_WEIGHTS,
    STEP,
)
from llmlab.show import select
from llmlab.show.figures import Picture, quick_picture
from llmlab.show.quantization import steps
from llmlab.show.widgets import Choice, Selectors

COSTS = (ROUNDING_ERROR, BITS_PER_WEIGHT, BITS_PER_BYTE, ADDED_BITS)  # of a grid


def levels_widget(
    result: Any,
    *,
    bits: int | None = None,
    group_size: str | None = None,
    title: str | None = None,
) -> Selectors:
    """Return selectors of bits and group size that show a weight on the chosen grid.

    result: records as for `levels`, with a "quantization step" for each choice. The
    line says what the choice costs. bits, group_size: what is chosen at the
    start, by default the first. Others are left alone. ValueError: no histogram, no
    such step, a missing detail.
    """
    records = select.checked(result, "result")
    first = steps.chosen(records, bits, group_size)
    step_records = select.by_quantity(records, STEP)
    costs = select.by_quantity(records, *COSTS)
    drawn = select.by_quantity(records, SHARE_OF_WEIGHTS, STEP)  # the line says costs

    def say(choice: Choice) -> str:
        chosen = [
            _spoken(record)
            for record in costs
            if all(record.details.get(key) == choice[key] for key in choice)
        ]
        place = f"{choice['bits']} bits, "
        place += steps.size_spoken(choice["group size"])
        return (
            f"{place}: {', '.join(chosen)}"
            if chosen
            else f"{place}: not computed before"
        )

    def draw(choice: Choice) -> Picture | None:
        here = choice["bits"], choice["group size"]
        if not any(
            tuple(record.details[key] for key in choice) == here
            for record in step_records
        ):
            return None  # the line says so
        fig = steps.levels(
            drawn, bits=here[0], group_size=here[1], title=title or steps.TITLE
        )
        return quick_picture(
            fig, alt=f"Histogram of weights with levels, {say(choice)}."
        )

    keys = ("bits", "group size")
    options = {
        key: list(dict.fromkeys(select.detail(record, key) for record in step_records))
        for key in keys
    }
    return Selectors(options, {key: first.details[key] for key in keys}, say, draw)


def _spoken(cost: Record) -> str:
    """Say a share in per cent, what is added with its sign and its interval."""
    if cost.name == ADDED_BITS.name:
        said = f"{100 * cost.value:+.1f} % against the original"
        if cost.low is None or cost.high is None:
            return said
        return f"{said} ({100 * cost.low:+.1f} to {100 * cost.high:+.1f})"
    if cost.name == ROUNDING_ERROR.name:
        return f"{cost.name} {100 * cost.value:.2g} %"
    return f"{cost.name} {cost.value_text()}"
