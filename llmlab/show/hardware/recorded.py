"""What was recorded on a GPU: steps against the memory roofline, attention, a layer."""

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.hardware.quantities import (
    GPU_ATTENTION,
    GPU_LAUNCHES,
    GPU_LINEAR,
    GPU_ROWS,
    GPU_SHARE,
    GPU_STEP,
)
from llmlab.show import bars, curves, scales, select, style

Panel = tuple[str, list[Record], Callable[[Axes, list[Record]], None]]
LINE = 46  # letters


@style.by_the_rules
def gpu(result: Any, *, title: str = "Recorded on a GPU") -> Figure:
    """Draw a step's share of the memory roofline, attention and a layer by tokens.

    result: records as `experiments.gpu` gives them. What was not recorded has no panel;
    where nothing was, the card says how to record it.
    """
    facts = records.collect(result)
    panels = _panels(facts)
    if not panels:
        fig, axes = style.canvas(height=1.5, title=title)
        axes.set_axis_off()
        axes.text(0, 0.9, _wrapped(facts), transform=axes.transAxes, va="top")
        return fig
    fig, axes = style.canvas(len(panels), height=3.7, title=title, squeeze=False)
    for panel, (word, rows, draw) in zip(axes[0], panels, strict=True):
        draw(panel, rows)
        style.panel_title(panel, word)
    return fig


def gpu_alt(facts: Sequence[Record]) -> str:
    """Say each step's share and launches, and what attention takes at the ends."""
    said = []
    for share in _shares(facts):
        same = [
            f for f in select.by_quantity(facts, GPU_STEP, GPU_LAUNCHES)
            if f.details == share.details and f.subject == share.subject
        ]  # fmt: skip
        more = ", ".join(fact.value_text() for fact in same)
        said.append(f"{_named(share)}: {share.value_text()} of the roofline, {more}.")
    for what, word in ((GPU_ATTENTION, "attention"), (GPU_LINEAR, "linear layer")):
        for name, rows in select.by_subject(select.by_quantity(facts, what)).items():
            first, last = curves.ends(rows, "tokens")
            said.append(
                f"{word} {name}: {first.value_text()} at {first.details['tokens']} and "
                f"{last.value_text()} at {last.details['tokens']} tokens."
            )
    return " ".join(said) or "Rows recorded on a GPU: none that this picture shows."


def _panels(facts: Sequence[Record]) -> list[Panel]:
    """Return those panels that have rows."""
    panels: list[Panel] = [
        ("a decode step, batch 1", _shares(facts), _bars),
        (
            "attention by tokens",
            [*select.by_quantity(facts, GPU_ATTENTION)],
            _attention,
        ),
        ("layer by tokens", [*select.by_quantity(facts, GPU_LINEAR)], _layer),
    ]
    return [panel for panel in panels if panel[1]]


def _shares(facts: Sequence[Record]) -> list[Record]:
    """Return the shares of decode steps of one sequence, the largest model's first.

    A model is shown in one format: the first that was recorded, the shortest.
    """
    steps = {(f.subject, tuple(f.details.items())): f.value
             for f in select.by_quantity(facts, GPU_STEP)}  # fmt: skip
    kept: list[Record] = []
    for fact in select.by_quantity(facts, GPU_SHARE):
        is_step = (fact.subject, tuple(fact.details.items())) in steps
        formats = {f.details["dtype"] for f in kept if f.subject == fact.subject}
        if is_step and fact.details["batch"] == 1:
            if not formats or fact.details["dtype"] in formats:
                kept.append(fact)
    kept.sort(key=lambda fact: not fact.details["way"].endswith("eager"))
    models = list(dict.fromkeys(fact.subject for fact in kept))
    return [fact for name in models[:2] for fact in kept if fact.subject == name][:8]


def _named(fact: Record) -> str:
    return f"{fact.subject} {fact.details['dtype']}, {fact.details['way']}"


def _bars(axes: Axes, rows: list[Record]) -> None:
    for place, fact in enumerate(rows):
        ways = list(dict.fromkeys(row.details["way"] for row in rows))
        look = style.series(ways.index(fact.details["way"]))
        axes.barh(place, 100 * fact.value, bars.HIGH, color=look.color,
                  hatch=look.hatch, edgecolor=style.CARD)  # fmt: skip
        axes.annotate(fact.value_text(), (100 * fact.value, place), (4, 0),
                      va="center", textcoords="offset points", fontsize=8)  # fmt: skip
    bars.rows(axes, [_named(fact).replace(", ", "\n", 1) for fact in rows])
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set_xlim(0, bars.ROOM * 100 * max(fact.value for fact in rows))
    scales.name(axes.xaxis, "of the memory roofline", "%", "recorded")


def _attention(axes: Axes, rows: list[Record]) -> None:
    curves.by_length(axes, rows, "attention")
    axes.legend(loc="upper left", fontsize=8)


def _layer(axes: Axes, rows: list[Record]) -> None:
    curves.by_length(axes, rows, "rate")
    axes.legend(loc="upper left", fontsize=8)


def _wrapped(facts: Sequence[Record]) -> str:
    """Return the sentence of the rows, in lines that fit the card."""
    counted = select.needed(facts, GPU_ROWS)[0]
    words, lines = str(counted.details.get("note", "")).split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 2 * LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
