"""What layers cost by length: to read, to write, to allocate, to keep.

Where the curve of attention meets another one, a ring marks it, with the length.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import (
    CROSSING,
    SCAN_LATENCY,
    SLOPE,
    STATE,
)
from llmlab.core.quantities import DECODE_LATENCY, PREFILL_LATENCY, Quantity
from llmlab.core.records import Record, collect
from llmlab.show import curves, scales, select, style

PANELS = {  # what is drawn -> the heading, the word beside the axis
    PREFILL_LATENCY: ("reading a text", "time"),
    DECODE_LATENCY: ("writing a token", "time"),
    STATE: ("kept for the next", "memory"),
}


@style.by_the_rules
def costs(
    result: Any, *, title: str = "What it costs to read, and what it costs to write"
) -> Figure:
    """Draw three costs by length as small multiples, a curve for each layer.

    result: "prefill latency", "decode latency per token" and "state" with
    details["tokens"]; a "crossing" with details["of"] is ringed on the curve of
    the layer that its subject names first. ValueError: one of the three is missing.
    """
    facts = select.checked(collect(result))
    fig, panels = style.canvas(len(PANELS), height=3.3, title=title)
    looks = _looks(facts)
    for axes, (what, words) in zip(panels, PANELS.items(), strict=True):
        drawn = select.by_quantity(facts, what)
        if not drawn:
            raise ValueError(f"records hold no {what.name!r}, which a panel shows.")
        _panel(axes, drawn, looks, *words)
        mark(axes, facts, what)
    curves.legend(fig, panels[0])
    return fig


@style.by_the_rules
def scans(result: Any, *, title: str = "A loop, and a scan, by length") -> Figure:
    """Draw the times of scans by length; crossings are ringed as in `costs`."""
    facts = select.checked(collect(result))
    drawn = select.by_quantity(facts, SCAN_LATENCY)
    if not drawn:
        raise ValueError(f"records hold no {SCAN_LATENCY.name!r}; there is no curve.")
    fig, axes = style.canvas(height=2.7)
    _panel(axes, drawn, _looks(drawn), title, "time")
    axes.set_title(title)
    mark(axes, facts, SCAN_LATENCY)
    curves.legend(fig, axes)
    return fig


def mark(axes: Axes, facts: Sequence[Record], of: Quantity) -> None:
    """Ring every crossing of a quantity, and write the length beside it."""
    by_name = select.by_subject(select.by_quantity(facts, of))
    place = 0
    for crossing in select.by_quantity(facts, CROSSING):
        name, _, other = crossing.subject.partition(" against ")
        if crossing.details.get("of", of.name) != of.name or name not in by_name:
            continue
        x, y = crossing.value, _height(by_name[name], crossing.value)
        axes.plot([x], [y], "o", markersize=11, markerfacecolor="none",
                  markeredgecolor=style.INK, markeredgewidth=1.4)  # fmt: skip
        axes.annotate(
            f"meets {other}: {x:,.0f} tokens", (0.03, 0.97 - 0.08 * place), va="top",
            xycoords="axes fraction", fontsize=8, color=style.INK,
        )  # fmt: skip
        axes.axvline(x, ymax=0.72, color=style.QUIET, linewidth=0.8, linestyle=":")
        place += 1
    if place:
        axes.set_ylim(axes.get_ylim()[0], axes.get_ylim()[1] * 3**place)


def costs_alt(facts: Sequence[Record]) -> str:
    """Say both times of every layer at the ends, their slopes, and where they cross."""
    said = ["What layers cost by the length of the text, on logarithmic axes."]
    for what in (PREFILL_LATENCY, DECODE_LATENCY):
        slopes = {
            fact.subject: fact
            for fact in select.by_quantity(facts, SLOPE)
            if fact.details.get("of") == what.name
        }
        for name, curve in select.by_subject(select.by_quantity(facts, what)).items():
            said.append(f"{PANELS[what][0].capitalize()}, {name}: {_run(curve)}")
            if name in slopes:
                said[-1] += f" (slope {slopes[name].value:.2f})"
            said[-1] += "."
    return " ".join([*said, *_crossings(facts)])


def scans_alt(facts: Sequence[Record]) -> str:
    """Say the times of every scan at the ends, and where they cross."""
    by_name = select.by_subject(select.by_quantity(facts, SCAN_LATENCY))
    said = [f"{name}: {_run(curve)}." for name, curve in by_name.items()]
    return " ".join(["Times of scans by length.", *said, *_crossings(facts)])


def _crossings(facts: Sequence[Record]) -> list[str]:
    drawn = select.by_quantity(facts, CROSSING)
    return [
        f"{fact.subject.replace(' against ', ' and ')} cross at about "
        f"{fact.value:,.0f} tokens ({fact.details.get('of', '')})."
        for fact in drawn
    ] or ["No curves cross in this range."]


def _run(curve: Sequence[Record]) -> str:
    ordered = sorted(curve, key=lambda record: select.detail(record, "tokens"))
    first, last = ordered[0], ordered[-1]
    return (
        f"{first.value_text()} at {first.details['tokens']:,} tokens, "
        f"{last.value_text()} at {last.details['tokens']:,}"
    )


def _looks(facts: Sequence[Record]) -> dict[str, style.SeriesStyle]:
    timed = select.by_quantity(facts, PREFILL_LATENCY, SCAN_LATENCY)
    return {
        name: style.series(index)
        for index, name in enumerate(select.by_subject(timed or facts))
    }


def _panel(
    axes: Axes, facts: Sequence[Record], looks: dict, heading: str, word: str
) -> None:
    select.positive(facts)
    for name, curve in select.by_subject(facts).items():
        ordered = sorted(curve, key=lambda record: select.detail(record, "tokens"))
        x, y = [f.details["tokens"] for f in ordered], [f.value for f in ordered]
        look = looks[name]
        axes.plot(x, y, look.marker, linestyle=look.line, color=look.color, label=name,
                  markersize=5, linewidth=1.5)  # fmt: skip
        if any(record.low is not None for record in ordered):
            axes.errorbar(x, y, yerr=curves.error_bars(ordered), fmt="none",
                          ecolor=look.color, elinewidth=1.2, capsize=2)  # fmt: skip
    scales.logarithmic(axes.yaxis, word, facts[0].unit, select.kinds(facts))
    scales.doubling(axes, "length (tokens)", _every_other(facts))
    axes.set_ylim(*scales.room([record.value for record in facts]))
    scales.fill_ticks(axes.yaxis)
    style.panel_title(axes, heading)


def _every_other(facts: Sequence[Record]) -> list[float]:
    """Return the lengths that are named: the longest, and every other one from it."""
    lengths = sorted({record.details["tokens"] for record in facts})
    return lengths if len(lengths) < 5 else lengths[::-1][::2]


def _height(curve: Sequence[Record], x: float) -> float:
    """Return the height of a curve between its points, both axes logarithmic."""
    points = sorted((select.detail(record, "tokens"), record.value) for record in curve)
    for (left, low), (right, high) in pairwise(points):
        if left <= x <= right:
            share = math.log(x / left) / math.log(right / left)
            return low * (high / low) ** share
    return points[-1][1] if x > points[-1][0] else points[0][1]
