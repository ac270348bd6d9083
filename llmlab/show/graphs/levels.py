"""The inner product in C: how many bytes a second it reads, by the compiler's level."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.graphs.quantities import INNER_RATE, INNER_TIME
from llmlab.show import bars, scales, select, style


@style.by_the_rules
def levels(
    result: Any, *, title: str = "The same six lines of C, built at each level"
) -> Figure:
    """Draw the bytes a second of each level, and how many times the first one's.

    result: records "bytes read a second by the inner product" with details["level"].
    """
    facts = select.needed(result, INNER_RATE)
    names = _names(facts)
    fig, axes = style.canvas(height=bars.height(names, extra=0.3), title=title)
    factor, unit = scales.shared([fact.value for fact in facts], "B/s")
    for row, fact in enumerate(facts):
        look, end = style.series(row), fact.value / factor
        axes.barh(row, end, bars.HIGH, color=look.color, hatch=look.hatch,
                  edgecolor=style.CARD)  # fmt: skip
        reach = max(fact.high or 0, fact.value) / factor
        axes.annotate(_said(fact, facts[0]), (reach, row), (7, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
        if fact.low is not None:
            axes.errorbar(end, row, xerr=[[end - fact.low / factor], [reach - end]],
                          fmt="none", ecolor=style.QUIET, capsize=3)  # fmt: skip
    most = max(max(fact.high or 0, fact.value) for fact in facts)
    axes.set_xlim(0, bars.ROOM * most / factor)
    bars.rows(axes, names)
    style.panel_title(axes, "An inner product of integers, by level")
    scales.name(axes.xaxis, "bytes read a second", unit, select.kinds(facts))
    return fig


def levels_alt(facts: Sequence[Record]) -> str:
    """Say rate, factor and time of every level."""
    rates = select.by_quantity(facts, INNER_RATE)
    times = select.by_quantity(facts, INNER_TIME)
    said = ["Bytes a second that an inner product in C reads, by the compiler's level."]
    for name, fact in zip(_names(rates), rates, strict=True):
        own = [t for t in times if _place(t) == _place(fact)]
        time = f", {own[0].value_text()} a product" if own else ""
        said.append(f"{name}: {_said(fact, rates[0])}{time}.")
    return " ".join(said)


def _names(facts: Sequence[Record]) -> list[str]:
    """Name the rows by their level, and by whose they are where that differs."""
    apart = len({fact.subject for fact in facts}) > 1
    return [
        f"{fact.subject}, {select.detail(fact, 'level')}" if apart
        else str(select.detail(fact, "level"))
        for fact in facts
    ]  # fmt: skip


def _place(fact: Record) -> tuple[str, Any]:
    return fact.subject, fact.details.get("level")


def _said(fact: Record, first: Record) -> str:
    if fact is first:
        return fact.value_text()
    return f"{fact.value_text()}, {fact.value / first.value:.3g} ×"
