"""Bits per byte of a rounded model: small multiples by what shares a scale."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from llmlab.core import records
from llmlab.core.quantities import BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.quantization.quantities import (
    ADDED_BITS,
    BITS_PER_WEIGHT,
    ROUNDING_ERROR,
)
from llmlab.show import scales, select, style
from llmlab.show.quantization import looks
from llmlab.show.quantization.steps import size_spoken

FLOATS = "floats of few bits"
TICKS = (1, 2, 5)


@style.by_the_rules
def quality_grid(
    result: Any, *, title: str = "Bits per byte of the rounded model"
) -> Figure:
    """Draw a panel for each group size, a row for each number of bits.

    result: records "bits per byte" and "bits per byte added" with details bits and
    group size, the format as subject; those without are small floats. The share that
    is added stands beside each point, a line marks the original. Others are left alone.
    ValueError: none of them.
    """
    facts = records.collect(result)
    panels = _panels(facts)
    if not panels:
        raise ValueError(
            f"result holds no {ADDED_BITS.name!r}; hand in what "
            "quantization.experiments.quality_grid returned."
        )
    whole = {f.subject: f for f in select.by_quantity(facts, BITS_PER_BYTE)}
    first = _original(whole, facts)
    widths = _widths(facts)
    places = sorted(set(widths.values()), reverse=True)
    fig, axes = style.canvas(
        len(panels), height=1.5 + 0.34 * len(places), title=title, squeeze=False
    )
    ends = scales.room([first, *(each.value for each in whole.values())], share=0.05)
    for index, (panel, (name, rows)) in enumerate(
        zip(axes.flat, panels.items(), strict=True)
    ):
        at = {each.subject: places.index(widths[each.subject]) for each in rows}
        _draw(panel, rows, whole, at, _look(rows[0]))
        labels = [f"{bits} bits" if index == 0 else "" for bits in places]
        panel.set_yticks(range(len(places)), labels)
        panel.set_ylim(len(places) - 0.5, -0.5)
        panel.axvline(first, color=style.QUIET, linewidth=1, linestyle=":")
        panel.set_xlim(ends[0], ends[1] * (ends[1] / ends[0]) ** 0.72)
        _ticks(panel, ends)
        panel.set_title(name, fontsize=9, fontweight="normal")  # four side by side
    fig.supxlabel(
        f"bits per byte (log scale, {select.kinds(whole.values())}); dotted: the "
        "original",
        fontsize=9.5,
    )
    return fig


def quality_grid_alt(facts: Sequence[Record]) -> str:
    """Say for every group size what each number of bits adds."""
    said = ["Bits per byte that rounding adds to the model."]
    for name, rows in _panels(facts).items():
        words = [f"{_name(e)} {_percent(e)} {_ends(e)}".strip() for e in rows]
        said.append(f"{name}: {', '.join(words)}.")
    return " ".join(said)


def _panels(facts: Sequence[Record]) -> dict[str, list[Record]]:
    """Group what is added by what shares a scale; most bits first, floats last."""
    panels: dict[str, list[Record]] = {}
    for fact in select.by_quantity(facts, ADDED_BITS):
        size = fact.details.get("group size")
        name = FLOATS if size is None else size_spoken(str(size))
        panels.setdefault(name, []).append(fact)
    order = sorted(panels, key=lambda name: (name == FLOATS, _rank(panels[name][0])))
    return {
        name: sorted(panels[name], key=lambda each: -each.details.get("bits", 0))
        for name in order
    }


def _look(fact: Record) -> style.SeriesStyle:
    size = fact.details.get("group size")
    return style.series(looks.FLOATS) if size is None else looks.of_size(str(size))


def _rank(fact: Record) -> tuple[int, int]:
    """Put one scale for all first, then a row, then groups from the large ones on."""
    size = str(fact.details.get("group size"))
    words = {"tensor": (0, 0), "channel": (1, 0)}
    return words[size] if size in words else (2, -int(size) if size.isdigit() else 0)


def _original(whole: dict[str, Record], facts: Sequence[Record]) -> float:
    """Return the bits per byte before rounding."""
    for fact in select.by_quantity(facts, ADDED_BITS):
        return whole[fact.subject].value / (1 + fact.value)
    raise ValueError("result holds no format that was scored.")


def _widths(facts: Sequence[Record]) -> dict[str, int]:
    """Return the bits of a weight by format, scales left out."""
    errors = select.by_quantity(facts, ROUNDING_ERROR)
    return {
        fact.subject: fact.details.get("bits")
        or int(select.detail(fact, BITS_PER_WEIGHT.name))
        for fact in errors
    }


def _draw(
    axes: Axes,
    rows: Sequence[Record],
    whole: dict[str, Record],
    places: dict[str, int],
    look: style.SeriesStyle,
) -> None:
    """Draw a point for each format, beside it what is added and its interval."""
    for added in rows:
        value, row = whole[added.subject].value, places[added.subject]
        name = "" if "bits" in added.details else f"{added.subject}: "
        axes.plot(value, row, look.marker, color=look.color, markersize=7)
        ends = _ends(added)
        above = (8, 5 if ends else 0)
        axes.annotate(name + _percent(added), (value, row), above, va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
        axes.annotate(ends, (value, row), (8, -5), va="center", color=style.QUIET,
                      textcoords="offset points", fontsize=7)  # fmt: skip
    axes.set_xscale("log")
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")


def _ticks(axes: Axes, ends: tuple[float, float]) -> None:
    values = [step * 10**power for power in (-1, 0, 1) for step in TICKS]
    values = [each for each in values if ends[0] <= each <= ends[1]]
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _name(added: Record) -> str:
    bits = added.details.get("bits")
    return added.subject if bits is None else f"{bits} bits"


def _ends(added: Record) -> str:
    """Say the interval of what is added, on the scale of its value."""
    if added.low is None or added.high is None:
        return ""
    digits = 1 if abs(added.value) < 0.1 else 0
    low, high = (f"{100 * end:.{digits}f}" for end in (added.low, added.high))
    return f"({low} to {high})".replace("-", "−")


def _percent(added: Record) -> str:
    digits = 1 if abs(added.value) < 0.1 else 0
    return f"{100 * added.value:+.{digits}f} %".replace("-", "−")
