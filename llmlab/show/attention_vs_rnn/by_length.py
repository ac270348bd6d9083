"""What layers cost by length: to read, to write, to keep; and scans by length.

Reading is drawn for each token of the text, so that it stands beside writing one, and
so that curves lie apart that differ by a factor of two. Where the curve of attention
meets another one, a ring marks it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llmlab.attention_vs_rnn.quantities import SCAN_LATENCY, SLOPE, STATE
from llmlab.core.quantities import DECODE_LATENCY, PREFILL_LATENCY
from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style
from llmlab.show.attention_vs_rnn import crossing_marks

PANELS = {  # what is drawn -> the heading, the word beside the axis
    PREFILL_LATENCY: ("reading, for each token", "time"),
    DECODE_LATENCY: ("writing one token", "time"),
    STATE: ("kept for the next", "memory"),
}
WHOLE = {PREFILL_LATENCY: "reading a text", DECODE_LATENCY: "writing a token"}


@style.by_the_rules
def costs(
    result: Any, *, title: str = "Layers of equal weights: time and memory by length"
) -> Figure:
    """Draw three costs by length as small multiples, a curve for each layer.

    result: "prefill latency", which is divided by its tokens, "decode latency per
    token" and "state" with details["tokens"]; a "crossing" with details["of"] is
    ringed on the curve of the layer that its subject names first. ValueError: one of
    the three is missing.
    """
    facts = select.checked(result, "result")
    fig = style.card(style.WIDTH, 5.6, title=title)
    # Reading, where curves lie close, has all the width.
    panels = fig.subplot_mosaic("AA;BC").values()
    looks = _looks(facts)
    for axes, (what, (heading, word)) in zip(panels, PANELS.items(), strict=True):
        drawn = select.by_quantity(facts, what)
        if not drawn:
            raise ValueError(f"records hold no {what.name!r}, which a panel shows.")
        if what is PREFILL_LATENCY:
            drawn = tuple(map(_for_each_token, drawn))
        curves.by_length(axes, drawn, word, looks=looks)
        _show_both(axes)
        axes.set_ylabel(axes.get_ylabel().replace(" (", "\n("))
        style.panel_title(axes, heading)
        if what is not STATE:
            crossing_marks.mark(axes, drawn, facts)
    _name_lengths(fig.axes[0], select.by_quantity(facts, PREFILL_LATENCY))
    curves.legend(fig, fig.axes[0])
    return fig


@style.by_the_rules
def scans(result: Any, *, title: str = "A loop, and a scan, by length") -> Figure:
    """Draw the times of scans by length; crossings are ringed as in `costs`."""
    facts = select.checked(result, "result")
    drawn = select.by_quantity(facts, SCAN_LATENCY)
    if not drawn:
        raise ValueError(f"records hold no {SCAN_LATENCY.name!r}; there is no curve.")
    fig, axes = style.canvas(height=2.9)
    curves.by_length(axes, drawn, "time", looks=_looks(drawn))
    _name_lengths(axes, drawn)
    axes.set_title(title)
    crossing_marks.mark(axes, drawn, facts)
    curves.legend(fig, axes)
    return fig


def costs_alt(facts: Sequence[Record]) -> str:
    """Say both times of every layer at the ends, their slopes, and where they cross."""
    said = [
        "What layers cost by the length of the text, on logarithmic axes; reading is "
        "drawn for each token."
    ]
    for what, doing in WHOLE.items():
        slopes = {
            fact.subject: fact
            for fact in select.by_quantity(facts, SLOPE)
            if fact.details.get("of") == what.name
        }
        for name, curve in select.by_subject(select.by_quantity(facts, what)).items():
            said.append(f"{doing.capitalize()}, {name}: {_run(curve)}")
            if name in slopes:
                said[-1] += f" (slope {slopes[name].value:.2f})"
            said[-1] += "."
    return " ".join([*said, *crossing_marks.spoken(facts)])


def scans_alt(facts: Sequence[Record]) -> str:
    """Say the times of every scan at the ends, and where they cross."""
    by_name = select.by_subject(select.by_quantity(facts, SCAN_LATENCY))
    said = [f"{name}: {_run(curve)}." for name, curve in by_name.items()]
    return " ".join(["Times of scans by length.", *said, *crossing_marks.spoken(facts)])


def _name_lengths(axes: Axes, drawn: Sequence[Record]) -> None:
    """Put a tick at every length, where a panel is wide."""
    lengths = [select.detail(fact, "tokens") for fact in drawn]
    scales.doubling(axes, "length (tokens)", lengths)


def _show_both(axes: Axes) -> None:
    """Widen a curve that another one covers, so that both can be seen."""
    drawn = [
        line for line in axes.get_lines() if not str(line.get_label()).startswith("_")
    ]
    for index, line in enumerate(drawn):
        if any(_covers(later, line) for later in drawn[index + 1 :]):
            line.set(linewidth=5, markersize=11, alpha=0.5)


def _covers(one: Line2D, other: Line2D) -> bool:
    """Say whether one curve runs through all points of another."""
    points, others = (
        {(x, y) for x, y in np.asarray(line.get_xydata()).tolist()}
        for line in (one, other)
    )
    return others <= points


def _for_each_token(fact: Record) -> Record:
    """Return the time of a text divided by its tokens."""
    tokens = select.detail(fact, "tokens")
    low, high = (None if end is None else end / tokens for end in (fact.low, fact.high))
    return replace(fact, value=fact.value / tokens, low=low, high=high)


def _run(curve: Sequence[Record]) -> str:
    first, last = curves.ends(curve, "tokens")
    return (
        f"{first.value_text()} at {first.details['tokens']:,} tokens, "
        f"{last.value_text()} at {last.details['tokens']:,}"
    )


def _looks(facts: Sequence[Record]) -> dict[str, style.SeriesStyle]:
    timed = select.by_quantity(facts, PREFILL_LATENCY, SCAN_LATENCY)
    return {
        name: style.series(index)
        for index, name in enumerate(select.by_subject(timed or facts))
    }
