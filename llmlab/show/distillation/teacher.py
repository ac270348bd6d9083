"""What is kept of a teacher's answers by their likeliest tokens, and what it costs."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from llmlab.core.records import Record
from llmlab.distillation.quantities import KEPT_BYTES, MASS, TRAINING_TIME
from llmlab.show import scales, select, style

ROOM = 1.3  # of the axis, for the numbers at the ends of the bars


@style.by_the_rules
def kept(
    result: Any, *, title: str = "What is kept of the teacher, and what steps cost then"
) -> Figure:
    """Draw the probability kept by k, and the seconds of the steps as bars.

    result: records "probability kept" and "kept logits, a token" by details["k"], and
    "time of the steps" by subject.
    """
    facts = select.checked(result, "result")
    fig, (left, right) = style.canvas(2, height=3.5, title=title)
    _masses(left, facts)
    _times(right, select.by_quantity(facts, TRAINING_TIME))
    return fig


def _masses(panel: Axes, facts: Sequence[Record]) -> None:
    rows = sorted(select.by_quantity(facts, MASS), key=lambda fact: fact.details["k"])
    sizes = {f.details["k"]: f for f in select.by_quantity(facts, KEPT_BYTES)}
    look = style.series(0)
    counts = [select.detail(fact, "k") for fact in rows]
    panel.plot(counts, [fact.value for fact in rows], look.marker, linestyle=look.line,
               color=look.color)  # fmt: skip
    for at, fact in enumerate(rows):
        k, last = fact.details["k"], at == len(rows) - 1
        words = sizes[k].value_text() if k in sizes else ""
        panel.annotate(
            words, (k, fact.value), (-4, 5) if last else (6, -13),
            textcoords="offset points", fontsize=8.5,
            ha="right" if last else "left",
        )  # fmt: skip
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_locator(FixedLocator(counts))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticklabels(list(map(str, counts)))
    least = min(fact.value for fact in rows)
    panel.set_ylim(max(0.0, least - 0.15 * (1 - least) - 0.03), 1.02)
    panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    panel.set_xlabel("k, tokens kept of each answer")
    scales.name(panel.yaxis, MASS.name, select.kinds(rows))
    style.panel_title(panel, "with the bytes for each token of text")


def _times(panel: Axes, rows: Sequence[Record]) -> None:
    names = [fact.subject for fact in rows]
    for row, fact in enumerate(rows):
        look = style.series(row)
        panel.barh(row, fact.value, 0.62, color=look.color, hatch=look.hatch,
                   edgecolor=style.CARD)  # fmt: skip
        panel.annotate(fact.value_text(), (fact.value, row), (5, 0), va="center",
                       textcoords="offset points", fontsize=8.5)  # fmt: skip
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_xlim(0, ROOM * max((fact.value for fact in rows), default=1))
    panel.tick_params(axis="y", length=0)
    steps = {fact.details.get("steps") for fact in rows}
    what = f"{steps.pop()} steps" if len(steps) == 1 else "the steps"
    scales.name(panel.xaxis, "seconds", select.kinds(rows))
    style.panel_title(panel, f"time of {what}")
    style.one_way(panel, "x")


def kept_alt(facts: Sequence[Record]) -> str:
    """Say how much is kept by k, in how many bytes, and what the steps took."""
    sizes = {f.details["k"]: f for f in select.by_quantity(facts, KEPT_BYTES)}
    masses = [
        f"{100 * fact.value:.1f} % by {fact.details['k']} tokens in "
        f"{sizes[fact.details['k']].value_text()}"
        for fact in select.by_quantity(facts, MASS)
    ]
    times = [
        f"{fact.subject}: {fact.value_text()}"
        for fact in select.by_quantity(facts, TRAINING_TIME)
    ]
    return (
        f"Probability kept of a teacher's answer: {', '.join(masses)}. Time of the "
        f"steps: {'; '.join(times)}."
    )
