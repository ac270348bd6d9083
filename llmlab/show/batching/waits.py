"""Padding that counts, sentences that wait for company, and whose turn it is."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.batching.quantities import (
    AS_ALONE,
    BATCH_TIME,
    E2ES,
    ORDERED_MEAN,
    ORDERED_WORST,
)
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import bars, scales, select, style

SHARES = ("p50", "p95")
HIGH = 0.36  # of a bar; a row has two


@style.by_the_rules
def padded(
    result: Any, *, title: str = "Padded prompts: tokens as of each prompt alone"
) -> Figure:
    """Draw the share of equal tokens, a bar for each way to pad.

    result: records "tokens as each alone", the way as subject.
    """
    facts = select.needed(result, AS_ALONE)
    names = [fact.subject for fact in facts]
    fig, axes = style.canvas(height=bars.height(names), title=title)
    for row, fact in enumerate(facts):
        look = style.series(row)
        axes.barh(row, 100 * fact.value, bars.HIGH, color=look.color, hatch=look.hatch,
                  edgecolor=style.CARD)  # fmt: skip
        axes.annotate(fact.value_text(), (100 * fact.value, row), (6, 0), va="center",
                      textcoords="offset points", fontsize=9)  # fmt: skip
    axes.set_xlim(0, 115)
    axes.set_xticks(range(0, 101, 25))
    bars.rows(axes, names)
    scales.name(axes.xaxis, "tokens as of each prompt alone", "%", select.kinds(facts))
    return fig


def padded_alt(facts: Sequence[Record]) -> str:
    """Say the share of every way."""
    said = ["Share of tokens that are those of each prompt alone."]
    for fact in select.by_quantity(facts, AS_ALONE):
        said.append(f"{fact.subject}: {fact.value_text()}.")
    return " ".join(said)


@style.by_the_rules
def waiting(result: Any, *, title: str = "Sentences that wait for company") -> Figure:
    """Draw the time of a sentence by its longest wait, a panel for each load.

    result: records "E2E, p50" and "E2E, p95" with details["load"], how long one waits
    as subject, and "batch of sentences" with details["sentences"].
    """
    facts = select.needed(result, E2ES["p50"])
    costs = select.by_quantity(records.collect(result), BATCH_TIME)
    panels = list(dict.fromkeys(fact.details["load"] for fact in facts))
    names = list(dict.fromkeys(fact.subject for fact in facts))
    height = bars.height(names, extra=0.4)
    fig = style.card(style.WIDTH, height, title=title)
    axes = fig.subplots(1, 1 + len(panels), squeeze=False)[0]
    _costs(axes[0], costs)
    both = records.collect(result)
    for panel, load in zip(axes[1:], panels, strict=True):
        _pairs(panel, [
            [_of(both, E2ES[share].name, name, load) for share in SHARES]
            for name in names
        ])  # fmt: skip
        panel.set_yticks(range(len(names)), names if panel is axes[1] else [])
        style.panel_title(panel, f"load {load:g} (simulated)")
    return fig


def waiting_alt(facts: Sequence[Record]) -> str:
    """Say what batches cost, and both percentiles by load and wait."""
    said = ["Time of a sentence by how long it waits for company."]
    for cost in select.by_quantity(facts, BATCH_TIME):
        said.append(f"A batch of {cost.details['sentences']}: {cost.value_text()}.")
    for fact in select.by_quantity(facts, E2ES["p50"]):
        load = fact.details["load"]
        late = _of(facts, E2ES["p95"].name, fact.subject, load)
        said.append(
            f"Load {load:g}, {fact.subject}: p50 {fact.value_text()}, "
            f"p95 {late.value_text()}."
        )
    return " ".join(said)


@style.by_the_rules
def orders(
    result: Any, *, title: str = "Whose turn it is, under a heavy load"
) -> Figure:
    """Draw the mean and the worst wait of every order, a panel for each.

    result: records "wait for the first token, mean" and "…, worst", the order as
    subject.
    """
    means = select.needed(result, ORDERED_MEAN)
    worst = select.needed(result, ORDERED_WORST)
    names = [fact.subject for fact in means]
    fig, (left, right) = style.canvas(
        2, height=bars.height(names, extra=0.2), title=title, sharey=True
    )
    for panel, facts, word in (
        (left, means, "on average"), (right, worst, "who waits longest"),
    ):  # fmt: skip
        bars.draw(panel, facts, names, "wait for the first token")
        style.panel_title(panel, word)
    return fig


def orders_alt(facts: Sequence[Record]) -> str:
    """Say mean and worst wait of every order."""
    worst = {f.subject: f for f in select.by_quantity(facts, ORDERED_WORST)}
    said = ["Wait for the first token by order."]
    for fact in select.by_quantity(facts, ORDERED_MEAN):
        last = worst[fact.subject].value_text()
        said.append(f"{fact.subject}: mean {fact.value_text()}, worst {last}.")
    return " ".join(said)


def _costs(axes: Axes, costs: Sequence[Record]) -> None:
    """Draw the time of a batch against its sentences."""
    factor, unit = scales.shared([fact.value for fact in costs], "s")
    counts = [fact.details["sentences"] for fact in costs]
    axes.plot(counts, [fact.value / factor for fact in costs], "o-",
              color=style.series(3).color)  # fmt: skip
    scales.doubling(axes, "sentences", counts)
    axes.set_ylim(0, None)
    scales.name(axes.yaxis, "batch", unit, select.kinds(costs))
    style.panel_title(axes, BATCH_TIME.name)


def _pairs(axes: Axes, pairs: Sequence[Sequence[Record]]) -> None:
    """Draw p50 full and p95 pale below it, with their values."""
    values = [fact.value for pair in pairs for fact in pair]
    factor, unit = scales.shared(values, "s")
    for row, pair in enumerate(pairs):
        for place, fact in enumerate(pair):
            middle, end = row + (place - 0.5) * HIGH, fact.value / factor
            axes.barh(middle, end, HIGH, color=style.series(row).color,
                      alpha=(1, 0.45)[place])  # fmt: skip
            axes.annotate(fact.value_text(), (end, middle), (4, 0), va="center",
                          textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set_xlim(0, 1.45 * max(values) / factor)
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    scales.name(axes.xaxis, "p50, paler p95", unit)


def _of(facts: Sequence[Record], name: str, subject: str, load: float) -> Record:
    return next(
        fact for fact in facts
        if (fact.name, fact.subject, fact.details.get("load")) == (name, subject, load)
    )  # fmt: skip
