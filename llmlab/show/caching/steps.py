"""Steps on other caches: pages, fewer bits, fewer tokens; what they take and cost."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from llmlab.caching.quantities import (
    CACHE_LOSS,
    CACHE_STEP,
    TIMES_AS_LONG,
    TOKEN_CACHE,
)
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import bars, curves, scales, select, style


@style.by_the_rules
def paged(
    result: Any, *, title: str = "A step on pages, and on the plain cache"
) -> Figure:
    """Draw the time of a step, a panel for each number of rows.

    result: records "time of a step" with details["rows"], the cache as subject, and
    "step, times as long", which stand at the ends of the bars.
    """
    facts = select.needed(result, CACHE_STEP)
    by_rows = {
        row: [f for f in facts if f.details["rows"] == row] for row in _rows(facts)
    }
    names = list(dict.fromkeys(fact.subject for fact in facts))
    fig, axes = style.canvas(
        len(by_rows), height=bars.height(names, extra=0.2), title=title, sharey=True,
        squeeze=False,
    )  # fmt: skip
    longer = _longer(result)
    for panel, (row, group) in zip(axes[0], by_rows.items(), strict=True):
        says = [_said(fact, longer.get((fact.subject, row))) for fact in group]
        bars.draw(panel, group, names, CACHE_STEP.name, says=says)
        panel.set_xlim(0, 1.55 * panel.get_xlim()[1])
        style.panel_title(panel, _rows_of(group[0]))
    return fig


def paged_alt(facts: Sequence[Record]) -> str:
    """Say what a step takes on each cache."""
    longer = _longer(facts)
    said = ["Time of a step by cache."]
    for fact in select.by_quantity(facts, CACHE_STEP):
        words = _said(fact, longer.get((fact.subject, fact.details["rows"])))
        said.append(f"{fact.subject}, {_rows_of(fact)}: {words}.")
    return " ".join(said)


@style.by_the_rules
def fewer_bits(
    result: Any, *, title: str = "Caches of fewer bits: quality, memory, time"
) -> Figure:
    """Draw quality, memory and time of caches, a panel for each.

    result: records "bits per byte added by the cache", "cache of a token" and "time of
    a step", the cache as subject.
    """
    facts = records.collect(result)
    losses, sizes, times = (
        select.by_quantity(facts, what)
        for what in (CACHE_LOSS, TOKEN_CACHE, CACHE_STEP)
    )
    names = [fact.subject for fact in sizes]
    fig, (left, middle, right) = style.canvas(
        3, height=bars.height(names, extra=0.2), title=title, sharey=True
    )
    _points(left, losses, names)
    bars.draw(middle, sizes, names, TOKEN_CACHE.name)
    bars.draw(right, times, names, CACHE_STEP.name)
    for panel in (middle, right):
        panel.set_xlim(0, 1.25 * panel.get_xlim()[1])
        panel.xaxis.set_major_locator(MaxNLocator(3))
    for panel, word in ((left, "quality"), (middle, "memory"), (right, "time")):
        style.panel_title(panel, word)
    return fig


def fewer_bits_alt(facts: Sequence[Record]) -> str:
    """Say for every cache what it loses, what a token takes, and a step."""
    times = {f.subject: f for f in select.by_quantity(facts, CACHE_STEP)}
    losses = {f.subject: f for f in select.by_quantity(facts, CACHE_LOSS)}
    said = ["Caches by the bits of a number."]
    for size in select.by_quantity(facts, TOKEN_CACHE):
        name = size.subject
        lost = percent(losses[name].value) if name in losses else "nothing lost"
        said.append(
            f"{name}: {lost} bits per byte, {size.value_text()} a token, "
            f"{times[name].value_text()} a step."
        )
    return " ".join(said)


@style.by_the_rules
def windows(result: Any, *, title: str = "A window, with and without sinks") -> Figure:
    """Draw what a window costs beyond it, a panel for each width.

    result: records "bits per byte added by the cache" with details["window"], the sinks
    as subject.
    """
    facts = select.needed(result, CACHE_LOSS)
    widths = list(dict.fromkeys(select.detail(fact, "window") for fact in facts))
    names = list(dict.fromkeys(fact.subject for fact in facts))
    fig, axes = style.canvas(
        len(widths), height=bars.height(names, extra=0.2), title=title, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for panel, width in zip(axes[0], widths, strict=True):
        _points(panel, [f for f in facts if f.details["window"] == width], names)
        style.panel_title(panel, f"window of {width} tokens")
    for panel in axes[0]:
        _room(panel, facts)
    return fig


def windows_alt(facts: Sequence[Record]) -> str:
    """Say what every window loses."""
    said = ["Bits per byte added beyond the window."]
    for fact in select.by_quantity(facts, CACHE_LOSS):
        width = fact.details["window"]
        said.append(f"Window of {width}, {fact.subject}: {percent(fact.value)}.")
    return " ".join(said)


def percent(share: float) -> str:
    """Write a share as per cent with its sign, to the digits that matter."""
    if not share:
        return "0 %"
    size = abs(100 * share)
    digits = 2 if size < 1 else 1 if size < 100 else 0
    return f"{100 * share:+.{digits}f} %".replace("-", "\N{MINUS SIGN}")


def _tick(share: float) -> str:
    return f"{100 * share:+.3g} %".replace("-", "\N{MINUS SIGN}") if share else "0 %"


def _points(axes: Axes, facts: Sequence[Record], names: Sequence[str]) -> None:
    """Draw losses as points with intervals, their values beside them."""
    for fact in facts:
        row = names.index(fact.subject)
        look = style.series(row)
        axes.errorbar(fact.value, row, xerr=curves.error_bars([fact]), fmt=look.marker,
                      color=look.color, markersize=7, capsize=2.5)  # fmt: skip
        axes.annotate(percent(fact.value), (fact.value, row), (0, 8), ha="center",
                      textcoords="offset points", fontsize=8.5,
                      bbox={"facecolor": style.CARD, "edgecolor": "none", "pad": 0.5},
                      zorder=3)  # fmt: skip
    _room(axes, facts)
    axes.axvline(0, color=style.QUIET, linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    bars.rows(axes, names)
    axes.set_ylim(len(names) - 0.5, -0.7)
    scales.name(axes.xaxis, "bits per byte more", "", select.kinds(facts))


def _room(axes: Axes, facts: Sequence[Record]) -> None:
    """Let an axis of losses reach from nothing to all their ends."""
    ends = [end for f in facts for end in (f.low, f.value, f.high) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = 0.25 * (high - low) or 0.01
    axes.set_xlim(low - room, high + room)


def _rows(facts: Sequence[Record]) -> list[int]:
    return list(dict.fromkeys(select.detail(fact, "rows") for fact in facts))


def _rows_of(fact: Record) -> str:
    rows, tokens = fact.details["rows"], fact.details.get("tokens")
    word = "one text" if rows == 1 else f"{rows} texts"
    return word if tokens is None else f"{word} of {tokens} tokens"


def _longer(result: Any) -> dict[tuple[str, int], Record]:
    facts = select.by_quantity(records.collect(result), TIMES_AS_LONG)
    return {(fact.subject, fact.details["rows"]): fact for fact in facts}


def _said(fact: Record, longer: Record | None) -> str:
    return fact.value_text() + (f", {longer.value:.2f} × as long" if longer else "")
