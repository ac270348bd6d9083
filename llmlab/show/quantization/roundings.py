"""Rounding error against what a weight takes: number formats side by side."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.quantization.quantities import BITS_PER_WEIGHT, ROUNDING_ERROR
from llmlab.show import scales, select, style

SIZE = BITS_PER_WEIGHT.name  # a detail of the error


@style.by_the_rules
def rounding_errors(
    records: Sequence[Record], *, title: str = "Rounding error by size"
) -> Figure:
    """Draw relative errors against bits per weight, a curve for each subject.

    records: "rounding error" with details["bits per weight"], scales included. Points
    with details["format"] stand alone, the word beside them. Others are left alone.
    ValueError: none of them, a missing detail, a value not above 0.
    """
    errors = select.by_quantity(select.checked(records), ROUNDING_ERROR)
    if not errors:
        raise ValueError(
            f"records hold no {ROUNDING_ERROR.name!r}; floats.error measures it."
        )
    select.positive(errors)
    fig, axes = style.canvas(height=3.9)
    for index, (name, group) in enumerate(select.by_subject(errors).items()):
        _draw(axes, style.series(index), name, group)
    sizes = [select.detail(record, SIZE) for record in errors]
    scales.doubling(axes, f"{SIZE}, scales included", [2, 3, 4, 6, 8, 16])
    axes.set_xlim(min(sizes) / 1.12, max(sizes) * 1.25)
    scales.logarithmic(axes.yaxis, ROUNDING_ERROR.name, "1", select.kinds(errors))
    scales.fill_ticks(axes.yaxis)
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=2)
    return fig


def _draw(
    axes: Axes, look: style.SeriesStyle, name: str, group: Sequence[Record]
) -> None:
    group = sorted(group, key=lambda record: select.detail(record, SIZE))
    x = [record.details[SIZE] for record in group]
    y = [record.value for record in group]
    line = "none" if "format" in group[0].details else look.line
    axes.plot(x, y, look.marker, linestyle=line, color=look.color, label=name)
    for at, error, record in zip(x, y, group, strict=True):
        if "format" in record.details:
            axes.annotate(record.details["format"], (at, error), (6, 4), fontsize=8.5,
                          textcoords="offset points", color=look.color)  # fmt: skip
