"""Where single timings fall, and what two of them may be said to differ by."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llmlab.core.records import Record, quantity
from llmlab.show import scales, select, style

MARKS = {  # statistic -> line style
    "median": "-",
    "mean": (0, (4, 2)),
    "95th percentile": (0, (1, 1.3)),
}
OUTLIER = 8  # times the median: from there a linear axis shows the outlier only


@style.by_the_rules
def latencies(
    samples: Mapping[str, Sequence[float]],
    *,
    title: str = "Every single timing",
    what: str = "time of one call",
) -> Figure:
    """Draw each timing as a dot, one strip a name, with median, mean and p95.

    samples: name -> seconds of each call, in the order they ran; a strip reads from
    top to bottom, so a slow start or a slow minute shows as a group.
    The percentile interpolates between neighbours, as numpy does.
    ValueError: nothing given, a name without timings, NaN, a time not above 0.
    """
    if not isinstance(samples, Mapping):
        raise ValueError(
            f"samples={samples!r:.60} must map names to lists of seconds, such as "
            "{'decode': waits}."
        )
    rows = {name: _timings(name, times) for name, times in samples.items()}
    if not rows:
        raise ValueError("samples is empty; give at least one name with its timings.")
    fig, axes = style.canvas(height=1.75 + 0.85 * len(rows))
    every = np.concatenate(list(rows.values()))
    is_wide = any(times.max() > OUTLIER * np.median(times) for times in rows.values())
    factor, word = (1.0, "") if is_wide else scales.shared(every, "s")
    note = "measured; height is order: the first on top"
    for index, (name, times) in enumerate(rows.items()):
        _strip(axes, index, name, times, factor)
    if is_wide:
        scales.logarithmic(axes.xaxis, what, "s", note)
        axes.set_xlim(*scales.room(every))
        scales.fill_ticks(axes.xaxis)
    else:
        scales.name(axes.xaxis, what, word, note)
        if len(rows) > 1:  # distances to zero compare as ratios
            axes.set_xlim(left=0)
    _finish_strips(axes, len(rows), title)
    return fig


def _timings(name: str, times: Sequence[float]) -> np.ndarray:
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or times.size == 0:
        raise ValueError(f"samples[{name!r}] holds no timings; give a list of seconds.")
    if (wrong := times[~np.isfinite(times) | (times <= 0)]).size:
        raise ValueError(
            f"samples[{name!r}] holds {wrong[0]}; a timing is a finite number of "
            "seconds above 0."
        )
    return times


def _strip(axes: Axes, row: int, name: str, times: np.ndarray, factor: float) -> None:
    look = style.series(row)
    height = np.linspace(-0.24, 0.24, times.size) if times.size > 1 else np.zeros(1)
    axes.plot(
        times / factor, row + height, look.marker, color=look.color, alpha=0.55,
        markersize=4.5 if times.size < 200 else 3, markeredgewidth=0, label=name,
    )  # fmt: skip
    values = (np.median(times), times.mean(), np.percentile(times, 95))
    for value, line in zip(values, MARKS.values(), strict=True):
        ends = [row - 0.33, row + 0.33]
        axes.plot([value / factor] * 2, ends, color=style.INK, linestyle=line)
    words = (quantity(value, "s") for value in values)
    text = "median {}   mean {}   p95 {}".format(*words)
    axes.text(
        0.995, row - 0.36, text, transform=axes.get_yaxis_transform(), ha="right",
        va="bottom", fontsize=8.5, color=style.QUIET,
    )  # fmt: skip


def _finish_strips(axes: Axes, rows: int, title: str) -> None:
    names = [line.get_label() for line in axes.lines if line.get_marker() != "None"]
    axes.set_yticks(range(rows), names)
    axes.set_ylim(rows - 0.5, -0.62)  # the first name on top
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    lines = [
        Line2D([], [], color=style.INK, linestyle=line, label=name)
        for name, line in MARKS.items()
    ]
    axes.set_title(title)
    axes.figure.legend(handles=lines, loc="outside lower right", ncols=len(lines))


@style.by_the_rules
def ratios(
    records: Sequence[Record], *, title: str = "Ratios with their 95 % intervals"
) -> Figure:
    """Draw ratios as a forest: a point and its interval each, against the line at 1.

    records: unit "1" or "×", with low and high. An interval across 1 is drawn hollow:
    it is no significant difference. details["verdict"] is written beside it if there.
    ValueError: no records, another unit, no interval, a bound not above 0.
    """
    records = select.checked(records)
    for record in records:
        _check_ratio(record)
    fig, axes = style.canvas(height=1.5 + 0.42 * len(records))
    axes.axvline(1, color=style.QUIET, linewidth=1.2)
    for row, record in enumerate(records):
        _ratio(axes, row, record)
    ends = [bound for record in records for bound in (record.low, record.high, 1.0)]
    note = f"{select.kinds(records)}; 1 is equal"
    scales.logarithmic(axes.xaxis, "ratio", "1", note)
    axes.set_xlim(*scales.room(ends, share=0.12))
    scales.fill_ticks(axes.xaxis)
    names = [record.subject or record.name for record in records]
    axes.set_yticks(range(len(records)), names)
    axes.set_ylim(len(records) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    axes.set_title(title)
    return fig


def _check_ratio(record: Record) -> None:
    if record.unit not in ("1", "×") or record.low is None or record.low <= 0:
        raise ValueError(
            f"{record.name!r} of {record.subject!r} is {record.text()}; records of "
            "ratios have unit '1' or '×', and low and high above 0."
        )


def _ratio(axes: Axes, row: int, record: Record) -> None:
    is_open = record.low <= 1 <= record.high
    look = style.series(1 if record.value > 1 else 0)
    look = style.series(4) if is_open else look
    marker = "o" if is_open else ">" if record.value > 1 else "<"
    axes.plot([record.low, record.high], [row] * 2, color=look.color, linewidth=2.2)
    axes.plot(
        record.value, row, marker, color=look.color, markersize=9, markeredgewidth=1.8,
        markerfacecolor=style.CARD if is_open else look.color,
    )  # fmt: skip
    verdict = "no significant difference" if is_open else ""
    verdict = record.details.get("verdict", verdict)
    text = record.text() + (f"\n{verdict}" if verdict else "")
    axes.text(
        1.01, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5
    )
