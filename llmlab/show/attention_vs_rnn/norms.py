"""What reaches the last output from a token some way back, on a logarithmic axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import GRADIENT_NORM
from llmlab.core.quantities import ACCURACY
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style

MARKS = 12  # on a curve; more would hide its line
LEAST = 1e-16  # of the largest: below, float64 holds nothing but rounding


@style.by_the_rules
def gradients(
    result: Any,
    *,
    least: float = LEAST,
    title: str = "Gradient of the last output by distance of the input",
) -> Figure:
    """Draw gradient norms against the distance in tokens, a curve for each subject.

    result: "gradient norm" with details["distance"]; a panel for each details["state"]
    such as "fresh" and "trained", on one scale. An "accuracy" of a subject is written
    beside its name. The axis ends at `least` times the largest norm; what is smaller,
    or 0, is drawn on its floor. Others are left alone.
    ValueError: none of that name, all of them 0, a record without its distance.
    """
    records = select.checked(result, "result")
    norms = select.by_quantity(records, GRADIENT_NORM)
    right = {record.subject: record for record in select.by_quantity(records, ACCURACY)}
    largest = max((record.value for record in norms), default=0)
    if largest <= 0:
        raise ValueError(
            f"records hold no {GRADIENT_NORM.name!r} above 0, so there is no curve."
        )
    ends = [end for record in norms for end in (record.value, record.low, record.high)]
    ends = [end for end in ends if end is not None]
    floor = max(min(ends), least * largest)
    states = list(dict.fromkeys(record.details.get("state", "") for record in norms))
    fig, panels = style.canvas(
        len(states), height=3.3, title=title, squeeze=False, sharey=True
    )
    names = list(select.by_subject(norms))
    for axes, state in zip(panels.flat, states, strict=True):
        here = [record for record in norms if record.details.get("state", "") == state]
        for name, curve in select.by_subject(here).items():
            label = f"{name}, {right[name].value:.0%} right" if name in right else name
            _draw(axes, style.series(names.index(name)), label, curve, floor)
        scales.name(axes.xaxis, "distance (tokens back)")
        style.panel_title(axes, state or "all")
    first = panels.flat[0]
    scales.logarithmic(first.yaxis, "norm", "1", select.kinds(norms))
    first.set_ylabel(first.get_ylabel().replace(" (", "\n("))
    first.yaxis.set_major_formatter(lambda value, _: _power(value))
    first.set_ylim(*scales.room([floor, max(ends)], share=0.05))
    scales.fill_ticks(first.yaxis)
    widest = max(panels.flat, key=lambda axes: len(axes.get_lines()))
    curves.legend(fig, widest)
    return fig


def gradients_alt(facts: Sequence[Record]) -> str:
    """Say how much smaller each gradient is at the far end than one token back."""
    said = ["Gradient norms by distance on a logarithmic axis."]
    norms = select.by_quantity(facts, GRADIENT_NORM)
    for state in dict.fromkeys(record.details.get("state", "all") for record in norms):
        here = [
            record for record in norms if record.details.get("state", "all") == state
        ]
        for name, curve in select.by_subject(here).items():
            ordered = sorted(
                curve, key=lambda record: select.detail(record, "distance")
            )
            near, far = ordered[min(1, len(ordered) - 1)], ordered[-1]
            said.append(
                f"{state}, {name}: {near.value_text()} one token back, "
                f"{far.value_text()} {far.details['distance']} tokens back."
            )
    for record in select.by_quantity(facts, ACCURACY):
        said.append(f"{record.subject} answers {record.value:.0%} of the rows.")
    return " ".join(said)


def _draw(axes: Axes, look: style.SeriesStyle, name: str, curve, floor: float) -> None:
    curve = sorted(curve, key=lambda record: select.detail(record, "distance"))
    x = np.array([record.details["distance"] for record in curve])
    y = np.clip([record.value for record in curve], floor, None)
    every = max(1, len(x) // MARKS)
    axes.plot(x, y, look.marker, linestyle=look.line, color=look.color, label=name,
              markevery=every, markersize=5, clip_on=False)  # fmt: skip


def _power(value: float) -> str:
    """Write a tick: 0.01 and 100 as they are, what is beyond as a power of ten."""
    if 1e-3 < value < 1e4:
        return f"{value:g}"
    power = round(np.log10(value))
    digits = str(power).replace("-", "−")
    return f"$\\mathdefault{{10^{{{digits}}}}}$"
