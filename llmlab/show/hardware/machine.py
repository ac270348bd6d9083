"""What this machine does: threads beyond its cores, formats, libraries, energy."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.hardware.quantities import (
    FORMAT_ERROR,
    FORMAT_GAIN,
    FORMAT_TIME,
    LIBRARY_CALLS,
    LIBRARY_SHARE,
    MILLION_ENERGY,
    THREADS_GAIN,
    THREADS_TIME,
    TOKEN_COST,
    TOKEN_ENERGY,
)
from llmlab.show import bars, curves, scales, select, style

COLUMNS = ("MKL", "oneDNN", "neither")
PLACES = (0.0, 0.75, 2.1)  # of the columns; those of oneDNN have long names
HIGHEST = 1.15  # of the largest value, for the axis
NONE = "no instruction"


@style.by_the_rules
def threads(
    result: Any, *, title: str = "More threads: as fast as on one, times"
) -> Figure:
    """Draw how many times as fast a phase is, by threads, and where the cores end.

    result: records "threads, times as fast", the phase as subject, with
    details["threads"] and details["cores"].
    """
    facts = select.needed(result, THREADS_GAIN)
    fig, axes = style.canvas(height=3.6, title=title)
    counts = {1} | {select.detail(fact, "threads") for fact in facts}
    for index, (name, curve) in enumerate(select.by_subject(facts).items()):
        look = style.series(index)
        curves.one(axes, look, name, curve, along="threads")
        first = curves.ordered(curve, "threads")[0]
        axes.plot([1, first.details["threads"]], [1, first.value], look.marker,
                  linestyle=look.line, color=look.color)  # fmt: skip
    scales.doubling(axes, "threads", sorted(counts))
    top = max(max(fact.high or 0, fact.value) for fact in facts)
    axes.set_ylim(0, HIGHEST * max(top, 1.0))
    axes.axhline(1, color=style.QUIET, linewidth=1)
    _cores(axes, facts)
    scales.name(axes.yaxis, "as fast as on one thread", "times", select.kinds(facts))
    curves.legend(fig, axes)
    return fig


def threads_alt(facts: Sequence[Record]) -> str:
    """Say for both phases how fast they are on so many threads."""
    gains = select.by_quantity(facts, THREADS_GAIN)
    said = ["How many times as fast as on one thread."]
    for name, curve in select.by_subject(gains).items():
        parts = [
            f"{fact.value:.2g} on {fact.details['threads']}"
            for fact in curves.ordered(curve, "threads")
        ]
        said.append(f"{name}: {', '.join(parts)}.")
    for fact in select.by_quantity(facts, THREADS_TIME):
        if fact.details["threads"] == 1:
            said.append(f"{fact.subject} on one thread: {fact.value_text()}.")
    cores = {fact.details["cores"] for fact in gains if "cores" in fact.details}
    said += [f"The machine gives this process {count} cores." for count in cores]
    return " ".join(said)


def _cores(axes: Axes, facts: Sequence[Record]) -> None:
    """Mark how many cores there are."""
    cores = facts[0].details.get("cores")
    if cores is None:
        return
    axes.axvline(cores, color=style.QUIET, linewidth=1, linestyle=":")
    axes.annotate(
        "1 core" if cores == 1 else f"{cores} cores", (cores, 1), (5, -4),
        xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
        fontsize=9, color=style.QUIET,
    )  # fmt: skip


@style.by_the_rules
def precision(
    result: Any, *, title: str = "Fewer bits: as fast as fp32, times"
) -> Figure:
    """Draw how many times as fast as fp32 each format is, a panel by tokens.

    result: records "format, times as fast as fp32" with details["tokens"], and "linear
    by format" with details["instructions"].
    """
    facts = select.needed(result, FORMAT_GAIN)
    names = list(select.by_subject(facts))
    tokens = sorted({select.detail(fact, "tokens") for fact in facts})
    fig, panels = style.canvas(
        len(tokens), height=bars.height(names, extra=0.6), title=title
    )
    words = _instructions(result)
    labels = [f"{name}\n{words.get(name, NONE)}" for name in names]
    for place, count in enumerate(tokens):
        axes = panels if len(tokens) == 1 else panels[place]
        some = [fact for fact in facts if fact.details["tokens"] == count]
        says = [f"{fact.value:.2g} ×" for fact in some]
        bars.draw(axes, some, names, "times fp32", says=says)
        axes.set_yticks(
            range(len(names)), labels if place == 0 else ["" for _ in names]
        )
        axes.axvline(1, color=style.QUIET, linewidth=1)
        style.panel_title(axes, "1 token" if count == 1 else f"{count} tokens")
    return fig


def precision_alt(facts: Sequence[Record]) -> str:
    """Say what the processor has for each format, and how fast and wrong it is."""
    said = ["How many times as fast as fp32 one linear layer is in other formats."]
    words = _instructions(facts)
    errors = {f.subject: f for f in select.by_quantity(facts, FORMAT_ERROR)}
    gains = select.by_quantity(facts, FORMAT_GAIN)
    for name, some in select.by_subject(gains).items():
        parts = [f"{f.value:.2g} at tokens {f.details['tokens']}" for f in some]
        off = f", off by {errors[name].value_text()}" if name in errors else ""
        said.append(f"{name}, {words.get(name, NONE)}: {', '.join(parts)}{off}.")
    return " ".join(said)


def _instructions(result: Any) -> dict[str, str]:
    times = select.by_quantity(select.checked(result), FORMAT_TIME)
    return {f.subject: str(f.details.get("instructions", NONE)) for f in times}


@style.by_the_rules
def libraries(result: Any, *, title: str = "Who computed it, by its log") -> Figure:
    """Draw a row for each piece of work and a mark below the library that ran it.

    result: records "calls of a library" with details["work"] and details["library"].
    """
    facts = select.needed(result, LIBRARY_CALLS)
    works = list(dict.fromkeys(select.detail(fact, "work") for fact in facts))
    fig, axes = style.canvas(height=bars.height(works), title=title)
    for fact in facts:
        row = works.index(fact.details["work"])
        column = _column(fact)
        look = style.series(column)
        axes.plot(PLACES[column], row, look.marker, color=look.color, markersize=8)
        axes.annotate(_how(fact), (PLACES[column], row), (9, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
    bars.rows(axes, works)
    axes.set_xticks(PLACES, COLUMNS)
    axes.xaxis.tick_top()
    scales.name(axes.xaxis, "library, and calls in its log", "", select.kinds(facts))
    axes.set_xlim(-0.25, PLACES[-1] + 0.6)
    return fig


def libraries_alt(facts: Sequence[Record]) -> str:
    """Say who computed every piece of work, and the layers of a step."""
    said = ["Which library computed each piece of work."]
    for fact in select.by_quantity(facts, LIBRARY_CALLS):
        how = fact.details.get("implementation", "")
        said.append(
            f"{fact.details['work']}: {fact.details['library']}, {how}, "
            f"{fact.value_text()}."
        )
    for fact in select.by_quantity(facts, LIBRARY_SHARE):
        of = fact.details
        said.append(
            f"Of the {of['products']} products of a decode step {of['onednn']} ran in "
            f"oneDNN and {of['mkl']} in MKL."
        )
    return " ".join(said)


def _how(fact: Record) -> str:
    """Write the implementation without the words before it, and how many calls."""
    words = str(fact.details.get("implementation", ""))
    if not fact.value:
        return words
    times = f"{fact.value:.0f} × " if fact.value > 1 else ""
    return times + words.split(" ")[-1]


def _column(fact: Record) -> int:
    name = select.detail(fact, "library")
    if name not in COLUMNS:
        raise ValueError(
            f"library={name!r} has no column in this picture; it shows "
            f"{', '.join(COLUMNS)}."
        )
    return COLUMNS.index(name)


@style.by_the_rules
def energy(
    result: Any, *, title: str = "Energy of a token, by rows of a step"
) -> Figure:
    """Draw the joules of a token, a bar for each number of rows.

    result: records "energy per token" with details["batch"].
    """
    facts = select.needed(result, TOKEN_ENERGY)
    names = [_rows(fact) for fact in facts]
    fig, axes = style.canvas(height=bars.height(names, extra=0.3), title=title)
    factor, unit = scales.shared([fact.value for fact in facts], "J")
    for row, fact in enumerate(facts):
        look = style.series(row)
        axes.barh(row, fact.value / factor, bars.HIGH, color=look.color,
                  hatch=look.hatch, edgecolor=style.CARD)  # fmt: skip
        axes.annotate(fact.value_text(), (fact.value / factor, row), (5, 0),
                      va="center", textcoords="offset points", fontsize=9)  # fmt: skip
    axes.set_xlim(0, bars.ROOM * max(fact.value for fact in facts) / factor)
    bars.rows(axes, names)
    scales.name(axes.xaxis, "energy of a token", unit, select.kinds(facts))
    return fig


def energy_alt(facts: Sequence[Record]) -> str:
    """Say energy and price by rows, and how they are known."""
    said = ["Energy of a token by rows of a step."]
    for fact in select.by_quantity(facts, TOKEN_ENERGY):
        watts = fact.details.get("watts")
        stated = f", at {watts:g} W as stated" if watts else ""
        said.append(f"{_rows(fact)}: {fact.value_text()}, {fact.kind}{stated}.")
    for fact in select.by_quantity(facts, MILLION_ENERGY, TOKEN_COST):
        said.append(f"{fact.name}, {_rows(fact)}: {fact.value_text()}.")
    return " ".join(said)


def _rows(fact: Record) -> str:
    count = select.detail(fact, "batch")
    return "1 row" if count == 1 else f"{count} rows"
