"""Prefill and decode of a model in several formats, each beside its three bounds."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from llmlab.core import records
from llmlab.core.records import Record, quantity
from llmlab.show import curves, scales, select, style
from llmlab.show.measure.phases import BOUNDS, MEASURED, ORDER, Step, heading, steps_of


@style.by_the_rules
def format_bounds(
    result: Any, *, title: str = "Number formats: time, and times the largest bound"
) -> Figure:
    """Draw for each format the measured time and its three bounds, on a log axis.

    The largest bound is filled, since it alone counts; beside the time stands how many
    times that bound it is.

    result: records of the bounds, in seconds, the format as subject; "prefill latency"
    and "decode latency per token" of each. A line leads from the largest bound to the
    measured time: what is left to gain. The smallest batch counts. Others are left
    alone. ValueError: no format with all of it.
    """
    panels = _panels(records.collect(result))
    if not panels:
        raise ValueError(
            f"result holds no records of a step with all of {', '.join(BOUNDS)} and "
            f"its {' or '.join(map(repr, MEASURED.values()))}, of the same subject."
        )
    count = max(map(len, panels.values()))
    fig, axes = style.canvas(
        len(panels), height=1.5 + 0.3 * count, title=title, squeeze=False
    )
    for panel, (phase, rows) in zip(axes.flat, panels.items(), strict=True):
        _draw(panel, phase, rows)
    for panel in axes.flat[1:]:
        panel.set_yticklabels([])
    curves.legend(fig, axes.flat[0])
    return fig


def format_bounds_alt(facts: Sequence[Record]) -> str:
    """Say for every phase and format the time, the largest bound, and the ratio."""
    said = ["Measured times of formats beside their bounds."]
    for phase, rows in _panels(facts).items():
        words = []
        for name, step in rows.items():
            bound = _largest(step)
            times = quantity(step["measured"].value / bound.value, "×")
            words.append(
                f"{name} {step['measured'].value_text()}, {times} its {bound.name}"
            )
        first = next(iter(rows.values()))["measured"]
        said.append(f"{heading(phase, [first])}: {'; '.join(words)}.")
    return " ".join(said)


def _largest(step: Step) -> Record:
    """Return the bound that no kernel can get below."""
    return max((step[name] for name in ORDER), key=lambda bound: bound.value)


def _panels(facts: Sequence[Record]) -> dict[str, dict[str, Step]]:
    steps = steps_of(facts)
    return {phase: rows for phase in MEASURED if (rows := _rows(steps, phase))}


def _rows(steps: dict, phase: str) -> dict[str, Step]:
    """Return the steps of one phase by format, of the smallest batch."""
    rows: dict[str, Step] = {}
    for place in sorted(steps, key=lambda place: place[2]):
        if place[1] == phase:
            rows.setdefault(place[0], steps[place])
    names = dict.fromkeys(subject for subject, *_ in steps)  # in their first order
    return {name: rows[name] for name in names if name in rows}


def _draw(axes: Axes, phase: str, rows: dict[str, Step]) -> None:
    every = [record for step in rows.values() for record in step.values()]
    select.positive(every)
    scales.logarithmic(axes.xaxis, "time", "s", "log scale")
    for row, step in enumerate(rows.values()):
        time, largest = step["measured"], _largest(step)
        axes.plot([largest.value, time.value], [row, row], color=style.GRID,
                  linewidth=5, solid_capstyle="butt", zorder=1)  # fmt: skip
        axes.plot(time.value, row, "|", color=style.INK, markersize=14,
                  markeredgewidth=2.4, label="" if row else "measured")  # fmt: skip
        curves.interval(axes, time, row, 1.0)
        for index, name in enumerate(ORDER):
            look, counts = style.series(index), step[name] is largest
            axes.plot(step[name].value, row, look.marker, color=look.color,
                      markersize=8 if counts else 5, linestyle="none", zorder=4,
                      markerfacecolor=look.color if counts else style.CARD,
                      alpha=1 if counts else 0.7)  # fmt: skip
        end = time.value if time.high is None else time.high
        said = f"{time.value_text()}, {quantity(time.value / largest.value, '×')}"
        axes.annotate(said, (end, row), (6, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
    for index, name in enumerate(ORDER):  # what the legend shows
        look = style.series(index)
        axes.plot([], [], look.marker, color=look.color, linestyle="none", label=name)
    axes.plot([], [], "o", color=style.QUIET, markerfacecolor=style.CARD, markersize=5,
              linestyle="none", label="hollow: not the largest")  # fmt: skip
    axes.plot([], [], color=style.GRID, linewidth=5, label="left to gain")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first on top
    _end_axis(axes, *scales.room([each.value for each in every], share=0.05))
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    bounds = [step[name] for step in rows.values() for name in ORDER]
    kind = select.kinds(bounds)
    scales.name(axes.xaxis, "time", "log scale", f"bounds are {kind}")
    first = next(iter(rows.values()))
    style.panel_title(axes, heading(phase, [first["measured"]]))


def _end_axis(axes: Axes, low: float, high: float) -> None:
    """End the axis where the data end; beyond is room for the numbers."""
    axes.set_xlim(low, high * (high / low) ** 0.55)
    axes.spines["bottom"].set_bounds(low, high)
    for locate, is_minor in (("set_major_locator", False), ("set_minor_locator", True)):
        ticks = axes.xaxis.get_ticklocs(minor=is_minor)
        inside = [at for at in ticks if low <= at <= high]
        getattr(axes.xaxis, locate)(FixedLocator(inside))
