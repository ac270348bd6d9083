"""Roofs of this machine, with a linear's path by tokens, or products in tiles."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import PEAK, READ_BANDWIDTH
from llmlab.core.records import Record, quantity
from llmlab.hardware.quantities import (
    KNEE,
    KNEE_RATIO,
    LINEAR_RATE,
    TILE_FEWER,
    TILE_LOADED,
    TILE_RATE,
)
from llmlab.show import curves, scales, select, style

NAMED = 4  # points of a path that say their tokens
BEYOND = (2.5, 2.5)  # times the outermost points, to the left and to the right


@style.by_the_rules
def crossing(result: Any, *, title: str = "One linear by tokens") -> Figure:
    """Draw the measured rate by arithmetic intensity below the roof of its format.

    result: records "rate of a linear", peak and read bandwidth of each format, and the
    "tokens at the knee", measured and estimated.
    """
    paths = select.by_subject(select.needed(result, LINEAR_RATE))
    knees = select.by_subject(select.needed(result, KNEE))
    fig, panels = style.canvas(
        len(paths), height=3.9, title=title, squeeze=False, sharey=True
    )
    every = [fact for path in paths.values() for fact in path]
    for axes, (name, path) in zip(panels[0], paths.items(), strict=True):
        roof = _limits(result, name)
        _axes(axes, every, select.needed(result, PEAK))
        _roof(fig, axes, *roof)
        _path(axes, curves.ordered(path, "tokens"))
        for knee in knees.get(name, []):
            _knee(axes, knee, roof)
        style.panel_title(axes, f"{name}, points by tokens")
    for axes in panels[0] if len(paths) > 1 else ():  # which have less room
        scales.name(axes.xaxis, "FLOPs per byte", "log scale")
    for axes in panels[0][1:]:
        axes.set_ylabel("")
    return fig


def crossing_alt(facts: Sequence[Record]) -> str:
    """Say the rates at both ends, the roof, and both knees of each format."""
    said = ["Rate of one linear layer by arithmetic intensity, below the roof."]
    knees = select.by_quantity(facts, KNEE)
    paths = select.by_subject(select.by_quantity(facts, LINEAR_RATE))
    for name, path in paths.items():
        few, many = curves.ends(path, "tokens")
        peak, bandwidth = _limits(facts, name)
        said.append(
            f"{name}: {few.value_text()} at {_tokens(few.details['tokens'])}, "
            f"{many.value_text()} at {_tokens(many.details['tokens'])}, under "
            f"{peak.value_text()} and {bandwidth.value_text()}."
        )
        for knee in (fact for fact in knees if fact.subject == name):
            said.append(f"Knee {_word(knee)} at {_tokens(knee.value)}.")
    for ratio in select.by_quantity(facts, KNEE_RATIO):
        said.append(f"{ratio.subject}: measured over expected {ratio.value:.2g} times.")
    return " ".join(said)


@style.by_the_rules
def tiles(result: Any, *, title: str = "Larger tiles climb the slope") -> Figure:
    """Draw the rate that tiles of each size allow, on the roof of this machine.

    result: records "rate that tiles allow" with details["tile"], a peak, a bandwidth.
    """
    path = curves.ordered(select.needed(result, TILE_RATE), "tile")
    loaded = {
        fact.details["tile"]: fact for fact in select.needed(result, TILE_LOADED)
        if fact.kind == "simulated"
    }  # fmt: skip
    fig, axes = style.canvas(height=3.9, title=title)
    _axes(axes, path, select.needed(result, PEAK))
    look = style.series(0)
    _roof(fig, axes, *_limits(result))
    x = [fact.details["intensity"] for fact in path]
    axes.plot(x, [f.value for f in path], look.marker, color=look.color, markersize=9)
    word = " loaded"
    for place, fact in zip(x, path, strict=True):
        tile = fact.details["tile"]
        axes.annotate(
            f"tile {tile}\n{loaded[tile].value:,.0f}{word}", (place, fact.value),
            (7, -5), textcoords="offset points", va="top", fontsize=8.5,
        )  # fmt: skip
        word = ""  # once is enough
    return fig


def tiles_alt(facts: Sequence[Record]) -> str:
    """Say elements loaded, and the rate that they allow, by tile."""
    said = ["Rate that a product in tiles can reach here, by arithmetic intensity."]
    counted = select.by_quantity(facts, TILE_LOADED)
    loaded = {f.details["tile"]: f.value for f in counted if f.kind == "simulated"}
    for fact in select.by_quantity(facts, TILE_RATE):
        tile = fact.details["tile"]
        said.append(
            f"Tile {tile}: {loaded[tile]:,.0f} elements loaded, {fact.value_text()}."
        )
    for fewer in select.by_quantity(facts, TILE_FEWER)[-1:]:
        said.append(
            f"Tile {fewer.details['tile']} loads {fewer.value:.3g} times fewer."
        )
    return " ".join(said)


def _limits(result: Any, name: str = "") -> tuple[Record, Record]:
    """Return peak and bandwidth of a format, or the only ones."""
    both = [
        [f for f in select.needed(result, what) if not name or f.subject == name]
        for what in (PEAK, READ_BANDWIDTH)
    ]
    if not all(both):
        raise ValueError(
            f"result has no roof of {name!r}; it needs a peak and a read bandwidth."
        )
    return both[0][0], both[1][0]


def _axes(axes: Axes, path: Sequence[Record], peaks: Sequence[Record]) -> None:
    select.positive(path)
    scales.logarithmic(axes.xaxis, "arithmetic intensity", "1", "FLOPs per byte")
    scales.logarithmic(axes.yaxis, "rate", "FLOP/s", select.kinds(path))
    x = [select.detail(fact, "intensity") for fact in path]
    axes.set_xlim(min(x) / BEYOND[0], max(x) * BEYOND[1])
    low = min(fact.value for fact in path)
    axes.set_ylim(low / 3, max(peak.value for peak in peaks) * 3)


def _roof(fig: Figure, axes: Axes, peak: Record, slope: Record) -> None:
    left, right = axes.get_xlim()
    ridge = peak.value / slope.value
    axes.plot([left, ridge, right], [left * slope.value, peak.value, peak.value],
              color=style.QUIET, linewidth=1.3)  # fmt: skip
    axes.annotate(
        f"peak, {peak.value_text()}", (right, peak.value), (-4, 6),
        textcoords="offset points", ha="right", va="bottom", fontsize=8.5,
    )  # fmt: skip
    _along(fig, axes, f"memory, {slope.value_text()}", slope.value, left)


def _along(fig: Figure, axes: Axes, text: str, rate: float, left: float) -> None:
    """Write along the slope; its angle is known once all is laid out."""
    fig.draw_without_rendering()
    ends = [(x, x * rate) for x in (left * 1.1, left * 11)]
    (x0, y0), (x1, y1) = axes.transData.transform(ends)
    axes.annotate(
        text, ends[0], (3, 5), textcoords="offset points", fontsize=8.5,
        color=style.QUIET, rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)),
        rotation_mode="anchor", va="bottom",
    ).set_in_layout(False)  # fmt: skip


def _path(axes: Axes, path: Sequence[Record]) -> None:
    x, y = [f.details["intensity"] for f in path], [f.value for f in path]
    look = style.series(0)
    axes.plot(x, y, look.marker, linestyle=look.line, linewidth=1.2, color=look.color,
              markersize=5)  # fmt: skip
    every = max(1, math.ceil((len(path) - 1) / (NAMED - 1)))
    for place, fact in [*zip(zip(x, y, strict=True), path, strict=True)][::every]:
        axes.annotate(
            f"{fact.details['tokens']}", place, (3, -6), textcoords="offset points",
            ha="left", va="top", fontsize=8.5, color=look.color,
        )  # fmt: skip


def _knee(axes: Axes, knee: Record, roof: tuple[Record, Record]) -> None:
    """Mark a knee: the expected one where the roof bends, the measured one below."""
    x, look = knee.details["intensity"], style.series(1)
    top = min(roof[0].value, roof[1].value * x)
    if knee.kind != "measured":
        axes.plot([x], [top], "o", markersize=10, markerfacecolor="none",
                  markeredgecolor=style.INK, markeredgewidth=1.4)  # fmt: skip
        axes.annotate(f"{_tokens(knee.value)}\nexpected", (x, top), (-8, 6),
                      textcoords="offset points", ha="right", fontsize=8.5)  # fmt: skip
        return
    bottom = axes.get_ylim()[0]
    axes.plot([x, x], [bottom, top], color=look.color, linestyle=(0, (2, 2)),
              linewidth=1.6)  # fmt: skip
    axes.annotate(
        f"knee measured:\n{_tokens(knee.value)}", (x, bottom), (5, 5),
        textcoords="offset points", fontsize=8.5,
    )  # fmt: skip


def _word(knee: Record) -> str:
    return "measured" if knee.kind == "measured" else "expected"


def _tokens(count: float) -> str:
    return "1 token" if count == 1 else quantity(round(count, 1), "token")
