"""Costs by the length of the text, on axes on which a power is a straight line."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import SLOPE
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style

WHAT = {"s": "time", "B": "memory"}


@style.by_the_rules
def lengths(
    records: Sequence[Record],
    of: Quantity | str,
    *,
    along: str = "tokens",
    title: str | None = None,
) -> Figure:
    """Draw one cost against the length on logarithmic axes, a curve for each subject.

    of: what to draw, such as "prefill latency", with details[along].
    A "slope" of the same thing, with details["of"], is drawn as a thin line over the
    range that it was fitted to and written into the legend. Others are left alone.
    ValueError: none of that name, a record without the detail, a value not above 0.
    """
    records, name = select.checked(records), str(of)
    costs = select.by_quantity(records, name)
    if not costs:
        names = ", ".join(sorted({record.name for record in records}))
        raise ValueError(f"records hold no {name!r}; choose one of {names}.")
    select.positive(costs)
    slopes = {
        record.subject: record
        for record in select.by_quantity(records, SLOPE)
        if record.details.get("of", name) == name
    }
    fig, axes = style.canvas(height=4.2)
    for index, (subject, curve) in enumerate(select.by_subject(costs).items()):
        _draw(axes, style.series(index), subject, curve, slopes.get(subject), along)
    unit = costs[0].unit
    what = WHAT.get(unit, name)
    scales.logarithmic(axes.yaxis, what, unit, select.kinds(costs))
    scales.doubling(
        axes, f"length ({along})", [record.details[along] for record in costs]
    )
    axes.set_ylim(*scales.room([record.value for record in costs]))
    scales.fill_ticks(axes.yaxis)
    axes.set_title(title or f"{name[0].upper()}{name[1:]} by length")
    _legend(fig, axes)
    return fig


def _draw(axes: Axes, look, name: str, curve, slope: Record | None, along: str) -> None:
    curve = sorted(curve, key=lambda record: select.detail(record, along))
    x = [record.details[along] for record in curve]
    y = [record.value for record in curve]
    label = name if slope is None else f"{name}: slope {_spoken(slope)}"
    axes.plot(x, y, look.marker, linestyle=look.line, color=look.color, label=label)
    if any(record.low is not None for record in curve):
        axes.errorbar(x, y, yerr=curves.error_bars(curve), fmt="none",
                      ecolor=look.color, elinewidth=1.2, capsize=2.5)  # fmt: skip
    if slope is not None:
        ends = [select.detail(slope, "from"), select.detail(slope, "to")]
        factor = select.detail(slope, "factor")
        axes.plot(ends, [factor * end**slope.value for end in ends], "-",
                  color=look.color, linewidth=5, alpha=0.18, zorder=1)  # fmt: skip


def _spoken(slope: Record) -> str:
    numbers = [slope.value, slope.low, slope.high]
    words = [
        f"{number:.2f}".replace("-0.00", "0.00")
        for number in numbers
        if number is not None
    ]
    value, *interval = (word.replace("-", "−") for word in words)
    return f"{value} ({' to '.join(interval)})" if interval else value


def _legend(fig: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = 2 if max(map(len, labels)) > 20 else 4
    fig.legend(handles, labels, loc="outside lower left", ncols=columns)
