"""Curves of records: a line and a marker for each subject, intervals as whiskers."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.show import scales, select, style


def draw(axes: Axes, records: Sequence[Record], *, along: str, what: str) -> int:
    """Draw values against a detail, from 0, on one scale; return how many curves.

    along: the key of the details. ValueError: a record without it, more curves than
    can be told apart.
    """
    factor, word = scales.shared([record.value for record in records], records[0].unit)
    groups = select.by_subject(records)
    for index, (name, curve) in enumerate(groups.items()):
        _curve(axes, style.series(index), name, curve, along, factor)
    scales.name(axes.yaxis, what, word, select.kinds(records))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.06)
    return len(groups)


def _curve(axes: Axes, look, name: str, curve, along: str, factor: float) -> None:
    curve = sorted(curve, key=lambda record: select.detail(record, along))
    x = [record.details[along] for record in curve]
    y = [record.value / factor for record in curve]
    axes.plot(x, y, look.marker, linestyle=look.line, color=look.color, label=name)
    if any(record.low is not None for record in curve):
        axes.errorbar(x, y, yerr=error_bars(curve, factor), fmt="none",
                      ecolor=look.color, elinewidth=1.2, capsize=2.5)  # fmt: skip


def error_bars(records: Sequence[Record], factor: float = 1.0) -> list[list[float]]:
    """Return the distances from value to low and high, 0 where there is no interval."""
    down = [r.value - (r.value if r.low is None else r.low) for r in records]
    up = [(r.value if r.high is None else r.high) - r.value for r in records]
    return [[max(0, end) / factor for end in ends] for ends in (down, up)]


def interval(axes: Axes, record: Record, row: float, factor: float) -> None:
    """Draw the interval of one bar that lies in this row."""
    if record.low is not None:
        axes.errorbar(record.value / factor, row, xerr=error_bars([record], factor),
                      fmt="none", ecolor=style.QUIET, capsize=3)  # fmt: skip


def legend(fig: Figure, axes: Axes) -> None:
    """Name the curves below the picture, where there is more than one."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        fig.legend(handles, labels, loc="outside lower left", ncols=4)
