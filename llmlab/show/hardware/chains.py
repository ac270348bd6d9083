"""Time of a chain of operators by the size of its chunks: a U."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core.records import Record, quantity
from llmlab.hardware.quantities import CHAIN_GAIN, CHAIN_TIME
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def chunks(
    result: Any, *, title: str = "Chunks: not too small, not too large"
) -> Figure:
    """Draw the time of the chain by bytes of a chunk; the last point is the whole.

    result: records "time of the chain" with details["bytes"].
    """
    times = curves.ordered(select.needed(result, CHAIN_TIME), "bytes")
    select.positive(times)
    fig, axes = style.canvas(height=3.6, title=title)
    curves.one(axes, style.series(0), "chain", times, along="bytes")
    scales.logarithmic(axes.xaxis, "bytes of a chunk", "B")
    scales.logarithmic(axes.yaxis, CHAIN_TIME.name, "s", select.kinds(times))
    sizes = [fact.details["bytes"] for fact in times]
    axes.set_xlim(*scales.room(sizes))
    low, high = scales.room([fact.value for fact in times], share=0.12)
    axes.set_ylim(low / 1.1, high * 1.1)
    scales.fill_ticks(axes.yaxis)
    whole = times[-1]
    axes.axhline(whole.value, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f"whole, {whole.value_text()}", (sizes[len(sizes) // 2], whole.value),
        (0, 4), textcoords="offset points", ha="center", fontsize=9,
        color=style.QUIET,
    )  # fmt: skip
    if gains := select.by_quantity(select.checked(result), CHAIN_GAIN):
        gain = max(gains, key=lambda fact: fact.value)
        size = gain.details["bytes"]
        seconds = next(f.value for f in times if f.details["bytes"] == size)
        axes.annotate(
            f"{gain.value:.2g} × as fast", (size, seconds), (0, -9),
            textcoords="offset points", ha="center", va="top", fontsize=9,
        )  # fmt: skip
    return fig


def chunks_alt(facts: Sequence[Record]) -> str:
    """Say the time at every size, and how many times as fast the best one is."""
    said = ["Time of a chain of elementwise operators by bytes of a chunk."]
    times = curves.ordered(select.by_quantity(facts, CHAIN_TIME), "bytes")
    for fact in times:
        said.append(f"{quantity(fact.details['bytes'], 'B')}: {fact.value_text()}.")
    if gains := select.by_quantity(facts, CHAIN_GAIN):
        best = max(gains, key=lambda fact: fact.value)
        size = quantity(best.details["bytes"], "B")
        said.append(
            f"Chunks of {size} are {best.value:.2g} times as fast as the whole."
        )
    return " ".join(said)
