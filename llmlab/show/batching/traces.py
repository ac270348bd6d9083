"""Traces and steps: what rows cost, how fast a trace is served, where streams stop."""

import itertools
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.batching.quantities import (
    AS_ALONE,
    GAP_RATIO,
    LONGEST_GAP,
    ROWS_GAIN,
    ROWS_RATE,
    ROWS_STEP,
    TOKEN_TIME,
    TRACE_GAIN,
    TRACE_RATE,
    TRACE_TIME,
)
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import bars, curves, scales, select, style

ALONE = "one by one"
BEFORE, AFTER = 0.35, 0.6  # of the longest gap, beside it


@style.by_the_rules
def rows(
    result: Any, *, title: str = "More rows a step: more tokens, later ones"
) -> Figure:
    """Draw tokens a second against the time of a token, a point for each step.

    result: records "tokens a second, all rows" and "time per token of a row" with
    details["rows"].
    """
    rates = curves.ordered(select.needed(result, ROWS_RATE), "rows")
    steps = curves.ordered(select.needed(result, ROWS_STEP), "rows")
    fig, axes = style.canvas(height=3.5, title=title)
    x_factor, x_unit = scales.shared([fact.value for fact in steps], "s")
    look = style.series(0)
    x, y = [s.value / x_factor for s in steps], [r.value for r in rates]
    axes.plot(x, y, look.marker, linestyle=look.line, color=look.color)
    if steps[0].low is not None:
        axes.errorbar(
            x, y, xerr=curves.error_bars(steps, x_factor), fmt="none",
            ecolor=look.color, elinewidth=1.2, capsize=2.5,
        )  # fmt: skip
    for fact, place in zip(rates, zip(x, y, strict=True), strict=True):
        axes.annotate(
            _rows(fact), place, (8, -11), textcoords="offset points", fontsize=9
        )
    axes.set_xlim(0, 1.18 * max(x))
    axes.set_ylim(0, 1.12 * max(y))
    scales.name(axes.xaxis, ROWS_STEP.name, x_unit, select.kinds(steps))
    scales.name(axes.yaxis, "all rows together", "tokens a second")
    return fig


def rows_alt(facts: Sequence[Record]) -> str:
    """Say tokens a second and time per token by rows, and the gain at the most rows."""
    rates = curves.ordered(select.by_quantity(facts, ROWS_RATE), "rows")
    steps = curves.ordered(select.by_quantity(facts, ROWS_STEP), "rows")
    said = ["Tokens a second of all rows against the time per token of a row."]
    for rate, step in zip(rates, steps, strict=True):
        said.append(f"{_rows(rate)}: {rate.value_text()}, {step.value_text()}.")
    for gain in select.by_quantity(facts, ROWS_GAIN)[-1:]:
        count = gain.details["rows"]
        said.append(f"With {count} rows {gain.value:.2g} times the tokens of one.")
    return " ".join(said)


def _rows(fact: Record) -> str:
    count = fact.details["rows"]
    return "1 row" if count == 1 else f"{count} rows"


@style.by_the_rules
def served(result: Any, *, title: str = "One trace, served in every way") -> Figure:
    """Draw tokens a second of each way, and how many times as fast it is.

    result: records "tokens written a second", the way as subject, and
    "trace, times as fast" with details["against"].
    """
    rates = select.needed(result, TRACE_RATE)
    names = [fact.subject for fact in rates]
    gains = _gains(result)
    fig, axes = style.canvas(height=bars.height(names), title=title)
    says = [_said(fact, gains) for fact in rates]
    bars.draw(axes, rates, names, "tokens written", says=says)
    axes.set_xlim(0, 1.3 * axes.get_xlim()[1])
    return fig


def served_alt(facts: Sequence[Record]) -> str:
    """Say how fast every way is, and whether its tokens are right."""
    gains = _gains(facts)
    right = {f.subject: f for f in select.by_quantity(facts, AS_ALONE)}
    times = {f.subject: f for f in select.by_quantity(facts, TRACE_TIME)}
    said = ["Tokens written a second by the way to serve a trace."]
    for fact in select.by_quantity(facts, TRACE_RATE):
        name = fact.subject
        took = f", {times[name].value_text()} in all" if name in times else ""
        same = f", {right[name].value:.1%} of its tokens right" if name in right else ""
        said.append(f"{name}: {_said(fact, gains)}{took}{same}.")
    return " ".join(said)


def _gains(result: Any) -> dict[str, Record]:
    own = select.by_quantity(records.collect(result), TRACE_GAIN)
    return {f.subject: f for f in own if f.details.get("against") == ALONE}


def _said(fact: Record, gains: dict[str, Record]) -> str:
    value = f"{fact.value:,.0f} tokens/s"
    if fact.subject not in gains:
        return value
    return f"{value}, {gains[fact.subject].value:.2f} × one by one"


@style.by_the_rules
def gaps(
    result: Any, *, title: str = "A long prompt comes while streams run"
) -> Figure:
    """Draw when every token of the streams came, a panel for each way to read.

    result: records "token of a stream came" with details["stream"], the way as subject,
    and "longest gap".
    """
    panels = select.by_subject(select.needed(result, TOKEN_TIME))
    waits = select.by_quantity(records.collect(result), LONGEST_GAP)
    longest = {fact.subject: fact for fact in waits}
    fig = style.card(style.WIDTH, 0.9 + 1.45 * len(panels), title=title)
    axes = fig.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    factor, unit = scales.shared([fact.value for fact in _together(panels)], "s")
    for index, (name, facts) in enumerate(panels.items()):
        panel = axes[index]
        _ticks(panel, facts, factor, style.series(index).color)
        words = f"{name}: longest gap {longest[name].value_text()}"
        style.panel_title(panel, words)
    ends = [_gap(facts)[1] for facts in panels.values()]
    most = max(ends + [longest[name].value for name in panels])
    axes[-1].set_xlim(-BEFORE * most / factor, (1 + AFTER) * most / factor)
    scales.name(axes[-1].xaxis, "time after the long prompt came", unit,
                select.kinds(_together(panels)))  # fmt: skip
    return fig


def gaps_alt(facts: Sequence[Record]) -> str:
    """Say the longest gap both ways, and how many times as long the one is."""
    said = ["Tokens of streams over time, while a long prompt is read."]
    for fact in select.by_quantity(facts, LONGEST_GAP):
        said.append(f"{fact.subject}: longest gap {fact.value_text()}.")
    for fact in select.by_quantity(facts, GAP_RATIO):
        said.append(f"{fact.subject}: {fact.value:.1f} times as long.")
    return " ".join(said)


def _together(panels: dict[str, list[Record]]) -> list[Record]:
    return [fact for facts in panels.values() for fact in facts]


def _ticks(axes: Axes, facts: Sequence[Record], factor: float, color: str) -> None:
    """Draw a tick for each token, and a band where a stream waited longest."""
    streams = sorted({fact.details["stream"] for fact in facts})
    times = [
        [f.value / factor for f in facts if f.details["stream"] == stream]
        for stream in streams
    ]
    start, end = (each / factor for each in _gap(facts))
    axes.axvspan(start, end, color=style.BAND, zorder=0)
    axes.eventplot(times, lineoffsets=streams, linelengths=0.7, linewidths=1.6,
                   colors=color)  # fmt: skip
    axes.axvline(0, color=style.INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_yticks(streams[:: len(streams) - 1 or 1])
    axes.set_ylim(len(streams) + 0.6, 0.4)
    axes.set_ylabel("stream")
    axes.tick_params(axis="y", length=0)
    axes.grid(False)


def _gap(facts: Sequence[Record]) -> tuple[float, float]:
    """Return where the longest gap of any stream begins and ends."""
    best = (0.0, 0.0)
    for stream in {fact.details["stream"] for fact in facts}:
        own = sorted(f.value for f in facts if f.details["stream"] == stream)
        pairs = [*itertools.pairwise(own), best]
        best = max(pairs, key=lambda pair: pair[1] - pair[0])
    return best
