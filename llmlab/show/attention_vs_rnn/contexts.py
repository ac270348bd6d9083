"""Quality by how much of the text a model could see."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import GAIN_FROM_CONTEXT
from llmlab.core.quantities import BITS_PER_TOKEN
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def positions(result: Any, *, title: str = "What a longer context is worth") -> Figure:
    """Draw quality and gain against the tokens of context, a curve for each subject.

    result: "bits per token" and, if there, "gain from context" (bit) with details
    ["from"] and ["to"], the tokens before the one predicted; a point stands at the end
    of its stretch. Others are left alone.
    ValueError: no bits per token, a missing detail.
    """
    records = select.checked(result, "result")
    scores = select.by_quantity(records, BITS_PER_TOKEN)
    if not scores:
        raise ValueError(
            f"records hold no {BITS_PER_TOKEN.name!r}; positions.quality gives them."
        )
    panels = {"bits to predict a token": scores}
    if gains := select.by_quantity(records, GAIN_FROM_CONTEXT):
        panels["what the longer context saves"] = gains
    fig, axes = style.canvas(len(panels), height=2.8, title=title, squeeze=False)
    ends = sorted({select.detail(record, "to") for record in scores})
    for panel, (heading, facts) in zip(axes.flat, panels.items(), strict=True):
        for index, (name, curve) in enumerate(select.by_subject(facts).items()):
            curves.one(panel, style.series(index), name, curve, along="to")
        scales.doubling(panel, "context seen, up to (tokens)", ends)
        panel.set_xlim(ends[0] / 2**0.3, ends[-1] * 2**0.3)
        scales.name(panel.yaxis, BITS_PER_TOKEN.name, select.kinds(facts))
        style.panel_title(panel, heading)
    curves.legend(fig, axes.flat[0])
    return fig


def positions_alt(facts: Sequence[Record]) -> str:
    """Say what a token costs each model with the shortest and the longest context."""
    said = ["Bits to predict a token by the context that a model sees."]
    costs = select.by_quantity(facts, BITS_PER_TOKEN)
    for name, curve in select.by_subject(costs).items():
        first, last = curves.ends(curve, "to")
        said.append(
            f"{name}: {first.value_text()} with up to {first.details['to']} tokens, "
            f"{last.value_text()} with up to {last.details['to']}."
        )
    gains = select.by_subject(select.by_quantity(facts, GAIN_FROM_CONTEXT))
    for name, curve in gains.items():
        said.append(f"The longest context saves {name} {curve[-1].text()}.")
    return " ".join(said)
