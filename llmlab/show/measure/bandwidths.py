"""How fast memory is read, by how much is read again and again."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import READ_BANDWIDTH
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def bandwidth(
    records: Sequence[Record], *, title: str = "Read bandwidth by working set"
) -> Figure:
    """Draw read bandwidth against the working set, a curve for each subject.

    records: "B/s" with details["bytes"], the working set; and "B" (say a model's
    weights), drawn as upright lines to read the curve at. Others are left alone.
    ValueError: no curve, a record without its detail, a value not above 0.
    """
    records = select.checked(records)
    speeds, sizes = select.of_unit(records, "B/s"), select.of_unit(records, "B")
    if not speeds:
        raise ValueError("records hold no bandwidth in B/s; there is no curve to draw.")
    select.positive(speeds + sizes)
    fig, axes = style.canvas(height=3.6)
    count = curves.draw(axes, speeds, along="bytes", what=READ_BANDWIDTH.name)
    days = {each.date[:10] for each in speeds if each.date}
    note = f"measured on {days.pop()}" if len(days) == 1 else ""
    scales.logarithmic(axes.xaxis, "working set", "B", note)
    axes.set_title(title)
    for index, size in enumerate(sizes, start=count):
        _upright(axes, style.series(index), size)
    curves.legend(fig, axes)
    return fig


def _upright(axes: Axes, look: style.SeriesStyle, size: Record) -> None:
    label = f"{size.name} of {size.subject}" if size.subject else size.name
    axes.axvline(
        size.value, color=look.color, linestyle=look.line, linewidth=1.5,
        label=f"{label}, {size.value_text()}", marker=look.marker, markevery=[1],
        clip_on=False,
    )  # fmt: skip
