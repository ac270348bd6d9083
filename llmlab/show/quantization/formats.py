"""Prefill and decode by number format, each beside the three bounds of its own."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style
from llmlab.show.measure.phases import BOUNDS, MEASURED, ORDER, Step, heading, steps_of


@style.by_the_rules
def format_bounds(
    records: Sequence[Record], *, title: str = "Number formats and their bounds"
) -> Figure:
    """Draw for each format the measured time as a bar, its three bounds as marks.

    records: as for `bounds`, in seconds, the format as subject; "prefill latency" and
    "decode latency per token" of each. The smallest batch counts. Others are left
    alone. ValueError: no format with all of it.
    """
    steps = steps_of(select.checked(records))
    panels = {phase: rows for phase in MEASURED if (rows := _rows(steps, phase))}
    if not panels:
        raise ValueError(
            f"records hold no step with all of {', '.join(BOUNDS)} and its "
            f"{' or '.join(map(repr, MEASURED.values()))}, of the same subject."
        )
    count = max(map(len, panels.values()))
    fig, axes = style.canvas(
        len(panels), height=1.7 + 0.36 * count, title=title, squeeze=False
    )
    for panel, (phase, rows) in zip(axes.flat, panels.items(), strict=True):
        _draw(panel, phase, rows)
    for panel in axes.flat[1:]:
        panel.set_yticklabels([])
    curves.legend(fig, axes.flat[0])
    return fig


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
    factor, word = scales.shared([record.value for record in every], "s")
    for row, step in enumerate(rows.values()):
        time = step["measured"]
        axes.barh(row, time.value / factor, height=0.62, color=style.GRID,
                  edgecolor=style.QUIET, linewidth=0.8,
                  label="" if row else select.kinds([time]))  # fmt: skip
        curves.interval(axes, time, row, factor)
        for index, name in enumerate(ORDER):
            look = style.series(index)
            axes.plot(step[name].value / factor, row, look.marker, color=look.color,
                      markersize=7, linestyle="none", clip_on=False, zorder=4,
                      label="" if row else name)  # fmt: skip
        end = time.value if time.high is None else time.high
        axes.annotate(time.value_text(), (end / factor, row), (5, 0), va="center",
                      textcoords="offset points", fontsize=9)  # fmt: skip
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first on top
    right = axes.get_xlim()[1] * 1.24  # room for the numbers
    axes.set_xlim(-0.03 * right, right)  # and for marks near nothing
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    bounds = [step[name] for step in rows.values() for name in ORDER]
    scales.name(axes.xaxis, "time", word, f"bounds are {select.kinds(bounds)}")
    first = next(iter(rows.values()))
    style.panel_title(axes, heading(phase, [first["measured"]]))
