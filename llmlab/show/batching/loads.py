"""Latency against load: four ways to serve, what theory says, and two loads live."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.batching.quantities import IN_TIME, LITTLE, QUEUE_WAIT, TTFTS
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style

LEVEL = "usual"
ONE = "one by one"
THEORY, LIVE = "your formula", "live"


@style.by_the_rules
def load(
    result: Any, *, title: str = "What a load does to four ways to serve (simulated)"
) -> Figure:
    """Draw the time to first token, the wait by theory, and who is served in time.

    result: records "TTFT, p50" and "requests in time" with details["load"], "waiting
    time" of theory and simulation.
    """
    facts = records.collect(result)
    fig, (left, middle, right) = style.canvas(3, height=3.5, title=title)
    _curves(left, select.needed(result, TTFTS["p50"]))
    scales.logarithmic(left.yaxis, TTFTS["p50"].name, "s")
    _theory(middle, select.by_quantity(facts, QUEUE_WAIT))
    kept = [f for f in select.by_quantity(facts, IN_TIME)
            if f.details.get("level") == LEVEL]  # fmt: skip
    _curves(right, kept, factor=0.01)
    right.set_ylim(-3, 104)
    scales.name(right.yaxis, f"in time, {LEVEL} level", "%")
    for panel, word in (
        (left, "wait for the first token"), (middle, f"wait in line, {ONE}"),
        (right, "served in time"),
    ):  # fmt: skip
        style.panel_title(panel, word)
        scales.name(panel.xaxis, "load")
    handles, labels = left.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower left", ncols=5, columnspacing=1.2,
               handlelength=2.4)  # fmt: skip
    return fig


def load_alt(facts: Sequence[Record]) -> str:
    """Say the waits at both ends, and what theory and Little's law say."""
    said = ["Time to first token by load, as a share of what a full server can serve."]
    own = [f for f in select.by_quantity(facts, TTFTS["p50"]) if f.kind == "simulated"]
    for name, curve in select.by_subject(own).items():
        first, last = curves.ends(curve, "load")
        said.append(
            f"{name}: {first.value_text()} at {first.details['load']:g}, "
            f"{last.value_text()} at {last.details['load']:g}."
        )
    waits = select.by_quantity(facts, QUEUE_WAIT)
    for guess in (fact for fact in waits if fact.kind == "estimated"):
        for real in waits:
            if real.kind != "estimated" and real.details == guess.details:
                said.append(
                    f"Wait one by one at {real.details['load']:g}: "
                    f"{guess.value_text()} by your formula, {real.value_text()} "
                    "simulated."
                )
    for fact in select.by_quantity(facts, LITTLE):
        said.append(
            f"Live at {fact.details['load']:g} the engine held {fact.value:.2f} times "
            "the requests that Little's law expects."
        )
    return " ".join(said)


def _curves(axes: Axes, facts: Sequence[Record], *, factor: float = 1.0) -> None:
    """Draw a line for each policy; what ran live as open markers."""
    for index, (name, curve) in enumerate(select.by_subject(facts).items()):
        look = style.series(index)
        lines = [fact for fact in curve if fact.kind == "simulated"]
        curves.one(axes, look, name, lines, along="load", factor=factor, size=4.5)
        live = [fact for fact in curve if fact.kind == "measured"]
        if live:
            axes.plot([f.details["load"] for f in live],
                      [f.value / factor for f in live], "o", markersize=10,
                      markerfacecolor="none", markeredgecolor=look.color,
                      markeredgewidth=1.6, linestyle="none",
                      label=f"{name}, {LIVE}")  # fmt: skip
    axes.set_xlim(0, None)


def _theory(axes: Axes, facts: Sequence[Record]) -> None:
    """Draw the simulated wait, and the formula's as far as it has a bound."""
    told = [fact for fact in facts if fact.kind == "estimated"]
    bounded = {fact.details["load"] for fact in told}
    look, theory = style.series(0), style.series(4)
    real = [f for f in facts if f not in told and f.details["load"] in bounded]
    factor, unit = scales.shared([f.value for f in real] or [1.0], "s")
    if real:
        curves.one(axes, look, "simulated", real, along="load", factor=factor, size=5)
    if bounded:
        curves.one(axes, theory, THEORY, told, along="load",
                   factor=factor, size=5)  # fmt: skip
        axes.legend(loc="upper left")
    axes.set_xlim(0, None)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    scales.name(axes.yaxis, "mean wait", unit)
