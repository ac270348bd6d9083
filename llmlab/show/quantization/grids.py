"""A weight's histogram with the levels of a grid, and the error by bits."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from llmlab.core import records
from llmlab.core.records import Record, quantity
from llmlab.quantization.quantities import ROUNDING_ERROR, SHARE_OF_WEIGHTS, STEP
from llmlab.show import scales, select, style
from llmlab.show.quantization import steps


@style.by_the_rules
def row_grids(result: Any, *, title: str = "") -> Figure:
    """Draw a function's errors beside the levels of one grid, or several functions'.

    result: what `experiments.row_grids` returned, or its records: "share of weights",
    "quantization step" and "rounding error" by bits, the function as subject. Of the
    grids of one function that of `result.drawn` bits is shown, else the one in the
    middle; of several, the errors alone. ValueError: no histogram, no step.
    """
    facts = records.collect(result)
    shares = select.by_quantity(facts, SHARE_OF_WEIGHTS)
    grids = select.by_quantity(facts, STEP)
    errors = select.by_quantity(facts, ROUNDING_ERROR)
    if not shares or not grids or not errors:
        raise ValueError(
            "result holds no histogram, no step or no error; hand in what "
            "quantization.experiments.row_grids returned."
        )
    known = [select.detail(each, "bits") for each in grids]
    bits = getattr(result, "drawn", sorted(known)[len(known) // 2])
    names = list(select.by_subject(errors))
    name = getattr(result, "name", "") or "Weights"
    if len(names) > 1:  # how they differ is in the errors
        fig, axes = style.canvas(1, height=3.1)
        _errors(axes, errors)
        low, high = axes.get_ylim()
        axes.set_ylim(low / 1.5, high * 1.2)
        axes.set_title(title or f"Rounding error by bits: {' and '.join(names)}")
        fig.legend(loc="outside lower left", ncols=4)
        return fig
    title = title or f"{name} on a grid of few levels"
    fig, (left, right) = style.canvas(2, height=3.2, title=title)
    _levels(left, shares, grids, names[0], bits)
    _errors(right, errors)
    fig.legend(loc="outside lower left", ncols=4)
    return fig


def row_grids_alt(facts: Sequence[Record]) -> str:
    """Say for every function the error at most and at fewest bits."""
    curves = _curves(select.by_quantity(facts, ROUNDING_ERROR))
    said = ["Rounding error by bits, on a logarithmic axis."]
    if len(curves) == 1:
        said = ["Histogram of a weight with the levels of a grid; error by bits."]
    for name, curve in curves.items():
        low, high = curve[0], curve[-1]
        said.append(
            f"{name}: the relative error is {high.value:.2%} with "
            f"{high.details['bits']} bits and {low.value:.0%} with "
            f"{low.details['bits']}, {quantity(low.value / high.value, '×')} as much."
        )
    return " ".join(said)


def _curves(errors: Sequence[Record]) -> dict[str, list[Record]]:
    return {
        name: sorted(curve, key=lambda each: select.detail(each, "bits"))
        for name, curve in select.by_subject(errors).items()
    }


def _levels(
    axes: Axes, shares: Sequence[Record], grids: Sequence[Record], word: str, bits: int
) -> None:
    own = [each for each in grids if each.subject == word]
    step = next((each for each in own if each.details["bits"] == bits), own[0])
    steps.draw_histogram(axes, shares)
    steps.draw_levels(axes, step, label="levels of a middle row or group")
    style.panel_title(
        axes, f"{word}, {step.details['bits']} bits: {step.details['levels']} levels"
    )


def _errors(axes: Axes, errors: Sequence[Record]) -> None:
    curves = _curves(errors)
    for index, (name, curve) in enumerate(curves.items()):
        look = style.series(0 if index == 0 else index + 1)  # the levels' is taken
        x, y = [each.details["bits"] for each in curve], [e.value for e in curve]
        label = name if len(curves) > 1 else None
        axes.plot(x, y, look.marker, linestyle=look.line, color=look.color, label=label)
        below = len(curves) > 1 and index == len(curves) - 1
        for at, error in zip(x, y, strict=True):
            place = (4, -13) if below else (5, 4)
            axes.annotate(f"{error:.2%}" if error < 0.1 else f"{error:.0%}",
                          (at, error), place, textcoords="offset points",
                          fontsize=8.5)  # fmt: skip
    kinds = [select.kinds(errors)] if len(curves) > 1 else []  # else in the title
    scales.logarithmic(axes.yaxis, ROUNDING_ERROR.name, "1", *kinds)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    steps.by_bits(axes, sorted({each.details["bits"] for each in errors}))
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.16 * (high - low))
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.2, high * 1.2)
    style.panel_title(axes, f"what rounding costs ({select.kinds(errors)})")
