"""The change of single weights against what it costs, two of them marked."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.quantization.quantities import CHANGE_COST
from llmlab.show import scales, select, style
from llmlab.show.quantization import looks

MARKS = {"cheap": "small inputs", "dear": "large inputs"}


@style.by_the_rules
def weight_costs(
    result: Any, *, title: str = "What rounding a single weight costs"
) -> Figure:
    """Draw the cost of single weights against how far rounding moves them.

    result: records "cost of a change" with details["change"]; those with
    details["marked"] stand out. ValueError: none of them.
    """
    facts = select.needed(result, CHANGE_COST)
    fig, axes = style.canvas(height=3.8)
    plain = [fact for fact in facts if "marked" not in fact.details]
    axes.plot(
        [fact.details["change"] for fact in plain], [fact.value for fact in plain],
        ".", color=style.QUIET, markersize=4, alpha=0.6, label="one weight",
    )  # fmt: skip
    for index, (mark, said) in enumerate(MARKS.items()):
        look = looks.other(index + 1)  # the points are grey
        for fact in facts:
            if fact.details.get("marked") == mark:
                axes.plot(
                    fact.details["change"], fact.value, look.marker, color=look.color,
                    markersize=11, label=f"{said}: {fact.value:.1e}", linestyle="none",
                )  # fmt: skip
    kind = select.kinds(facts)
    scales.logarithmic(axes.xaxis, "change of the weight", "1")
    scales.logarithmic(axes.yaxis, "cost: share of the answers' square", "1", kind)
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


def weight_costs_alt(records: Sequence[Record]) -> str:
    """Say what the marked pair costs."""
    facts = select.by_quantity(records, CHANGE_COST)
    by = {fact.details.get("marked"): fact for fact in facts}
    said = [f"The cost of rounding each of {len(facts)} weights against its change."]
    if "cheap" in by and "dear" in by:
        cheap, dear = by["cheap"], by["dear"]
        said.append(
            f"Two weights move by {cheap.details['change']:.2g}; the one with large "
            f"inputs costs {dear.value / cheap.value:,.0f} times as much."
        )
    return " ".join(said)
