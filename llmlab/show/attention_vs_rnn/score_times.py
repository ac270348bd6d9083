"""Attention by length: its time, the time for each score, memory and page faults."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import (
    ATTEND_LATENCY,
    ATTEND_MEMORY,
    PAGE_FAULTS,
    PROCESSOR_CACHE,
    SCORE_TIME,
)
from llmlab.core.records import Record, quantity
from llmlab.show import curves, scales, select, style

PANELS = {  # what is drawn -> the heading, the word beside the axis
    SCORE_TIME: ("time of a score", "time"),
    ATTEND_MEMORY: ("memory of a call", "memory"),
}
PAGES = "new pages"


@style.by_the_rules
def scores(
    result: Any, *, title: str = "What a score costs, and where it is kept"
) -> Figure:
    """Draw the time for each score, memory and page faults by length.

    result: "time for each score" and "attention memory" with details["tokens"]; "page
    faults" fill the third panel and the processor's cache is a line in the second,
    where they are known. ValueError: one of the first two is missing, a value of theirs
    not above 0.
    """
    facts = select.checked(result, "result")
    fig, panels = style.canvas(3, height=3.2, title=title)
    for axes, (what, words) in zip(panels[:2], PANELS.items(), strict=True):
        drawn = select.by_quantity(facts, what)
        if not drawn:
            raise ValueError(f"records hold no {what.name!r}, which a panel shows.")
        heading, word = words
        curves.by_length(axes, drawn, word)
        axes.set_ylabel(axes.get_ylabel().replace(" (", "\n("))
        style.panel_title(axes, heading)
    for size in select.by_quantity(facts, PROCESSOR_CACHE):
        _line(panels[1], size)
    _pages(panels[2], select.by_quantity(facts, PAGE_FAULTS))
    curves.legend(fig, panels[0])
    return fig


def scores_alt(facts: Sequence[Record]) -> str:
    """Say by how much each way grows from the shortest to the longest text."""
    said = ["Time, time for each score and memory of attention by length."]
    for name, curve in select.by_subject(
        select.by_quantity(facts, ATTEND_LATENCY)
    ).items():
        first, last = curves.ends(curve, "tokens")
        shares = select.by_subject(select.by_quantity(facts, SCORE_TIME))[name]
        near, far = curves.ends(shares, "tokens")
        said.append(
            f"{name}: {last.details['tokens']:,} tokens take "
            f"{quantity(last.value / first.value, '×')} as long as "
            f"{first.details['tokens']:,}, a score {near.value_text()} there and "
            f"{far.value_text()} here."
        )
    pages = [f for f in select.by_quantity(facts, PAGE_FAULTS) if f.value > 0]
    if pages:
        most = max(pages, key=lambda fact: fact.value)
        said.append(
            f"A call of {most.subject} at {most.details['tokens']:,} tokens is handed "
            f"{most.value:,.0f} new pages by the system."
        )
    return " ".join(said)


def _pages(axes: Axes, facts: Sequence[Record]) -> None:
    """Draw page faults from 0, or say that this system does not count them."""
    style.panel_title(axes, PAGES)
    if not facts:
        axes.text(0.5, 0.5, "not counted on this system", ha="center",
                  transform=axes.transAxes, color=style.QUIET)  # fmt: skip
        return
    curves.lines(axes, facts)
    most = max(record.value for record in facts)
    axes.set_ylim(-0.04 * max(most, 10), 1.1 * max(most, 10))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    scales.name(axes.yaxis, "pages", select.kinds(facts))


def _line(axes: Axes, size: Record) -> None:
    """Mark the size of the processor's cache, where it is drawn at all."""
    low, high = axes.get_ylim()
    if low < size.value < high:
        axes.axhline(size.value, color=style.QUIET, linewidth=1.2, linestyle=":")
        axes.annotate(
            f"processor's\ncache,\n{size.value_text()}", (0.02, size.value), ha="left",
            va="bottom", xycoords=("axes fraction", "data"), fontsize=8,
            color=style.QUIET,
        )  # fmt: skip
