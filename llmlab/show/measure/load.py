"""What a batch buys and what it costs: tokens a second against time per token."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import DECODE_LATENCY, DECODE_THROUGHPUT
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def batches(records: Sequence[Record], *, title: str = "Decode by batch") -> Figure:
    """Draw decode throughput and latency per token against the batch.

    records: "decode throughput" (token/s) and "decode latency per token" (s), each with
    details["batch"]; a curve for each subject. Others are left alone.
    ValueError: none of them, a record without its batch.
    """
    records = select.checked(records)
    panels = {
        what: select.by_quantity(records, what)
        for what in (DECODE_THROUGHPUT, DECODE_LATENCY)
    }
    panels = {
        what: panel_records for what, panel_records in panels.items() if panel_records
    }
    if not panels:
        raise ValueError(
            f"records hold neither {DECODE_THROUGHPUT.name!r} nor "
            f"{DECODE_LATENCY.name!r}."
        )
    fig, axes = style.canvas(len(panels), height=3.5, title=title, squeeze=False)
    for panel, (what, panel_records) in zip(axes.flat, panels.items(), strict=True):
        draw_by_batch(panel, panel_records)
        style.panel_title(panel, what.name)
    curves.legend(fig, axes.flat[0])
    return fig


def draw_by_batch(axes: Axes, records: Sequence[Record]) -> None:
    """Draw one quantity against the batch, a curve for each subject."""
    what = "time" if records[0].unit == "s" else "rate"
    curves.draw(axes, records, along="batch", what=what)
    batches = [record.details["batch"] for record in records]
    scales.doubling(axes, "batch (sequences)", batches)
