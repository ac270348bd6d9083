"""What the machine can do at most, and where prefill and decode stand on it."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import BANDWIDTH_BOUND, COMPUTE_BOUND, PEAK
from llmlab.core.records import Record, quantity
from llmlab.show import scales, select, style
from llmlab.show.measure.phases import steps_of

LINES = ("-", (0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))  # roofs
Point = tuple[float, float, int]  # FLOP per byte, FLOP/s, batch
Groups = dict[str, list[Point]]


@style.by_the_rules
def roofline(records: Sequence[Record], *, title: str = "Roofline") -> Figure:
    """Draw attainable FLOP/s against arithmetic intensity, and measured points on it.

    records: "B/s" is a slope; of a curve along details["bytes"] the fastest and the
    largest working set are drawn. "FLOP/s" is a flat roof, or with
    details["intensity"] (FLOP per byte) a point. The bounds of a model together with
    its measured times give points too, joined along the batch. Others are left alone.
    Source: Williams, Waterman, Patterson, Roofline, CACM 2009.
    ValueError: no slope or no roof, too many to tell apart, a value not above 0.
    """
    records = select.checked(records)
    slopes, roofs = _slopes(records), _roofs(records)
    points = _points(records)
    fig, axes = style.canvas(height=4.3)
    scales.logarithmic(axes.xaxis, "arithmetic intensity", "1", "FLOP/byte")
    scales.logarithmic(axes.yaxis, "rate", "FLOP/s")
    left, right = _limits(axes, slopes, roofs, points)
    for line, (_, rate) in zip(LINES, slopes, strict=False):
        ends = [left, max(record.value for record in roofs) / rate]
        rates = [end * rate for end in ends]
        axes.plot(ends, rates, color=style.QUIET, linestyle=line, linewidth=1.6)
    _flat(axes, roofs, max(rate for _, rate in slopes), right)
    for index, (name, group) in enumerate(points.items()):
        _draw_points(axes, style.series(index), name, group)
    axes.set_title(title)
    if points:
        axes.legend(loc="lower right", frameon=True, facecolor=style.CARD,
                    edgecolor="none")  # fmt: skip
    _write_along(axes, slopes, left)
    return fig


def _slopes(records: Sequence[Record]) -> list[tuple[str, float]]:
    """Return name and B/s of each slope."""
    bandwidths = select.of_unit(records, "B/s")
    select.positive(bandwidths)
    single = [
        (_name(record), record.value) for record in bandwidths if not _set(record)
    ]
    if curve := [record for record in bandwidths if _set(record)]:
        fastest = max(curve, key=lambda record: record.value)
        largest = max(curve, key=_set)
        for record in dict.fromkeys((largest, fastest)):
            single.append((f"reading {quantity(_set(record), 'B')}", record.value))
    return _few("bandwidths in B/s", single)


def _set(record: Record) -> float:
    return record.details.get("bytes", 0)


def _roofs(records: Sequence[Record]) -> list[Record]:
    peaks = select.of_unit(records, "FLOP/s")
    peaks = [record for record in peaks if "intensity" not in record.details]
    select.positive(peaks)
    return _few("peaks in FLOP/s", peaks)


def _few(what: str, found: list) -> list:
    if not 1 <= len(found) <= len(LINES):
        raise ValueError(
            f"records hold {len(found)} {what}; a roofline shows one to {len(LINES)}."
        )
    return found


def _points(records: Sequence[Record]) -> Groups:
    """Return the points to join, by the name they have in the legend."""
    groups: Groups = {}
    given = [record for record in records if "intensity" in record.details]
    select.positive(given)
    for record in given:
        phase = f" {record.details['phase']}" if "phase" in record.details else ""
        point = (float(record.details["intensity"]), record.value, _batch(record))
        groups.setdefault(_name(record) + phase, []).append(point)
    for (subject, phase, batch), step in steps_of(records).items():
        flops = select.detail(step[COMPUTE_BOUND.name], "flops")
        moved = select.detail(step[BANDWIDTH_BOUND.name], "bytes")
        point = (flops / moved, flops / step["measured"].value, batch)
        groups.setdefault(f"{subject} {phase}".strip(), []).append(point)
    return groups


def _batch(record: Record) -> int:
    return record.details.get("batch", 1)


def _name(record: Record) -> str:
    if record.name == PEAK.name and record.subject:
        return f"{record.subject} peak"
    return record.subject or record.name


def _limits(axes: Axes, slopes, roofs, points: Groups) -> tuple[float, float]:
    """Set limits with room for every ridge and point; return the ends of the x axis."""
    top, steepest = (
        max(record.value for record in roofs),
        max(rate for _, rate in slopes),
    )
    every = [point for group in points.values() for point in group]
    x = [roof.value / rate for roof in roofs for _, rate in slopes]
    x += [intensity for intensity, *_ in every]
    left, right = min([*x, top / steepest / 4]) / 3, max(x) * 8
    low = min([left * min(rate for _, rate in slopes)] + [y for _, y, _ in every])
    axes.set(xlim=(left, right), ylim=(low / 2, top * 2.2))
    return left, right


def _flat(axes: Axes, roofs: Sequence[Record], steepest: float, right: float) -> None:
    for line, roof in zip(LINES, roofs, strict=False):
        ends = [roof.value / steepest, right]
        axes.plot(ends, [roof.value] * 2, color=style.INK, linestyle=line)
        axes.annotate(
            f"{_name(roof)}, {roof.value_text()}", (right, roof.value), (-4, 3),
            textcoords="offset points", ha="right", va="bottom", fontsize=8.5,
        )  # fmt: skip


def _draw_points(axes: Axes, look: style.SeriesStyle, name: str, group: list) -> None:
    group = sorted(group, key=lambda point: point[2])
    x, y, batches = zip(*group, strict=True)
    if len(group) == 1:
        name += f", {quantity(y[0], 'FLOP/s')}"
    elif len(set(batches)) > 1:
        name += f", batch {batches[0]} to {batches[-1]}"
    axes.plot(x, y, look.marker, color=look.color, markersize=8, zorder=5, label=name,
              linestyle=look.line, linewidth=1, markeredgecolor=style.CARD)  # fmt: skip


def _write_along(axes: Axes, slopes, left: float) -> None:
    """Write each bandwidth along its line; the angle is known once all is laid out."""
    axes.figure.draw_without_rendering()
    for name, rate in slopes:
        ends = [(x, x * rate) for x in (left * 1.15, left * 11.5)]
        (x0, y0), (x1, y1) = axes.transData.transform(ends)
        axes.annotate(
            f"{name}, {quantity(rate, 'B/s')}", ends[0], (3, 4),
            textcoords="offset points", fontsize=8.5, color=style.QUIET,
            rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)),
            rotation_mode="anchor", va="bottom",
        ).set_in_layout(False)  # fmt: skip
