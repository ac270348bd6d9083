"""A weight's histogram with the levels of its grid, and what rounding to them costs."""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from llmlab.core.quantities import BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.quantization.quantities import ROUNDING_ERROR, SHARE_OF_WEIGHTS, STEP
from llmlab.show import scales, select, style
from llmlab.show.quantization import looks

TITLE = "A weight and the levels of its grid"
COSTS = (ROUNDING_ERROR, BITS_PER_BYTE)  # beside the histogram, where there are any
SPOKEN = {"tensor": "one scale for all", "channel": "a scale for each row"}


@style.by_the_rules
def levels(
    records: Sequence[Record],
    *,
    bits: int | None = None,
    group_size: str | None = None,
    title: str = TITLE,
) -> Figure:
    """Draw a histogram of weights, the levels of one choice, and the cost of all.

    records: "share of weights" with details low and high; "quantization step"
    with details bits, group size, first level, last level and levels; "rounding error"
    and "bits per byte" with bits and group size. bits, group_size: which grid;
    by default the first. Others are left alone. ValueError: no histogram, no such
    grid, a missing detail.
    """
    records = select.checked(records)
    shares, step = (
        select.by_quantity(records, SHARE_OF_WEIGHTS),
        chosen(records, bits, group_size),
    )
    if not shares:
        raise ValueError(
            f"records hold no {SHARE_OF_WEIGHTS.name!r}; levels.histogram gives them."
        )
    grids = {_place(each) for each in select.by_quantity(records, STEP)}
    costs = {
        what.name: tuple(
            cost for cost in select.by_quantity(records, what) if _place(cost) in grids
        )
        for what in COSTS
    }
    costs = {
        name: cost_records
        for name, cost_records in costs.items()
        if len(cost_records) > 1
    }
    fig, axes, beside = _panels(len(costs), title)
    draw_histogram(axes, shares)
    draw_levels(axes, step)
    style.panel_title(axes, spoken(step))
    for panel, (name, line) in zip(beside, costs.items(), strict=True):
        _cost(panel, name, line, step)
    legends = [panel.get_legend_handles_labels() for panel in (axes, *beside[:1])]
    handles, labels = (
        [*itertools.chain(*column)] for column in zip(*legends, strict=True)
    )
    fig.legend(handles, labels, loc="outside lower left", ncols=3)
    return fig


def _place(record: Record) -> tuple:
    """Return what was chosen, bits and group size; floats have neither."""
    return record.details.get("bits"), record.details.get("group size")


def _panels(count: int, title: str) -> tuple[Figure, Axes, list[Axes]]:
    """Return a card with one large panel, and so many small ones beside it."""
    fig = style.card(style.WIDTH, 3.6 if count else 3.3, title=title)
    if not count:
        return fig, fig.subplots(), []
    grid = fig.add_gridspec(count, 2, width_ratios=(1.9, 1))
    axes = fig.add_subplot(grid[:, 0])
    return fig, axes, [fig.add_subplot(grid[row, 1]) for row in range(count)]


def chosen(
    records: Sequence[Record], bits: int | None = None, group_size: str | None = None
) -> Record:
    """Return the step of one choice; ValueError if there is none."""
    step_records = select.by_quantity(records, STEP)
    for key, wished in (("bits", bits), ("group size", group_size)):
        known = list(
            dict.fromkeys(select.detail(record, key) for record in step_records)
        )
        wished = known[0] if wished is None and known else wished
        step_records = tuple(
            record for record in step_records if record.details[key] == wished
        )
        if not step_records:
            raise ValueError(
                f"records hold no {STEP.name!r} with {key} {wished}; choose one of "
                f"{known}."
            )
    return step_records[0]


def spoken(record: Record) -> str:
    """Say what a grid is: "4 bits, a scale for 32 weights"."""
    size = str(select.detail(record, "group size"))
    return f"{select.detail(record, 'bits')} bits, {size_spoken(size)}"


def size_spoken(size: str) -> str:
    return SPOKEN.get(size, f"a scale for {size} weights")


def draw_histogram(axes: Axes, shares: Sequence[Record]) -> None:
    """Draw the share of weights between each two ends."""
    shares = sorted(shares, key=lambda record: select.detail(record, "low"))
    edges = [record.details["low"] for record in shares]
    edges.append(select.detail(shares[-1], "high"))
    heights = [100 * record.value for record in shares]
    axes.stairs(heights, edges, fill=True, color="#9cb8dd", label="weights")
    axes.set_xlim(edges[0], edges[-1])  # the same for every grid
    axes.set_ylim(0, max(heights) * 1.08)
    scales.name(axes.yaxis, SHARE_OF_WEIGHTS.name, "%", select.kinds(shares))
    scales.name(axes.xaxis, "weight")
    style.one_way(axes, "y")


def draw_levels(axes: Axes, step: Record, *, label: str = "") -> None:
    """Draw the levels of a grid as upright lines."""
    count = select.detail(step, "levels")
    ends = (select.detail(step, "first level"), select.detail(step, "last level"))
    look = style.series(1)
    axes.vlines(
        np.linspace(*ends, count), 0, 1, transform=axes.get_xaxis_transform(),
        color=look.color, linewidth=float(np.clip(40 / count, 0.3, 1.6)),
        label=label or f"{count} levels of a middle group",
    )  # fmt: skip


def _cost(axes: Axes, name: str, records: Sequence[Record], step: Record) -> None:
    """Draw one cost by bits, a line for each group size, and ring the choice."""
    select.positive(records)
    sizes = list(
        dict.fromkeys(select.detail(record, "group size") for record in records)
    )
    place = [step.details[key] for key in ("bits", "group size")]
    for size in sizes:
        line = [record for record in records if record.details["group size"] == size]
        line = sorted(line, key=lambda record: select.detail(record, "bits"))
        look = looks.of_size(str(size), list(map(str, sizes)))
        x, y = (
            [record.details["bits"] for record in line],
            [record.value for record in line],
        )
        axes.plot(x, y, look.marker, linestyle=look.line, color=look.color,
                  markersize=4.5, label=size_spoken(str(size)))  # fmt: skip
        for at, cost in zip(x, y, strict=True):
            if [at, size] == place:
                axes.plot(at, cost, "o", color=style.SERIES[1].color, markersize=12,
                          markerfacecolor="none", markeredgewidth=2)  # fmt: skip
    scales.logarithmic(axes.yaxis, name, "1", select.kinds(records))
    axes.set_ylim(*scales.room([record.value for record in records], share=0.15))
    scales.fill_ticks(axes.yaxis)
    axes.set_ylabel("log scale", fontsize=8.5)
    by_bits(axes, sorted({record.details["bits"] for record in records}))
    style.panel_title(axes, f"{name} ({select.kinds(records)})")


def by_bits(axes: Axes, values: Sequence[float]) -> None:
    """Make an x axis of bits, with a tick at each that there is."""
    axes.xaxis.set_major_locator(FixedLocator(list(values)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scales.name(axes.xaxis, "bits")
