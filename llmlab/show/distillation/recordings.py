"""Recorded students: a panel for each run, by steps or at the end."""

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from llmlab.core.records import Record
from llmlab.distillation.quantities import (
    GRADE,
    MORE_THAN_LABELS,
    STUDENT_BITS,
    STUDENT_RIGHT,
    VARIETY,
)
from llmlab.show import curves, scales, select, style

USUAL = ("layers", "taught")  # starts that need no mention

Panel = tuple[str, Callable[[Axes, Sequence[Record]], None], Sequence[Record]]


@style.by_the_rules
def recorded(
    result: Any, *, title: str = "Many more steps, other teachers, its own texts"
) -> Figure:
    """Draw a panel for each question that the records answer.

    result: records of students with details["run"], such as
    `distillation.experiments.recorded` returns, or those of one run.
    """
    panels = _panels(select.checked(result, "result"))
    rows = -(-len(panels) // 2)
    fig = style.card(style.WIDTH, 0.5 + 3.3 * rows, title=title)
    across = min(2, len(panels))
    axes = list(fig.subplots(rows, across, squeeze=False).flat)
    for panel in axes:
        panel.set_visible(False)
    for panel, (name, draw, facts) in zip(axes, panels, strict=False):
        panel.set_visible(True)
        draw(panel, facts)
        style.panel_title(panel, name)
    return fig


def _panels(facts: Sequence[Record]) -> list[Panel]:
    bits = _of(facts, STUDENT_BITS)
    pairs = [f for f in bits if f.details["loss"] in ("labels", "teacher")]
    made: list[Panel] = [
        ("coder's students, by start", _by_steps, _run(pairs, "coder")),
        ("against students on labels", _differences, _of(facts, MORE_THAN_LABELS)),
        ("other teachers: right answers", _by_steps, _of(facts, STUDENT_RIGHT)),
        ("texts that a student writes", _texts, _of(facts, GRADE, VARIETY)),
    ]
    return [panel for panel in made if panel[2]] or [("bits a byte", _by_steps, bits)]


def _by_steps(panel: Axes, facts: Sequence[Record]) -> None:
    """Draw a curve for each start (colour) and loss (dashed where it is labels)."""
    several = len({fact.details["run"] for fact in facts}) > 1
    key = "run" if several else "start"
    names = list(dict.fromkeys(select.detail(fact, key) for fact in facts))
    groups: dict[tuple[str, str], list[Record]] = {}
    for fact in facts:
        groups.setdefault((fact.details[key], fact.details["loss"]), []).append(fact)
    for (name, loss), rows in groups.items():
        look, curve = style.series(names.index(name)), curves.ordered(rows, "steps")
        line = {"labels": (0, (1.2, 1.2)), "teacher": "-"}.get(loss, (0, (5, 1.5)))
        panel.plot(
            [fact.details["steps"] for fact in curve], [fact.value for fact in curve],
            look.marker, linestyle=line, color=look.color, markersize=5,
            label=f"{name}, {loss}",
        )  # fmt: skip
    panel.set_xlabel("steps of training")
    if facts[0].name == STUDENT_RIGHT.name:
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        panel.set_ylim(-0.03, 1.03)
    what = "right" if facts[0].name == STUDENT_RIGHT.name else "bits a byte"
    scales.name(panel.yaxis, what, select.kinds(facts))
    panel.legend(fontsize=7.5)


def _differences(panel: Axes, facts: Sequence[Record]) -> None:
    """Draw a row for each loss with its interval: per cent more than by labels."""
    names = [_who(fact) for fact in facts]
    for row, fact in enumerate(facts):
        look = style.series(0)
        share, low, high = (
            fact.details.get(key, 0.0)
            for key in ("relative", "relative_low", "relative_high")
        )
        panel.hlines(row, low, high, color=look.color, linewidth=1.4)
        panel.plot(share, row, look.marker, color=look.color, markersize=6)
    panel.axvline(0, color=style.INK, linewidth=1, linestyle=":")
    panel.set_yticks(range(len(names)), names, fontsize=7.5)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    panel.locator_params(axis="x", nbins=5)
    panel.set_xlabel(f"bits per byte more ({select.kinds(facts)})")
    style.one_way(panel, "x")


def _texts(panel: Axes, facts: Sequence[Record]) -> None:
    """Draw the teacher's grade against the variety of what students write."""
    grades = _ends(_of(facts, GRADE))
    varieties = _ends(_of(facts, VARIETY))
    names = [name for name in grades if name in varieties]
    for index, name in enumerate(names):
        look = style.series(index)
        place = varieties[name].value, grades[name].value
        panel.plot(*place, look.marker, color=look.color, markersize=8)
        panel.annotate(
            name, place, (0, 8), textcoords="offset points", ha="center", fontsize=7.5
        )
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    panel.margins(0.35, 0.2)
    panel.set_xlabel(f"{VARIETY.name} ({select.kinds(facts)})")
    panel.set_ylabel(f"{GRADE.name}, nats")


def _ends(facts: Sequence[Record]) -> dict[str, Record]:
    """Return the last record of every loss."""
    ends: dict[str, Record] = {}
    for fact in curves.ordered(facts, "steps"):
        ends[fact.details["loss"]] = fact
    return ends


def recorded_alt(facts: Sequence[Record]) -> str:
    """Say for every student what is known of it at its last step."""
    ends: dict[tuple[str, str, str, str], Record] = {}
    for fact in curves.ordered(facts, "steps"):
        ends[fact.name, *(fact.details[k] for k in ("run", "start", "loss"))] = fact
    said = [
        f"{fact.details['run']}, {_who(fact)}: {fact.name} {fact.value_text()}"
        for fact in ends.values()
    ]
    return f"Recorded students at their last step. {'; '.join(said)}."


def _who(fact: Record) -> str:
    start, loss = fact.details["start"], fact.details["loss"]
    return loss if start in USUAL else f"{start}, {loss}"


def _run(facts: Sequence[Record], run: str) -> list[Record]:
    return [fact for fact in facts if fact.details["run"] == run]


def _of(facts: Sequence[Record], *quantities: Any) -> list[Record]:
    return list(select.by_quantity(facts, *quantities))
