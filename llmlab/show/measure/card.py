"""One picture of one model on this machine, for `llmlab measure`."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core import quantities
from llmlab.core.records import Record, notes
from llmlab.show import scales, select, style
from llmlab.show.measure.load import draw_by_batch
from llmlab.show.measure.phases import BOUNDS, draw_bars, phases_of, steps_of

BY_BATCH = (  # title of the panel, what it shows
    ("throughput", quantities.DECODE_THROUGHPUT),
    (quantities.TIME_PER_TOKEN.name, quantities.DECODE_LATENCY),
    ("throughput", quantities.THROUGHPUT_OF_ANSWERS),
    ("time of a batch", quantities.LATENCY_OF_ANSWERS),
)
MEMORY = (quantities.WEIGHTS, quantities.CACHE)
QUALITY = (
    quantities.BITS_PER_BYTE,
    quantities.PERPLEXITY,
    quantities.NEXT_TOKEN_ACCURACY,
    quantities.EXACT_MATCH,
    quantities.ACCURACY,
)
WIDTH, ROW = 8.3, 2.6  # inches: the card, a row of its panels
Panel = tuple[str | None, Callable[[Axes], None]]  # title, what draws it


@style.by_the_rules
def model_card(records: Sequence[Record], *, title: str | None = None) -> Figure:
    """Draw what `llmlab measure` found: bounds, batches, memory, quality in one card.

    records: as measure.report gives them; what is missing leaves no empty panel.
    ValueError: no records, or none that the card draws.
    """
    records = select.checked(records)
    rows = [row for row in (_upper(records), _lower(records)) if row]
    if not rows:
        drawn = (*BOUNDS, *(what for _, what in BY_BATCH), *MEMORY)
        raise ValueError(
            f"records hold nothing that the card draws: {', '.join(map(str, drawn))}."
        )
    height = ROW * len(rows) + style.TITLE + 0.4
    fig = style.card(WIDTH, height, title=title or _title(records))
    parts = fig.subfigures(len(rows), 1, squeeze=False).flat
    for part, row in zip(parts, rows, strict=True):
        _draw_row(part, row)
    if note := _note(records):
        fig.supxlabel(note, x=0.014, ha="left", fontsize=8.5, color=style.QUIET)
    return fig


def _draw_row(part, row: Sequence[Panel]) -> None:
    panels = part.subplots(1, len(row), squeeze=False).flat
    for axes, (title, draw) in zip(panels, row, strict=True):
        draw(axes)
        if title:
            style.panel_title(axes, title)


def _upper(records: Sequence[Record]) -> list[Panel]:
    if not steps_of(records):
        return []
    return [
        (None, lambda axes, phase=phase, bars=bars: draw_bars(axes, phase, bars))
        for phase, bars in phases_of(records).items()
    ]


def _lower(records: Sequence[Record]) -> list[Panel]:
    panels: list[Panel] = []
    for title, what in BY_BATCH:
        curve = [r for r in select.by_quantity(records, what) if "batch" in r.details]
        if len(curve) > 1:
            panels.append((title, lambda axes, curve=curve: draw_by_batch(axes, curve)))
    if memory := select.by_quantity(records, *MEMORY):
        panels.append(("memory", lambda axes: _memory(axes, memory)))
    return panels


def _memory(axes: Axes, records: Sequence[Record]) -> None:
    factor, word = scales.shared([record.value for record in records], "B")
    for row, record in enumerate(records):
        look = style.series([quantity.name for quantity in MEMORY].index(record.name))
        size = record.value / factor
        axes.barh(row, size, height=0.5, color=look.color, hatch=look.hatch,
                  edgecolor=style.CARD, linewidth=0)  # fmt: skip
        axes.annotate(
            record.value_text(), (size, row), (5, 0), va="center",
            textcoords="offset points", fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(records)), [record.name for record in records])
    axes.set_ylim(len(records) - 0.3, -0.7)
    axes.set_xlim(0, axes.get_xlim()[1] * 1.45)  # room for the numbers
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    scales.name(axes.xaxis, "size", word)


def _title(records: Sequence[Record]) -> str:
    subjects = {record.subject: None for record in records if record.subject}
    return " and ".join(list(subjects)[:2]) or "One model on this machine"


def _note(records: Sequence[Record]) -> str:
    """Return quality, machine and date in one line each."""
    quality = select.by_quantity(records, *QUALITY)
    lines = ["   ".join(f"{record.name} {record.text()}" for record in quality)]
    runs = [record for record in records if record.kind in ("measured", "recorded")]
    machines = dict.fromkeys(run.machine for run in runs if run.machine)
    dates = sorted(run.date[:10] for run in runs if run.date)
    lines.append("   ".join([*machines, *dates[-1:]]))
    return "\n".join(line for line in [*lines, *notes(records)] if line)
