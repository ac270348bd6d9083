"""How busy the cells of an array are, and what few bits cost a layer."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.hardware.quantities import BUSY, FIXED_ERROR
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def busy(result: Any, *, title: str = "More rows keep more cells busy") -> Figure:
    """Draw the busy share by rows: counted as markers, the formula as a line.

    result: records "busy cells" with details["size"] and details["rows"], simulated
    and estimated.
    """
    facts = select.needed(result, BUSY)
    fig, axes = style.canvas(height=3.6, title=title)
    for place, (name, both) in enumerate(select.by_subject(facts).items()):
        look = style.series(place)
        x, y = _shares(_of(both, "estimated"))
        axes.plot(x, y, linestyle=look.line, color=look.color)
        x, y = _shares(_of(both, "simulated"))
        axes.plot(x, y, look.marker, color=look.color, label=name)
    scales.doubling(axes, "rows of activations", [f.details["rows"] for f in facts])
    axes.set_ylim(0, 105)
    scales.name(axes.yaxis, "cells that work", "%", "simulated; line: estimated")
    curves.legend(fig, axes)
    return fig


def busy_alt(facts: Sequence[Record]) -> str:
    """Say the share of each array for the fewest rows, some, and the most."""
    said = ["Share of busy cells by rows of activations, counted beside the formula."]
    for name, both in select.by_subject(select.by_quantity(facts, BUSY)).items():
        curve = curves.ordered(_of(both, "simulated"), "rows")
        chosen = [curve[0], curve[len(curve) // 2], curve[-1]]
        shares = [f"{_rows(f)}: {f.value_text()}" for f in dict.fromkeys(chosen)]
        said.append(f"{name}: {', '.join(shares)}.")
    return " ".join(said)


@style.by_the_rules
def fixed(result: Any, *, title: str = "A layer in fixed point, by bits") -> Figure:
    """Draw the error of a layer's outputs by bits, a curve for each way to sum.

    result: records "error in fixed point" with details["bits"], the way as subject.
    """
    facts = select.needed(result, FIXED_ERROR)
    select.positive(facts)
    fig, axes = style.canvas(height=3.6, title=title)
    for place, (name, curve) in enumerate(select.by_subject(facts).items()):
        curves.one(axes, style.series(place), name, curve, along="bits", factor=0.01)
    axes.set_xticks(sorted({fact.details["bits"] for fact in facts}))
    scales.name(axes.xaxis, "bits of the sum, or of the result")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    scales.name(axes.yaxis, "error of the outputs", "%", select.kinds(facts),
                "log scale")  # fmt: skip
    curves.legend(fig, axes)
    return fig


def fixed_alt(facts: Sequence[Record]) -> str:
    """Say the error of each way with the fewest bits, and from where on it stays."""
    said = ["Error of a layer's outputs in fixed point, by bits."]
    for name, curve in select.by_subject(
        select.by_quantity(facts, FIXED_ERROR)
    ).items():
        curve = curves.ordered(curve, "bits")
        first, last = curve[0], curve[-1]
        same = [f for f in curve if f.value_text() == last.value_text()]
        said.append(
            f"{name}: {first.value_text()} with {first.details['bits']} bits, "
            f"{last.value_text()} from {same[0].details['bits']} bits on."
        )
    return " ".join(said)


def _of(facts: Sequence[Record], kind: str) -> list[Record]:
    return [fact for fact in facts if fact.kind == kind]


def _shares(facts: Sequence[Record]) -> tuple[list[int], list[float]]:
    """Return rows and shares in per cent."""
    curve = curves.ordered(facts, "rows")
    return [f.details["rows"] for f in curve], [100 * f.value for f in curve]


def _rows(fact: Record) -> str:
    count = fact.details["rows"]
    return "1 row" if count == 1 else f"{count} rows"
