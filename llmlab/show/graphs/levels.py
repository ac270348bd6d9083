"""The inner product in C: how many bytes a second it reads, by how it was compiled."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.graphs.quantities import INNER_GAIN, INNER_RATE, INNER_TIME
from llmlab.show import bars, select, style

ROOM = 1.1  # of the axis over that of bars, for a ratio behind the rate


@style.by_the_rules
def levels(
    result: Any, *, title: str = "An inner product in C, level by level"
) -> Figure:
    """Draw the bytes a second of each way to compile it, and its ratio to the first.

    result: records "bytes of int8 read a second", the way as subject, and "dot, times
    as fast".
    """
    facts = select.needed(result, INNER_RATE)
    gains = _by_way(select.checked(result), INNER_GAIN)
    names = [fact.subject for fact in facts]
    fig, axes = style.canvas(height=bars.height(names, extra=0.3), title=title)
    says = [_said(fact, gains) for fact in facts]
    bars.draw(axes, facts, names, "bytes read a second", says=says)
    axes.set_xlim(0, ROOM * axes.get_xlim()[1])
    style.panel_title(axes, "Reading a matrix of int8")
    return fig


def levels_alt(facts: Sequence[Record]) -> str:
    """Say rate, ratio and time of every way."""
    gains, times = _by_way(facts, INNER_GAIN), _by_way(facts, INNER_TIME)
    said = ["Bytes of int8 a second that C reads, by how it was compiled."]
    for fact in select.by_quantity(facts, INNER_RATE):
        name = fact.subject
        time = f", {times[name].value_text()} a matrix" if name in times else ""
        said.append(f"{name}: {_said(fact, gains)}{time}.")
    return " ".join(said)


def _by_way(facts: Sequence[Record], what: Any) -> dict[str, Record]:
    return {fact.subject: fact for fact in select.by_quantity(facts, what)}


def _said(fact: Record, gains: dict[str, Record]) -> str:
    gain = gains.get(fact.subject)
    ratio = "" if gain is None else f", {gain.value:.3g} × as fast"
    return fact.value_text() + ratio
