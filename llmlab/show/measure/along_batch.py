"""Which bound rules a step, as something grows: the batch, the context."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style
from llmlab.show.measure.phases import BOUNDS


@style.by_the_rules
def regimes(
    records: Sequence[Record],
    *,
    along: str = "batch",
    at: float | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "Three bounds and the measured time",
) -> Figure:
    """Draw the three bounds as lines along a detail, with the measured points on them.

    records: bounds and measured times of one model and phase, in seconds; what is no
    bound is drawn as a star. along: a number in the details. at: where a band
    marks the choice. limits: seconds, lowest and highest of the time axis, so that
    several pictures compare.
    ValueError: no bounds, two records for one place, one without the detail, a time
    not above 0.
    """
    records = select.of_unit(select.checked(records), "s")
    select.positive(records)
    if not select.by_quantity(records, *BOUNDS):
        raise ValueError(f"records hold none of {', '.join(BOUNDS)}, in seconds.")
    _one_each(records, along)
    fig, axes = style.canvas(height=3.5)
    points = sorted({select.detail(record, along) for record in records})
    if at is not None:
        axes.axvspan(at / 2**0.25, at * 2**0.25, color=style.BAND, zorder=0)
    _lines(axes, records, along)
    kinds = select.kinds(select.by_quantity(records, *BOUNDS))
    scales.logarithmic(axes.yaxis, "time", "s", f"bounds are {kinds}")
    scales.doubling(axes, along, points)
    axes.set_ylim(*(limits or scales.room([record.value for record in records])))
    axes.set_xlim(points[0] / 2**0.5, points[-1] * 2**0.5)
    scales.fill_ticks(axes.yaxis)
    axes.set_title(title)
    curves.legend(fig, axes)
    return fig


def _one_each(records: Sequence[Record], along: str) -> None:
    places = [(record.name, select.detail(record, along)) for record in records]
    for name, value in places:
        if places.count((name, value)) > 1:
            raise ValueError(
                f"records hold {name!r} twice for {along} {value}; choose those of one "
                "model and one phase."
            )


def _lines(axes: Axes, records: Sequence[Record], along: str) -> None:
    for index, name in enumerate(BOUNDS):
        x, y = _curve(select.by_quantity(records, name), along)
        look = style.series(index)
        axes.plot(x, y, look.marker, color=look.color, linestyle=look.line,
                  markersize=4.5, label=name)  # fmt: skip
    measured = [record for record in records if record.name not in BOUNDS]
    if measured:
        look = style.series(4)
        axes.plot(*_curve(measured, along), "*", color=look.color, markersize=13,
                  markeredgecolor=style.CARD, label=select.kinds(measured))  # fmt: skip


def _curve(records: Sequence[Record], along: str) -> tuple[list[Any], list[float]]:
    ordered = sorted(records, key=lambda record: record.details[along])
    return [r.details[along] for r in ordered], [r.value for r in ordered]
