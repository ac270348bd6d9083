"""What pruning costs: shares of bits per byte added, as points with intervals.

A share is drawn as per cent, with its interval; each row is a way to prune.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.pruning.quantities import LOST
from llmlab.show import curves, scales, select, style

ADDED = "bits per byte more"
ROOM = 1.22  # of the axis, for the numbers beside the points
ANYWHERE = "anywhere"
WRITTEN = {  # subjects as the picture writes them
    "wanda": "Wanda",
    "sparsegpt": "SparseGPT",
    "at once": "zeros at once",
    "at once, trained": "zeros at once, then trained",
    "step by step": "zeros step by step (yours)",
    "fewer neurons, trained": "fewer neurons, then trained",
}
GAP = 0.5  # rows between a group and the next


@style.by_the_rules
def by_sparsity(
    result: Any, *, title: str = "The more weights go, the faster it hurts"
) -> Figure:
    """Draw a curve of losses over sparsity for each subject.

    result: records "bits per byte added by pruning" with details["sparsity"]. Others
    are left alone. ValueError: none of them, or one without its sparsity.
    """
    facts = _lost(result)
    fig, axes = style.canvas(title=title)
    for index, (name, curve) in enumerate(select.by_subject(facts).items()):
        look = style.series(index)
        curves.one(axes, look, name, curve, along="sparsity")
        for fact in curve:
            left = index == 0
            axes.annotate(
                percent(fact.value), (fact.details["sparsity"], fact.value),
                (7, -11) if left else (-7, 5), textcoords="offset points",
                ha="left" if left else "right", fontsize=8.5, color=look.color,
            )  # fmt: skip
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    shares = [select.detail(fact, "sparsity") for fact in facts]
    axes.set_xticks(sorted(set(shares)))
    axes.set_xlim(min(shares) - 0.08, max(shares) + 0.08)
    most = max(fact.high or fact.value for fact in facts)
    axes.set_ylim(-0.08 * most, 1.1 * most)
    axes.axhline(0, color=style.QUIET, linewidth=1)
    axes.set_xlabel("sparsity: share of the weights that are zero")
    scales.name(axes.yaxis, ADDED, "", select.kinds(facts))
    curves.legend(fig, axes)
    return fig


def by_sparsity_alt(facts: Sequence[Record]) -> str:
    """Say for every subject what it loses at each sparsity."""
    said = ["Bits per byte added by pruning, by sparsity."]
    for name, curve in select.by_subject(_lost(facts)).items():
        rows = [f"{percent(f.value)} at {f.details['sparsity']:.0%}" for f in curve]
        said.append(f"{name}: {', '.join(rows)}.")
    return " ".join(said)


@style.by_the_rules
def ways(result: Any, *, title: str = "Half of the weights, six ways") -> Figure:
    """Draw two panels, zeros anywhere and in a pattern, with a row for each method.

    result: records as above with details["pattern"], "" for anywhere.
    """
    facts = _lost(result)
    panels: dict[str, list[Record]] = {}
    for fact in facts:
        panels.setdefault(select.detail(fact, "pattern") or ANYWHERE, []).append(fact)
    names = list(select.by_subject(facts))
    fig, axes = style.canvas(
        len(panels), height=1.5 + 0.38 * len(names), title=title, squeeze=False
    )
    most = max(fact.high or fact.value for fact in facts)
    for number, (panel, (word, rows)) in enumerate(
        zip(axes.flat, panels.items(), strict=True)
    ):
        named = [*map(written, names)] if number == 0 else [""] * len(names)
        places = [names.index(fact.subject) for fact in rows]
        _points(panel, rows, places, names, most)
        panel.set_yticks(range(len(names)), named)
        panel.set_ylim(len(names) - 0.5, -0.5)
        style.panel_title(panel, word if word == ANYWHERE else f"{word} in each row")
    fig.supxlabel(f"{ADDED} ({select.kinds(facts)})", fontsize=9.5)
    return fig


def ways_alt(facts: Sequence[Record]) -> str:
    """Say what each method loses, anywhere and in a pattern."""
    said = ["Bits per byte added when half of the weights go."]
    for fact in _lost(facts):
        place = fact.details["pattern"] or ANYWHERE
        said.append(f"{written(fact.subject)}, {place}: {percent(fact.value)}.")
    return " ".join(said)


@style.by_the_rules
def rows(result: Any, *, title: str = "A quarter of the neurons goes: which") -> Figure:
    """Draw a row for each subject. result: records as above; others are left alone.

    With details["steps"], those of training, a gap precedes each model without any.
    """
    facts = _lost(result)
    names = [fact.subject for fact in facts]
    places = _places(facts)
    fig, axes = style.canvas(height=1.3 + 0.36 * (places[-1] + 1), title=title)
    most = max(fact.high or fact.value for fact in facts)
    _points(axes, facts, places, names, most)
    axes.set_yticks(places, [*map(written, names)])
    axes.set_ylim(places[-1] + 0.5, -0.5)
    scales.name(axes.xaxis, ADDED, "", select.kinds(facts))
    return fig


def healed(
    result: Any, *, title: str = "What the same steps of training bring back"
) -> Figure:
    """Draw a row for each subject, before and after training; else as `rows`."""
    return rows(result, title=title)


def rows_alt(facts: Sequence[Record]) -> str:
    """Say what each subject loses."""
    said = [f"{written(fact.subject)}: {percent(fact.value)}" for fact in _lost(facts)]
    return f"Bits per byte added by pruning. {'; '.join(said)}."


def written(subject: str) -> str:
    """Return the name of a subject as pictures of this lab write it."""
    return WRITTEN.get(subject, subject)


def percent(share: float) -> str:
    """Write a share as per cent with its sign, to the digits that matter."""
    if not share:
        return "0 %"
    digits = 1 if abs(share) < 0.1 else 0
    return f"{100 * share:+.{digits}f} %".replace("-", "\N{MINUS SIGN}")


def _places(facts: Sequence[Record]) -> list[float]:
    """Return the place of each row; untrained models begin a group of their own."""
    places: list[float] = []
    for fact in facts:
        begins = places and fact.details.get("steps") == 0
        places.append(places[-1] + 1 + GAP * bool(begins) if places else 0.0)
    return places


def _points(
    axes: Axes,
    facts: Sequence[Record],
    places: Sequence[float],
    names: Sequence[str],
    most: float,
) -> None:
    for fact, place in zip(facts, places, strict=True):
        look = style.series(names.index(fact.subject))
        low, high = fact.low, fact.high
        if low is not None and high is not None:
            axes.hlines(place, low, high, color=look.color, linewidth=1.4)
        axes.plot(fact.value, place, look.marker, color=look.color, markersize=7)
        axes.annotate(
            percent(fact.value), (high or fact.value, place), (6, 0), va="center",
            textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
    axes.axvline(0, color=style.QUIET, linewidth=1)
    least = min(0.0, *(fact.low or fact.value for fact in facts))
    axes.set_xlim(least - 0.03 * most, ROOM * most)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")


def _lost(result: Any) -> tuple[Record, ...]:
    facts = select.by_quantity(records.collect(result), LOST)
    if not facts:
        raise ValueError(
            f"result holds no {LOST.name!r}; hand in what an experiment of "
            "llmlab.pruning.experiments returned."
        )
    return facts
