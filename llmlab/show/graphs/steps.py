"""What a step starts: the cost of one operator, and ways to start fewer of them."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core import records
from llmlab.core.quantities import REST, STARTING, Quantity
from llmlab.core.records import Record
from llmlab.graphs.quantities import (
    FIXED,
    KERNELS,
    OPERATOR_TIME,
    PER_ELEMENT,
    PREFILL_GAIN,
    PREFILL_TIME,
    START_SHARE,
    STARTS,
    STEP_GAIN,
    STEP_TIME,
)
from llmlab.show import bars, curves, scales, select, style

ROOM = 1.45  # of the axis, for what stands behind the bars
UNSURE = "no difference shown"
HEADINGS = {
    STEP_TIME.name: "A decode step behind {tokens} tokens",
    PREFILL_TIME.name: "A prefill of {tokens} tokens",
}


@style.by_the_rules
def starting(
    result: Any, *, title: str = "What an operator costs before it computes"
) -> Figure:
    """Draw the time of an operator over its size with your line, and a step beside it.

    result: records "time of one operator" with details["size"], "fixed cost of an
    operator", "cost of an element", "time of a decode step", "starting operators of a
    step".
    """
    times = curves.ordered(select.needed(result, OPERATOR_TIME), "size")
    fixed, slope = (
        select.needed(result, what)[0].value for what in (FIXED, PER_ELEMENT)
    )
    fig = style.card(style.WIDTH, 4.3, title=title)
    upper, lower = fig.subplots(2, 1, height_ratios=(3, 1))
    look, line = style.series(0), style.series(1)
    sizes = [fact.details["size"] for fact in times]
    factor, unit = scales.shared([fact.value for fact in times], "s")
    ends = [0, max(sizes)]
    upper.plot(
        ends, [(fixed + slope * size) / factor for size in ends],
        color=line.color, linestyle=line.line, label="your line",
    )  # fmt: skip
    upper.plot(
        sizes, [fact.value / factor for fact in times], look.marker,
        color=look.color, label=times[0].subject,
    )  # fmt: skip
    upper.axhline(fixed / factor, color=style.QUIET, linewidth=1, linestyle=":")
    upper.annotate(
        f"fixed: {select.needed(result, FIXED)[0].value_text()}",
        (max(sizes), fixed / factor), (0, -12), textcoords="offset points",
        ha="right", fontsize=9,
    )  # fmt: skip
    upper.set_ylim(0, 1.12 * max(fact.value for fact in times) / factor)
    upper.legend(loc="upper left")
    style.panel_title(upper, "One operator")
    scales.name(upper.xaxis, "elements of a tensor")
    scales.name(upper.yaxis, "time", unit, select.kinds(times))
    _whole(lower, result)
    return fig


def _whole(axes: Axes, result: Any) -> None:
    """Draw one bar for a step: what is starting, and the rest."""
    step, starts = (select.needed(result, what)[0] for what in (STEP_TIME, STARTS))
    factor, unit = scales.shared([step.value], "s")
    first = min(starts.value, step.value) / factor
    parts = ((STARTING.name, 0, first), (REST.name, first, step.value / factor))
    for index, (name, start, end) in enumerate(parts):
        look = style.series(1 - index)
        axes.barh(0, end - start, 0.6, start, color=look.color, hatch=look.hatch,
                  edgecolor=style.CARD, label=name)  # fmt: skip
    axes.set_yticks([])
    axes.set_xlim(0, 1.05 * step.value / factor)
    axes.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    style.one_way(axes, "x")
    share = select.needed(result, START_SHARE)[0].value
    style.panel_title(axes, f"A decode step: {share:.0%} is starting")
    kinds = select.kinds((step, starts))
    scales.name(axes.xaxis, "time", unit, kinds)


def starting_alt(facts: Sequence[Record]) -> str:
    """Say the times by size, the line, and what a step spends on starting."""
    said = ["Time of one operator over the size of its tensor, with a straight line."]
    for fact in curves.ordered(select.by_quantity(facts, OPERATOR_TIME), "size"):
        said.append(f"Size {fact.details['size']:,}: {fact.value_text()}.")
    for fact in select.by_quantity(facts, FIXED, PER_ELEMENT, STEP_TIME, STARTS):
        said.append(f"{fact.name}: {fact.value_text()}.")
    for fact in select.by_quantity(facts, START_SHARE):
        said.append(f"That is {fact.value:.0%} of the step.")
    return " ".join(said)


@style.by_the_rules
def fused(result: Any, *, title: str = "Fewer operators: is a step faster?") -> Figure:
    """Draw the time of a step by way, and of a prefill, with operators and ratios.

    result: records "time of a decode step", "prefill", "computing" and both ratios, the
    way as subject.
    """
    panels = ((STEP_TIME, STEP_GAIN), (PREFILL_TIME, PREFILL_GAIN))
    names = [fact.subject for fact in select.needed(result, STEP_TIME)]
    counts = {f.subject: f for f in select.needed(result, KERNELS)}
    labels = [f"{name}\n{counts[name].value:.0f} operators" for name in names]
    fig = style.card(style.WIDTH, 1.9 + 0.7 * len(names), title=title)
    both = fig.subplots(2, 1)
    for axes, (time, gain) in zip(both, panels, strict=True):
        facts = select.needed(result, time)
        says = [_said(fact, result, gain) for fact in facts]
        bars.draw(axes, facts, names, "time", says=says)
        axes.set_yticks(range(len(names)), labels if time is STEP_TIME else names)
        axes.set_xlim(0, ROOM * axes.get_xlim()[1])
        tokens = facts[0].details["tokens"]
        style.panel_title(axes, HEADINGS[time.name].format(tokens=tokens))
    return fig


def _said(fact: Record, result: Any, gain: Quantity) -> str:
    """Write a time, and behind it how many times as fast it is and whether surely."""
    facts = select.by_quantity(records.collect(result), gain)
    ratios = [ratio for ratio in facts if ratio.subject == fact.subject]
    if not ratios:
        return fact.value_text()
    word = ratios[0].details["verdict"]
    sure = UNSURE if word.startswith("no") else word
    return f"{fact.value_text()}, {ratios[0].value:.2f} × as fast ({sure})"


def fused_alt(facts: Sequence[Record]) -> str:
    """Say operators, times and ratios of every way."""
    counts = {f.subject: f for f in select.by_quantity(facts, KERNELS)}
    said = ["Time of a step and of a prefill, by what was folded and fused."]
    for time, gain in ((STEP_TIME, STEP_GAIN), (PREFILL_TIME, PREFILL_GAIN)):
        for fact in select.by_quantity(facts, time):
            count = f"{counts[fact.subject].value:.0f} operators that compute, "
            count = count if time is STEP_TIME else "prefill, "
            said.append(f"{fact.subject}: {count}{_said(fact, facts, gain)}.")
    return " ".join(said)
