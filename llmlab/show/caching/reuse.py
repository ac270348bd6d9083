"""What need not be read or answered twice: prefixes, whole answers, similar questions.

Shares are drawn in per cent, times on a logarithmic axis where they lie far apart.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, PercentFormatter

from llmlab.caching.quantities import (
    ANSWER_HITS,
    FIRST_TOKEN,
    FIRST_TOKEN_WITH,
    GET,
    PREFIX_HITS,
    SERVED,
    TIMES_FEWER,
    TIMES_SOONER,
    TOKENS_READ,
    TOKENS_READ_WITH,
    WRONG,
)
from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.show import bars, curves, scales, select, style

WAYS = "without", "with prefixes"
PANELS = (  # without, with, and how many times less
    ("tokens read", TOKENS_READ, TOKENS_READ_WITH, TIMES_FEWER),
    ("time to first token, p50", FIRST_TOKEN, FIRST_TOKEN_WITH, TIMES_SOONER),
)


@style.by_the_rules
def prefixes(
    result: Any, *, title: str = "Reading prompts, with and without their prefixes"
) -> Figure:
    """Draw tokens read and time to first token, a pair of bars for each trace.

    result: records "tokens read" and "first token, p50", both without and with
    prefixes, the trace as subject; how many times less stands at the second bar.
    """
    facts = records.collect(result)
    names = list(dict.fromkeys(f.subject for f in select.needed(result, TOKENS_READ)))
    fig, axes = style.canvas(
        2, height=1.7 + 0.55 * len(names), title=title, sharey=True
    )
    for panel, (heading, *ways, gain) in zip(axes, PANELS, strict=True):
        gains = {fact.subject: fact for fact in select.by_quantity(facts, gain)}
        pairs = [select.by_quantity(facts, what) for what in ways]
        _pairs(panel, pairs, names, gains)
        style.panel_title(panel, heading)
    curves.legend(fig, axes[0])
    return fig


def _pairs(
    axes: Axes,
    pairs: Sequence[Sequence[Record]],
    names: list[str],
    gains: dict[str, Record],
) -> None:
    facts = [fact for group in pairs for fact in group]
    factor, unit = scales.shared([fact.value for fact in facts], facts[0].unit)
    for place, (way, group) in enumerate(zip(WAYS, pairs, strict=True)):
        look = style.series(place)
        for fact in group:
            row = names.index(fact.subject) + (place - 0.5) * 0.36
            first = fact is group[0]
            axes.barh(row, fact.value / factor, 0.32, color=look.color,
                      hatch=look.hatch, edgecolor=style.CARD,
                      label=way if first else None)  # fmt: skip
            curves.interval(axes, fact, row, factor)
            gain = gains.get(fact.subject) if place else None
            words = _short(fact) + (f", {gain.value:.2g} ×" if gain else "")
            axes.annotate(words, ((fact.high or fact.value) / factor, row), (5, 0),
                          va="center", textcoords="offset points",
                          fontsize=8.5)  # fmt: skip
    most = max(fact.high or fact.value for fact in facts) / factor
    axes.set_xlim(0, 1.45 * most)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    bars.rows(axes, names)
    scales.name(axes.xaxis, "shorter is better", unit, select.kinds(facts))


def _short(fact: Record) -> str:
    return f"{fact.value:,.0f}" if fact.unit == "token" else fact.value_text()


def prefixes_alt(facts: Sequence[Record]) -> str:
    """Say for every trace what is read, and when the first token comes."""
    said = ["Prompts read without and with a tree of prefixes."]
    names = dict.fromkeys(f.subject for f in select.by_quantity(facts, TOKENS_READ))
    for name in names:
        own = [fact for fact in facts if fact.subject == name]
        parts = []
        for heading, *ways, _ in PANELS:
            told = [select.by_quantity(own, what)[0].value_text() for what in ways]
            parts.append(f"{heading} {told[0]} without, {told[1]} with")
        said.append(f"{name}: {'; '.join(parts)}.")
    return " ".join(said)


@style.by_the_rules
def capacity(
    result: Any, *, title: str = "What a tree finds, by what it may keep"
) -> Figure:
    """Draw the share of tokens found in the tree, by its capacity and by trace."""
    facts = select.needed(result, PREFIX_HITS)
    fig, axes = style.canvas(title=title)
    _shares(axes, facts, along="capacity", what=PREFIX_HITS.name)
    curves.legend(fig, axes)
    axes.set_xlabel("tokens that the pool holds (log scale)")
    return fig


def capacity_alt(facts: Sequence[Record]) -> str:
    """Say what each trace finds at every capacity."""
    return "Share of tokens found in the tree. " + _said(facts, PREFIX_HITS, "capacity")


@style.by_the_rules
def answers(
    result: Any, *, title: str = "Whole answers: found, and how fast"
) -> Figure:
    """Draw hits by capacity, and the time of an answer by where it comes from.

    result: records "answers found" with details["capacity"], and "time of an answer",
    the place as subject, on a logarithmic axis.
    """
    facts = records.collect(result)
    hits, times = (select.by_quantity(facts, what) for what in (ANSWER_HITS, GET))
    fig, (left, right) = style.canvas(2, height=3.4, title=title)
    _shares(left, hits, along="capacity", what="requests answered")
    left.set_xlabel("answers that the cache keeps (log scale)")
    curves.legend(fig, left)
    names = [fact.subject for fact in times]
    for row, fact in enumerate(times):
        look = style.series(row)
        right.errorbar(fact.value, row, xerr=curves.error_bars([fact]), capsize=2.5,
                       fmt=look.marker, color=look.color, markersize=7)  # fmt: skip
        right.annotate(fact.value_text(), (fact.value, row), (0, 8), ha="center",
                       textcoords="offset points", fontsize=8.5)  # fmt: skip
    bars.rows(right, names)
    right.set_ylim(len(names) - 0.5, -0.7)
    scales.logarithmic(right.xaxis, GET.name, "s", select.kinds(times))
    low, high = scales.room([fact.value for fact in times])
    right.set_xlim(low / 3, high * 3)
    right.xaxis.set_major_locator(LogLocator(numticks=5))
    right.minorticks_off()
    return fig


def answers_alt(facts: Sequence[Record]) -> str:
    """Say what is found at each capacity, and what an answer takes from each place."""
    times = [
        f"{fact.subject} {fact.value_text()}" for fact in select.by_quantity(facts, GET)
    ]
    found = _said(facts, ANSWER_HITS, "capacity")
    return f"Answers found by capacity. {found} Time of an answer: {', '.join(times)}."


@style.by_the_rules
def similar(
    result: Any, *, title: str = "Served by similarity, and wrong among the served"
) -> Figure:
    """Draw the share of requests served, and of wrong answers, by the threshold.

    result: records "requests served" and "wrong among the served" with
    details["threshold"]. Thresholds stand side by side, however close they are.
    """
    facts = select.by_quantity(records.collect(result), SERVED, WRONG)
    curved, flat = _parted(facts)
    thresholds = sorted({fact.details["threshold"] for fact in curved})
    fig, axes = style.canvas(title=title)
    for index, (name, curve) in enumerate(_curves(curved).items()):
        look = style.series(index)
        at = [thresholds.index(fact.details["threshold"]) for fact in curve]
        axes.plot(at, [fact.value for fact in curve], look.marker, linestyle=look.line,
                  color=look.color, label=name)  # fmt: skip
    for fact in flat:
        axes.axhline(fact.value, color=style.QUIET, linewidth=1.2, linestyle=":")
        words = f"{fact.subject}: {100 * fact.value:.0f} % served"
        axes.annotate(words, (0, fact.value), (0, 4), fontsize=8.5,
                      textcoords="offset points")  # fmt: skip
    axes.set_xticks(range(len(thresholds)), [f"{each:g}" for each in thresholds])
    axes.set_xlabel("similarity from which an answer is served (not to scale)")
    _per_cent(axes, f"share ({select.kinds(facts)})")
    curves.legend(fig, axes)
    return fig


def similar_alt(facts: Sequence[Record]) -> str:
    """Say both shares at every threshold."""
    said = ["Shares by threshold."]
    shares = select.by_quantity(facts, SERVED, WRONG)
    curved, flat = _parted(shares)
    for name, curve in _curves(curved).items():
        ends = [f"{f.value:.0%} at {f.details['threshold']:g}" for f in curve]
        said.append(f"{name}: {', '.join(ends)}.")
    said += [f"{one.subject}: {one.value:.0%} served." for one in flat]
    return " ".join(said)


def _parted(facts: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Return what has several thresholds, and the served shares of what has one."""
    groups = select.by_subject(facts).values()
    single = [
        each for each in groups
        if len({select.detail(fact, "threshold") for fact in each}) == 1
    ]  # fmt: skip
    flat = [fact for each in single for fact in each]
    curved = [fact for fact in facts if fact not in flat]
    return curved, [fact for fact in flat if fact.name == SERVED.name]


def _curves(facts: Sequence[Record]) -> dict[str, list[Record]]:
    """Group by what and of whom: the same question is asked of several texts."""
    groups: dict[str, list[Record]] = {}
    one = len({fact.subject for fact in facts}) == 1
    for fact in facts:
        name = fact.name if one else f"{fact.subject}: {fact.name}"
        groups.setdefault(name, []).append(fact)
    return {name: curves.ordered(each, "threshold") for name, each in groups.items()}


def _shares(axes: Axes, facts: Sequence[Record], *, along: str, what: str) -> None:
    for index, (name, curve) in enumerate(select.by_subject(facts).items()):
        curves.one(axes, style.series(index), name, curve, along=along)
    scales.doubling(axes, along, [select.detail(fact, along) for fact in facts])
    _per_cent(axes, f"{what} ({select.kinds(facts)})")


def _per_cent(axes: Axes, what: str) -> None:
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    scales.name(axes.yaxis, what)


def _said(facts: Sequence[Record], what: Quantity, along: str) -> str:
    said = []
    for name, curve in select.by_subject(select.by_quantity(facts, what)).items():
        ends = [
            f"{one.value:.0%} at {one.details[along]:,}"
            for one in curves.ordered(curve, along)
        ]
        said.append(f"{name}: {', '.join(ends)}.")
    return " ".join(said)
