"""Reading again against a cache: the time to write, by the number of tokens."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.caching.quantities import CACHE_SPEED_UP, WRITING
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def writing(
    result: Any, *, title: str = "Writing with a cache, and reading all again"
) -> Figure:
    """Draw the time to write so many tokens, a curve for each way to do it.

    result: records "time to write" with details["tokens"]; where it holds "cache, times
    as fast" too, that stands above them. Others are left alone.
    """
    facts = select.needed(result, WRITING)
    gains = select.by_quantity(records.collect(result), CACHE_SPEED_UP)
    select.positive(facts)
    fig, axes = style.canvas(title=title)
    curves.lines(axes, facts)
    curves.legend(fig, axes)
    for gain in gains:
        tokens = gain.details["tokens"]
        ends = [f.value for f in facts if f.details["tokens"] == tokens]
        if len(ends) < 2:
            continue
        axes.vlines(tokens, min(ends), max(ends), color=style.QUIET, linewidth=1,
                    linestyle=":")  # fmt: skip
        if gain.low is not None and gain.low <= 1 <= (gain.high or 1):
            continue  # no difference, and the points lie on each other
        axes.annotate(f"{gain.value:.2g} ×", (tokens, max(ends)), (0, 8), ha="center",
                      textcoords="offset points", fontsize=9)  # fmt: skip
    scales.logarithmic(axes.yaxis, WRITING.name, "s", select.kinds(facts))
    low, high = scales.room([fact.value for fact in facts])
    axes.set_ylim(low, 1.6 * high)
    scales.fill_ticks(axes.yaxis)
    scales.doubling(
        axes, "tokens written (log scale)", [fact.details["tokens"] for fact in facts]
    )
    left, right = axes.get_xlim()
    axes.set_xlim(left, 1.1 * right)
    return fig


def writing_alt(facts: Sequence[Record]) -> str:
    """Say what each way takes at both ends, and the gain at each length."""
    said = ["Time to write by the number of tokens."]
    times = select.by_quantity(facts, WRITING)
    for name, curve in select.by_subject(times).items():
        ends = [
            f"{one.value_text()} for {_counted(one.details['tokens'])}"
            for one in curves.ends(curve, "tokens")
        ]
        said.append(f"{name}: {', '.join(ends)}.")
    gains = [
        f"{one.value:.2g} times at {one.details['tokens']:,}"
        for one in select.by_quantity(facts, CACHE_SPEED_UP)
    ]
    if gains:
        said.append(f"The cache is as fast as reading again {', '.join(gains)}.")
    return " ".join(said)


def _counted(tokens: int) -> str:
    return "one token" if tokens == 1 else f"{tokens:,} tokens"
