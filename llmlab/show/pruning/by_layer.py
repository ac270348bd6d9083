"""The influence of each layer beside what the model really loses without it."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from llmlab.core.records import Record
from llmlab.pruning.quantities import INFLUENCE, LOST
from llmlab.show import curves, scales, select, style
from llmlab.show.pruning.losses import ADDED, percent


@style.by_the_rules
def influences(
    result: Any, *, title: str = "Which layer is missed least, as forecast and in fact"
) -> Figure:
    """Draw a panel with the influence of each layer, and one with its loss.

    result: records "block influence" and "bits per byte added by pruning", the layer as
    subject. Losses stand on a logarithmic axis, because the first layer's is large.
    """
    facts = select.checked(result, "result")
    forecast = select.needed(facts, INFLUENCE)
    losses = {fact.subject: fact for fact in select.by_quantity(facts, LOST)}
    names = [fact.subject for fact in forecast]
    fig, (left, right) = style.canvas(
        2, height=1.5 + 0.34 * len(names), title=title, sharey=True
    )
    look, other = style.series(0), style.series(1)
    for row, fact in enumerate(forecast):
        left.barh(row, fact.value, color=look.color, height=0.6)
        left.annotate(f"{fact.value:.3f}", (fact.value, row), (5, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
        loss = losses[fact.subject]
        right.errorbar(loss.value, row, xerr=curves.error_bars([loss]), capsize=2.5,
                       fmt=other.marker, color=other.color, markersize=7)  # fmt: skip
        right.annotate(
            percent(loss.value), (loss.high or loss.value, row), (6, 0), va="center",
            textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.5, -0.5)
    left.set_xlim(0, 1.25 * max(fact.value for fact in forecast))
    scales.name(left.xaxis, INFLUENCE.name, "", select.kinds(forecast))
    style.panel_title(left, "forecast")
    select.positive(losses.values())
    right.set_xscale("log")
    shown = [end for f in losses.values() for end in (f.low, f.value) if end]
    ends = scales.room([end for end in shown if end > 0])
    right.set_xlim(ends[0] * 0.8, ends[1] * 2.5)
    right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    right.minorticks_off()
    scales.name(right.xaxis, f"{ADDED}, log scale", "", select.kinds(losses.values()))
    style.panel_title(right, "without this layer")
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        style.one_way(axes, "x")
    return fig


def influences_alt(facts: Sequence[Record]) -> str:
    """Say for every layer its influence and its loss, and whether both agree."""
    forecast = {fact.subject: fact for fact in select.by_quantity(facts, INFLUENCE)}
    losses = {fact.subject: fact for fact in select.by_quantity(facts, LOST)}
    said = [
        f"{name}: influence {fact.value:.3f}, {percent(losses[name].value)} without it"
        for name, fact in forecast.items()
    ]
    least = min(forecast, key=lambda name: forecast[name].value)
    missed = min(losses, key=lambda name: losses[name].value)
    end = (
        f"{least} has the least influence and is missed least"
        if least == missed
        else f"{least} has the least influence, but {missed} is missed least"
    )
    return f"Influence of each layer and the loss without it. {'; '.join(said)}. {end}."
