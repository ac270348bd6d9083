"""A cache that grows against fixed places: what is compiled, and what a step takes."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from llmlab.core.records import Record
from llmlab.graphs.quantities import COMPILATIONS, FILLED_GAIN, FILLED_TIME
from llmlab.show import curves, scales, select, style

HEADROOM = 1.12  # of the largest value


@style.by_the_rules
def growing(result: Any, *, title: str = "How often is a step compiled?") -> Figure:
    """Draw how often a step was compiled up to each step, a line for each cache.

    result: records "compilations" with details["steps"], the cache as subject.
    """
    facts = select.needed(result, COMPILATIONS)
    fig, axes = style.canvas(height=3.5, title=title)
    for index, (name, some) in enumerate(select.by_subject(facts).items()):
        look, curve = style.series(index), curves.ordered(some, "steps")
        axes.plot([fact.details["steps"] for fact in curve],
                  [fact.value for fact in curve], look.marker, linestyle=look.line,
                  color=look.color, label=name, drawstyle="steps-post",
                  clip_on=False)  # fmt: skip
    axes.set_ylim(0, HEADROOM * max(1, *(fact.value for fact in facts)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    scales.name(axes.xaxis, "steps taken")
    style.panel_title(axes, "Compilations of a decode step")
    scales.name(axes.yaxis, "compilations so far", select.kinds(facts))
    curves.legend(fig, axes)
    return fig


def growing_alt(facts: Sequence[Record]) -> str:
    """Say for every cache how often it was compiled after the first and last step."""
    said = ["How often a decode step was compiled, by the steps taken."]
    own = select.by_quantity(facts, COMPILATIONS)
    for name, curve in select.by_subject(own).items():
        first, last = curves.ends(curve, "steps")
        said.append(
            f"{name}: {first.value_text()} after step {first.details['steps']}, "
            f"{last.value_text()} after step {last.details['steps']}."
        )
    return " ".join(said)


@style.by_the_rules
def filled(result: Any, *, title: str = "Do empty places cost time?") -> Figure:
    """Draw the time of a step over the places that are filled, or over all of them.

    result: records "step by places filled" with details["filled"] and
    details["places"], the cache as subject.
    """
    facts = select.needed(result, FILLED_TIME)
    along = _along(facts)
    fig, axes = style.canvas(height=3.6, title=title)
    factor, unit = scales.shared([fact.value for fact in facts], "s")
    for index, (name, curve) in enumerate(select.by_subject(facts).items()):
        curves.one(axes, style.series(index), name, curve, along=along, factor=factor)
    scales.doubling(axes, _named(along, facts), [f.details[along] for f in facts])
    axes.set_ylim(0, HEADROOM * max(f.high or f.value for f in facts) / factor)
    scales.name(axes.yaxis, "time", unit, select.kinds(facts))
    style.panel_title(axes, "A decode step")
    curves.legend(fig, axes)
    return fig


def filled_alt(facts: Sequence[Record]) -> str:
    """Say for every cache what a step takes by its places."""
    said = ["Time of a decode step by places of the cache, and how many are filled."]
    own = select.by_quantity(facts, FILLED_TIME)
    along = _along(own)
    for name, curve in select.by_subject(own).items():
        parts = [
            f"{fact.value_text()} with {fact.details['filled']:,} of "
            f"{fact.details['places']:,} filled"
            for fact in curves.ordered(curve, along)
        ]
        said.append(f"{name}: {', '.join(parts)}.")
    for gain in select.by_quantity(facts, FILLED_GAIN):
        said.append(
            f"With {gain.details['filled']:,} filled {gain.subject} is "
            f"{gain.value:.2f} times as fast as the other ({gain.details['verdict']})."
        )
    return " ".join(said)


def _along(facts: Sequence[Record]) -> str:
    """Return which of both counts is varied, filled places or all of them."""
    filled, places = (
        {select.detail(fact, key) for fact in facts} for key in ("filled", "places")
    )
    return "places" if len(places) > len(filled) else "filled"


def _named(along: str, facts: Sequence[Record]) -> str:
    other = {"filled": "places", "places": "filled"}[along]
    counts = {fact.details[other] for fact in facts}
    if along == "places":
        behind = f", {counts.pop():,} of them filled" if len(counts) == 1 else ""
        return f"places{behind}"
    most = f" of {counts.pop():,}" if len(counts) == 1 else ""
    return f"places filled{most}"
