"""One group of weights on the levels that a method left it, and what it chose."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.quantization.quantities import ROUNDED_WEIGHT
from llmlab.show import scales, select, style
from llmlab.show.quantization import looks

PLAIN = "rounding"  # what other methods are compared with
HALF = 0.36  # of a column, to both sides of a level's line
TITLE = "A group of weights, and the integers that stand for it"


@style.by_the_rules
def integer_grid(
    records: Sequence[Record],
    *,
    method: str,
    bits: int,
    limits: tuple[float, float] | None = None,
    title: str = TITLE,
) -> Figure:
    """Draw the weights of a group, the levels of every column and those chosen.

    records: "rounded weight" of this method and bits; where the method chose another
    integer than those of "rounding", if they are there, a ring says so. limits: of the
    weight axis, so that several pictures compare. ValueError: none of this choice, a
    missing detail.
    """
    chosen = of_choice(records, method, bits)
    if not chosen:
        raise ValueError(
            f"records hold no {ROUNDED_WEIGHT.name!r} of {method!r} with {bits} bits."
        )
    fig, axes = style.canvas(height=3.6)
    _levels(axes, chosen)
    _marks(axes, chosen, differing(records, method, bits), method)
    integers = [select.detail(fact, "integer") for fact in chosen]
    axes.set_xticks(range(len(chosen)), [str(one) for one in integers], fontsize=8)
    axes.set_xlim(-0.8, len(chosen) - 0.2)
    if limits:
        axes.set_ylim(*limits)
    scales.name(axes.xaxis, "the integer of each column")
    scales.name(axes.yaxis, "weight", select.kinds(chosen))
    axes.grid(False)
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=4)
    return fig


def of_choice(records: Sequence[Record], method: str, bits: int) -> list[Record]:
    """Return the rounded weights of a method and bits, by column."""
    found = [
        fact
        for fact in select.by_quantity(records, ROUNDED_WEIGHT)
        if (select.detail(fact, "method"), select.detail(fact, "bits"))
        == (method, bits)
    ]
    return sorted(found, key=lambda fact: select.detail(fact, "column"))


def differing(records: Sequence[Record], method: str, bits: int) -> list[int]:
    """Return the places of a group at which a method chose another integer.

    Empty for rounding itself, and where rounding is not among the records.
    """
    both = zip(
        of_choice(records, PLAIN, bits), of_choice(records, method, bits), strict=False
    )
    return [
        place
        for place, (plain, fact) in enumerate(both)
        if plain.details["integer"] != fact.details["integer"]
    ]


def _levels(axes: Axes, chosen: Sequence[Record]) -> None:
    """Draw the levels that each column could have taken, as short lines."""
    heights = [
        np.linspace(fact.details["first level"], fact.details["last level"],
                    select.detail(fact, "levels"))
        for fact in chosen
    ]  # fmt: skip
    places = np.repeat(np.arange(len(chosen)), [len(each) for each in heights])
    axes.hlines(
        np.concatenate(heights), places - HALF, places + HALF, color=style.QUIET,
        linewidth=0.7, alpha=0.55, label="levels",
    )  # fmt: skip


def _marks(
    axes: Axes, chosen: Sequence[Record], other: Sequence[int], method: str
) -> None:
    look = looks.of_method(method, [method])
    weights = [select.detail(fact, "weight") for fact in chosen]
    values = [fact.value for fact in chosen]
    axes.plot(range(len(chosen)), values, look.marker, color=look.color, markersize=5.5,
              linestyle="none", label=f"chosen by {method}")  # fmt: skip
    axes.plot(range(len(chosen)), weights, "_", color=style.INK, markersize=8,
              markeredgewidth=1.8, linestyle="none", label="weight")  # fmt: skip
    if other:
        axes.plot(
            other, [values[place] for place in other], "o", markersize=11,
            markerfacecolor="none", markeredgewidth=1.3, color=style.INK,
            linestyle="none", label="not as rounding",
        )  # fmt: skip
