"""Curves of records: a line and a marker for each subject, intervals as whiskers.

Every picture that shows values along something, such as the length of a text, draws its
curves here: from 0 on one scale, or on axes that are both logarithmic.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.show import scales, select, style

Looks = Mapping[str, style.SeriesStyle]  # by subject
MOST = 4  # lengths with a name; of more, only the ends and the middle


def draw(axes: Axes, records: Sequence[Record], *, along: str, what: str) -> int:
    """Draw values against a detail, from 0, on one scale; return how many curves.

    along: the key of the details. ValueError: a record without it, more curves than
    can be told apart.
    """
    factor, word = scales.shared([record.value for record in records], records[0].unit)
    groups = select.by_subject(records)
    for index, (name, curve) in enumerate(groups.items()):
        one(axes, style.series(index), name, curve, along=along, factor=factor)
    scales.name(axes.yaxis, what, word, select.kinds(records))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.06)
    return len(groups)


def by_length(
    axes: Axes,
    records: Sequence[Record],
    what: str,
    *,
    looks: Looks | None = None,
    along: str = "tokens",
) -> None:
    """Draw costs by the length of a text: a power of it is a straight line.

    what: the word beside the axis. looks: by subject, by default in their order.
    ValueError: a value not above 0, a record without its length.
    """
    select.positive(records)
    lines(axes, records, looks=looks, along=along)
    scales.logarithmic(axes.yaxis, what, records[0].unit, select.kinds(records))
    axes.set_ylim(*scales.room([record.value for record in records]))
    scales.fill_ticks(axes.yaxis)


def lines(
    axes: Axes,
    records: Sequence[Record],
    *,
    looks: Looks | None = None,
    along: str = "tokens",
) -> None:
    """Draw a curve for each subject over lengths that double."""
    for index, (name, curve) in enumerate(select.by_subject(records).items()):
        look = style.series(index) if looks is None else looks[name]
        one(axes, look, name, curve, along=along, size=5)
    lengths = sorted({record.details[along] for record in records})
    ends = [lengths[0], lengths[len(lengths) // 2], lengths[-1]]
    named = lengths if len(lengths) <= MOST else ends
    scales.doubling(axes, f"length ({along})", named)


def one(
    axes: Axes,
    look: style.SeriesStyle,
    name: str,
    records: Sequence[Record],
    *,
    along: str,
    factor: float = 1.0,
    size: float = 6,
) -> None:
    """Draw the curve of one subject; a whisker where a value has an interval."""
    curve = ordered(records, along)
    x = [record.details[along] for record in curve]
    y = [record.value / factor for record in curve]
    axes.plot(x, y, look.marker, linestyle=look.line, color=look.color, label=name,
              markersize=size)  # fmt: skip
    if any(record.low is not None for record in curve):
        axes.errorbar(x, y, yerr=error_bars(curve, factor), fmt="none",
                      ecolor=look.color, elinewidth=1.2, capsize=2.5)  # fmt: skip


def ordered(records: Sequence[Record], along: str) -> list[Record]:
    """Return the records of a curve from its beginning to its end."""
    return sorted(records, key=lambda record: select.detail(record, along))


def ends(records: Sequence[Record], along: str) -> tuple[Record, Record]:
    """Return the first and the last record of a curve."""
    curve = ordered(records, along)
    return curve[0], curve[-1]


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
        columns = 3 if len(labels) in (5, 6) else 4  # so that rows are about as full
        fig.legend(handles, labels, loc="outside lower left", ncols=columns)
