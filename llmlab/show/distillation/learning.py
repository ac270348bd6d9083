"""Students as they learn: bits per byte by step, and by second."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.distillation.quantities import STUDENT_BITS
from llmlab.show import curves, scales, select, style

WHAT = "bits a byte"
SECONDS = "training seconds"  # a key of details


@style.by_the_rules
def starts(
    result: Any, *, title: str = "One shape, three starts, the same steps on labels"
) -> Figure:
    """Draw a curve over steps for each start.

    result: records "bits per byte of a student" with details["start"] and
    details["steps"].
    """
    facts = select.needed(result, STUDENT_BITS)
    fig, axes = style.canvas(height=3.7, title=title)
    _curves(axes, facts, "steps")
    axes.set_xlabel("steps of training")
    scales.name(axes.yaxis, WHAT, select.kinds(facts))
    curves.legend(fig, axes)
    return fig


@style.by_the_rules
def losses(
    result: Any, *, title: str = "What each loss teaches, by step and by second"
) -> Figure:
    """Draw a curve for each loss, over steps in one panel, over seconds in another.

    result: records as in `starts`, with details["loss"] and, for the second panel,
    details["training seconds"].
    """
    facts = select.needed(result, STUDENT_BITS)
    fig, (left, right) = style.canvas(2, height=3.9, title=title, sharey=True)
    _curves(left, facts, "steps")
    _curves(right, facts, SECONDS, numbers=False)
    left.set_xlabel("steps of training")
    right.set_xlabel("seconds, the teacher's work included")
    style.panel_title(left, "at equal steps")
    style.panel_title(right, "at equal time")
    scales.name(left.yaxis, WHAT, select.kinds(facts))
    curves.legend(fig, left)
    return fig


def _curves(
    axes: Axes, facts: Sequence[Record], along: str, *, numbers: bool = True
) -> None:
    """Draw the curves without their intervals, which overlap and say little here.

    The texts are the same, so differences are much surer than the numbers.
    """
    ends: list[tuple[float, str, str]] = []
    groups = select.by_subject(facts)
    for index, (name, curve) in enumerate(groups.items()):
        look, rows = style.series(index), curves.ordered(curve, along)
        axes.plot(
            [fact.details[along] for fact in rows], [fact.value for fact in rows],
            look.marker, linestyle=look.line, color=look.color, label=name,
            markersize=5,
        )  # fmt: skip
        ends.append((rows[-1].value, f"{rows[-1].value:.2f}", look.color))
    values = [fact.value for fact in facts]
    span = max(values) - min(values)
    axes.set_ylim(min(values) - 0.07 * span, max(values) + 0.07 * span)
    most = max(fact.details[along] for fact in facts)
    axes.set_xlim(-0.03 * most, most * (1.16 if numbers else 1.04))
    if numbers:
        _numbers(axes, ends, most, 0.07 * span)


def _numbers(
    axes: Axes, ends: Sequence[tuple[float, str, str]], x: float, least: float
) -> None:
    """Write the last values beside the curves, moved apart where they would meet."""
    height = float("-inf")
    for value, words, color in sorted(ends):
        height = max(value, height + least)
        axes.annotate(words, (x, height), (7, 0), textcoords="offset points",
                      va="center", fontsize=8.5, color=color)  # fmt: skip


def starts_alt(facts: Sequence[Record]) -> str:
    """Say for every start its bits per byte before and after."""
    return f"Students of one shape by where they began. {_said(facts)}"


def losses_alt(facts: Sequence[Record]) -> str:
    """Say for every loss its bits per byte before and after, and its seconds."""
    return f"Students of one start by what they learned from. {_said(facts)}"


def _said(facts: Sequence[Record]) -> str:
    said = []
    groups = select.by_subject(select.by_quantity(facts, STUDENT_BITS))
    for name, curve in groups.items():
        first, last = curves.ends(curve, "steps")
        said.append(
            f"{name}: {first.value:.3f} bits per byte before, {last.value:.3f} after "
            f"{last.details['steps']} steps in {last.details[SECONDS]:.1f} s."
        )
    return " ".join(said)
