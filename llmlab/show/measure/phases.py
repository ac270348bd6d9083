"""Prefill and decode: three bounds that no run can beat, and the run itself."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import (
    BANDWIDTH_BOUND,
    COMPUTE_BOUND,
    DECODE_LATENCY,
    OVERHEAD_BOUND,
    PREFILL_LATENCY,
)
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style

MEASURED = {"prefill": PREFILL_LATENCY.name, "decode": DECODE_LATENCY.name}
BOUNDS = {  # name -> what is said of a run for which this bound is the largest
    COMPUTE_BOUND.name: "compute-bound",
    BANDWIDTH_BOUND.name: "bandwidth-bound",
    OVERHEAD_BOUND.name: "overhead-bound",
}
ORDER = tuple(BOUNDS)
Step = dict[str, Record]  # the bounds by name, and "measured"


@style.by_the_rules
def bounds(
    records: Sequence[Record], *, title: str = "Three bounds and the measured time"
) -> Figure:
    """Draw the bounds of prefill and decode as bars beside the measured time.

    records: "compute bound", "bandwidth bound", "overhead bound" with
    details["phase"] of "prefill" or "decode"; "prefill latency" and "decode latency
    per token", all in seconds. The smallest batch counts. Others are left alone.
    ValueError: no bounds among them, or bounds without their measured time.
    """
    phases = phases_of(select.checked(records))
    fig, axes = style.canvas(len(phases), height=3.0, title=title, squeeze=False)
    for panel, (phase, bars) in zip(axes.flat, phases.items(), strict=True):
        draw_bars(panel, phase, bars)
    for panel in axes.flat[1:]:
        panel.set_yticklabels([])
    return fig


def steps_of(records: Sequence[Record]) -> dict[tuple[str, str, int], Step]:
    """Bring together what belongs to one step, by subject, phase and batch.

    Only steps with all three bounds and a measured time; batch 1 if not said.
    """
    steps: dict[tuple[str, str, int], Step] = {}
    phase_of = {name: phase for phase, name in MEASURED.items()}
    for record in select.by_quantity(records, *BOUNDS, *phase_of):
        phase = phase_of.get(record.name) or select.detail(record, "phase")
        place = (record.subject, phase, record.details.get("batch", 1))
        name = record.name if record.name in BOUNDS else "measured"
        steps.setdefault(place, {})[name] = record
    return {place: step for place, step in steps.items() if len(step) == 4}


def phases_of(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return for each phase its bounds and, last, the measured time."""
    phases: dict[str, list[Record]] = {}
    steps = steps_of(records)
    for phase in MEASURED:
        batches = [place for place in steps if place[1] == phase]
        if batches:
            step = steps[min(batches, key=lambda place: place[2])]
            phases[phase] = [step[name] for name in (*ORDER, "measured")]
    if not phases:
        raise ValueError(
            f"records hold no step with all of {', '.join(BOUNDS)} and its "
            f"{' or '.join(map(repr, MEASURED.values()))}, of the same subject and "
            "batch; measure.report gives them."
        )
    return phases


def draw_bars(axes: Axes, phase: str, bars: Sequence[Record]) -> None:
    """Draw one phase: a bar for each bound, hatched by its kind, and the measured."""
    factor, word = scales.shared([record.value for record in bars], "s")
    for row, record in enumerate(bars):
        is_bound = record.name in BOUNDS
        look = style.series(ORDER.index(record.name) if is_bound else 4)
        axes.barh(
            row, record.value / factor, height=0.62, color=look.color, linewidth=0,
            edgecolor=style.CARD, hatch=look.hatch if is_bound else "",
        )  # fmt: skip
        curves.interval(axes, record, row, factor)
        end = record.value if record.high is None else record.high
        axes.annotate(
            record.value_text(), (end / factor, row), (5, 0), va="center",
            textcoords="offset points", fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(bars)), [_spoken(record) for record in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, axes.get_xlim()[1] * 1.22)  # room for the numbers
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    scales.name(axes.xaxis, "time", word, f"bounds are {select.kinds(bars[:-1])}")
    style.panel_title(axes, heading(phase, bars))


def heading(phase: str, bars: Sequence[Record]) -> str:
    """Say what one bar is the time of: "decode, one token"."""
    details = bars[-1].details
    if phase == "decode":
        batch = details.get("batch", 1)
        return "decode, one token" + (f", batch {batch}" if batch != 1 else "")
    tokens = details.get("tokens", details.get("prompt", ""))
    return f"prefill, {tokens} tokens" if tokens else "prefill"


def _spoken(record: Record) -> str:
    return record.name if record.name in BOUNDS else record.kind
