"""Rings where curves by length meet, each with a letter, and what the letters mean."""

import math
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from llmlab.attention_vs_rnn.quantities import CROSSING
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.show import curves, select, style

NONE = "no crossing clear of the noise"
SMALL = 8.5  # points
LINE = 0.075  # of the height of a panel that a line of words takes


def mark(axes: Axes, curve_facts: Sequence[Record], facts: Sequence[Record]) -> None:
    """Ring the crossings of what a panel shows, name them, or say there is none.

    curve_facts: what is drawn; facts: among them the "crossing" records of it.
    """
    of = curve_facts[0].name
    by_name = select.by_subject(curve_facts)
    met = [
        fact
        for fact in select.by_quantity(facts, CROSSING)
        if fact.details.get("of", of) == of and _names(fact)[0] in by_name
    ]
    met.sort(key=lambda fact: fact.value)
    for index, fact in enumerate(met):
        _ring(axes, fact.value, _height(by_name[_names(fact)[0]], fact.value), index)
    _say(axes, met)


def spoken(facts: Sequence[Record], of: Quantity | None = None) -> list[str]:
    """Say in a sentence for each crossing which curves meet, and where."""
    met = select.by_quantity(facts, CROSSING)
    said = [
        f"{fact.subject.replace(' against ', ' and ')} cross at about "
        f"{fact.value:,.0f} tokens ({fact.details.get('of', '')})."
        for fact in met
    ]
    return said or ["No crossing is clear of the noise."]


def _names(crossing: Record) -> tuple[str, str]:
    name, _, other = crossing.subject.partition(" against ")
    return name, other


def _letter(index: int) -> str:
    return chr(ord("A") + index)


def _ring(axes: Axes, x: float, y: float, index: int) -> None:
    axes.plot([x], [y], "o", markersize=12, markerfacecolor="none", zorder=5,
              markeredgecolor=style.INK, markeredgewidth=1.4)  # fmt: skip
    axes.axvline(x, ymax=0.3, color=style.QUIET, linewidth=0.8, linestyle=":")
    axes.annotate(
        _letter(index), (x, 0), (3, 3), textcoords="offset points",
        xycoords=("data", "axes fraction"), fontsize=SMALL, fontweight="bold",
    )  # fmt: skip


def _say(axes: Axes, met: Sequence[Record]) -> None:
    """Write what the letters mean into the room above the curves."""
    lines = [
        f"{_letter(index)}  {_names(fact)[1]}, {fact.value:,.0f}"
        for index, fact in enumerate(met)
    ]
    said = [f"{_names(met[0])[0]} meets", *lines] if met else [NONE]
    words = axes.annotate(
        "\n".join(said), (0.03, 0.98), va="top", xycoords="axes fraction",
        fontsize=SMALL, color=style.INK if met else style.QUIET,
    )  # fmt: skip
    words.set_in_layout(False)
    low, high = axes.get_ylim()
    share = 0.04 + LINE * len(said)  # of the panel that the lines take
    foot = 0.06 if met else 0  # that the letters take
    span = (high / low) ** (1 / (1 - share - foot))
    axes.set_ylim(low / span**foot, high * span**share)


def _height(curve: Sequence[Record], x: float) -> float:
    """Return the height of a curve between its points, both axes logarithmic."""
    points = [(r.details["tokens"], r.value) for r in curves.ordered(curve, "tokens")]
    for (left, low), (right, high) in pairwise(points):
        if left <= x <= right:
            share = math.log(x / left) / math.log(right / left)
            return low * (high / low) ** share
    return points[-1][1] if x > points[-1][0] else points[0][1]
