"""Where the time of one token goes: one bar a phase, cut into its parts."""

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core import records
from llmlab.core.quantities import (
    ARITHMETIC,
    ATTENTION,
    PARTS,
    PRODUCTS,
    READING,
    REST,
    STARTING,
    STEP,
)
from llmlab.core.records import Record, quantity
from llmlab.show import scales, select, style

WIDE = 0.2  # of the bar: a narrower part has its words below
HALF = 50  # per cent: words of parts beyond it run to the left
NOTE = 92  # letters of a line of notes
TOLD = 0.005  # of the bar: less is no part that can be seen
LOOKS = {  # the first three as `phases` and the drawing of the bounds have them
    ARITHMETIC.name: 0,
    READING.name: 1,
    STARTING.name: 2,
    PRODUCTS.name: 3,
    ATTENTION.name: 5,
    REST.name: 6,
}
THICK, HEAD, LINE, MARGIN = 0.62, 24 / 72, 12 / 72, 14 / 72  # inches, of a bar: its
# height, the room of its heading, of a line of words below, and below the last of them
FRAME, NOTE_LINE = 1.0, 0.17  # inches: title and axis, a line of notes

Phase = tuple[Record, list[Record]]  # the whole, its parts


@style.by_the_rules
def step_parts(
    result: Any, *, title: str = "Where the time of one token goes"
) -> Figure:
    """Draw one bar for each phase, its parts in per cent of a token's time.

    result: "time of a token" and the parts of it (`core.quantities.PARTS`) with
    details["phase"], in seconds, which add up. ValueError: a phase without its whole,
    or parts of none.
    """
    phases = phases_of(select.checked(result, "result"))
    notes = records.notes([whole for whole, _ in phases])
    lines_of_notes = [line for note in notes for line in textwrap.wrap(note, NOTE)]
    below = MARGIN + LINE * max(_lines_below(*phase) for phase in phases)
    room = HEAD + THICK + below  # inches, of a bar with its words
    height = FRAME + len(phases) * room + NOTE_LINE * len(lines_of_notes)
    fig, axes = style.canvas(height=height)
    half = THICK / 2 / room
    for row, (whole, parts) in enumerate(phases):
        _bar(axes, row, whole, parts, half)
        axes.text(
            0, row - half - 0.03, _heading(whole, phases), va="bottom", fontsize=10,
            fontweight="bold",
        )  # fmt: skip
    axes.set_ylim(len(phases) - 1 + half + below / room, -half - HEAD / room)
    axes.set_xlim(0, 100)
    axes.set_yticks(range(len(phases)), [""] * len(phases))  # named above the bars
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    kinds = select.kinds([each for _, parts in phases for each in parts])
    scales.name(axes.xaxis, "share of a token's time", "%", kinds)
    axes.set_xlabel("\n".join([axes.get_xlabel(), *lines_of_notes]))
    axes.set_title(title)
    return fig


def parts_alt(facts: Sequence[Record]) -> str:
    """Say for every phase its time and its parts, the largest first."""
    said = []
    for whole, parts in phases_of(facts):
        ordered = sorted(parts, key=lambda each: -each.value)
        words = [
            f"{each.name} {each.value_text()}, {100 * each.value / whole.value:.0f} %"
            for each in ordered
        ]
        name = _spoken(whole)
        said.append(f"{name}: {whole.text()}. The largest part is {'; '.join(words)}.")
    return " ".join(said)


def phases_of(facts: Sequence[Record]) -> list[Phase]:
    """Return for each phase its whole and its parts that can be seen, in order."""
    wholes = select.by_quantity(facts, STEP)
    phases = []
    for whole in wholes:
        phase = select.detail(whole, "phase")
        parts = [
            each
            for each in select.by_quantity(facts, *PARTS)
            if select.detail(each, "phase") == phase and each.subject == whole.subject
        ]
        order = [part.name for part in PARTS]
        parts = sorted(parts, key=lambda each: order.index(each.name))
        parts = [each for each in parts if each.value >= TOLD * whole.value]
        if not parts:
            raise ValueError(f"records hold no part of {phase!r}; hand in its parts.")
        phases.append((whole, parts))
    if not phases:
        raise ValueError(
            f"records hold no {STEP.name!r}; measure.experiments.step_parts gives it."
        )
    return phases


def _lines_below(whole: Record, parts: Sequence[Record]) -> int:
    return sum(part.value < WIDE * whole.value for part in parts)


def _bar(
    axes: Axes, row: int, whole: Record, parts: Sequence[Record], half: float
) -> None:
    """Draw the parts of one phase, and write into those that are wide enough."""
    left, narrow = 0.0, []
    for part in parts:
        look = style.series(LOOKS[part.name])
        share = 100 * part.value / whole.value
        axes.barh(
            row, share, left=left, height=2 * half, color=look.color,
            edgecolor=style.CARD, linewidth=1.2,
        )  # fmt: skip
        middle = left + share / 2
        if share >= 100 * WIDE:
            _words_inside(axes, row, middle, part, share)
        else:
            narrow.append((part, middle, share))
        left += share
    _words_below(axes, row + half, narrow)


def _words_inside(axes: Axes, row: int, middle: float, part: Record, share) -> None:
    """Write on a plate, so that the letters stand out from every colour."""
    axes.text(
        middle, row, f"{_wrapped(part.name)}\n{part.value_text()}, {share:.0f} %",
        ha="center", va="center", fontsize=8.5, linespacing=1.2,
        bbox={"facecolor": style.CARD, "edgecolor": "none", "pad": 2.0},
    )  # fmt: skip


def _words_below(
    axes: Axes, edge: float, narrow: Sequence[tuple[Record, float, float]]
) -> None:
    """Write the words of narrow parts below, a line each, in front of the pointers."""
    left = [each for each in narrow if each[1] < HALF][::-1]  # outer ones lie lower
    right = [each for each in narrow if each[1] >= HALF]
    for line, (part, middle, share) in enumerate([*left, *right]):
        axes.annotate(
            f"{part.name} {part.value_text()}, {share:.0f} %", (middle, edge),
            (4 if middle < HALF else -4, -5 - 12 * line), va="top", fontsize=8.5,
            textcoords="offset points", ha="left" if middle < HALF else "right",
            zorder=4, bbox={"facecolor": style.CARD, "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
        axes.annotate(
            "", (middle, edge), (0, -14 - 12 * line), va="top",
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": style.QUIET, "linewidth": 0.8,
                        "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def _wrapped(name: str) -> str:
    """Break a long name near its middle."""
    words = name.split()
    if len(name) < 14 or len(words) < 2:
        return name
    half = (len(words) + 1) // 2
    return f"{' '.join(words[:half])}\n{' '.join(words[half:])}"


def _heading(whole: Record, phases: Sequence[Phase]) -> str:
    fastest = min((each for each, _ in phases), key=lambda each: each.value)
    times = whole.value / fastest.value
    said = f"{_spoken(whole)}: {whole.text()}"
    if times > 1.05:
        said += f", {quantity(times, '×')} as long as in {fastest.details['phase']}"
    return said


def _spoken(whole: Record) -> str:
    """Say what a bar is the time of."""
    phase = select.detail(whole, "phase")
    tokens, cached = whole.details.get("tokens", 1), whole.details.get("cached", 0)
    if tokens > 1:
        return f"{phase}, one of {tokens:,} tokens"
    return f"{phase}, one token after {cached:,}" if cached else f"{phase}, one token"
