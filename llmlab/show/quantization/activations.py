"""Where the inputs of a layer have outliers, its integer product is off."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from llmlab.core import records
from llmlab.core.records import Record, quantity
from llmlab.quantization.quantities import OUTLIER, PRODUCT_ERROR
from llmlab.show import scales, select, style

PANELS = {  # what is drawn -> the name of its axis
    OUTLIER: "largest input over the typical one",
    PRODUCT_ERROR: PRODUCT_ERROR.name,
}
WIDE = 20  # times the least: beyond, an axis is logarithmic


@style.by_the_rules
def outliers(
    result: Any, *, title: str = "Layers with outliers, and the error of their product"
) -> Figure:
    """Draw outlier and error side by side, a row for each kind of layer.

    result: records "largest input over typical" and "error of the product", the layer
    as subject; its kind is the last part of its name, and every layer of a kind is a
    mark in the row. The kind with the largest error is on top. ValueError: none.
    """
    points = _points(records.collect(result))
    if not points:
        raise ValueError(
            f"result holds no {OUTLIER.name!r}; hand in what "
            "quantization.experiments.outliers returned."
        )
    kinds = _by_kind(points)
    order = sorted(kinds, key=lambda kind: -max(error for _, error in kinds[kind]))
    fig, panels = style.canvas(2, height=1.35 + 0.27 * len(order), title=title)
    said = select.kinds(records.collect(result))
    for place, (axes, name) in enumerate(zip(panels, PANELS.values(), strict=True)):
        values = [[pair[place] for pair in kinds[kind]] for kind in order]
        _rows(axes, values, place)
        axes.set_yticks(range(len(order)), order if place == 0 else [])
        axes.xaxis.set_major_formatter(FuncFormatter(_times if place == 0 else _share))
        scales.name(axes.xaxis, name, said, *_scale(axes))
        style.panel_title(axes, "what runs in" if place == 0 else "what comes out")
    return fig


def _rows(axes: Axes, rows: Sequence[Sequence[float]], place: int) -> None:
    """Draw a mark for each layer, the largest of a row filled."""
    look = style.series(place)
    for row, values in enumerate(rows):
        axes.plot(values, [row] * len(values), look.marker, color=look.color,
                  markerfacecolor=style.CARD, linestyle="none")  # fmt: skip
        axes.plot(max(values), row, look.marker, color=look.color)
    every = [value for values in rows for value in values]
    if max(every) > WIDE * min(every):
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 1.08 * max(every))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(True)


def _scale(axes: Axes) -> list[str]:
    return ["log scale"] if axes.get_xscale() == "log" else []


def _times(value: float, _=None) -> str:
    return f"{value:g}×"


def _share(value: float, _=None) -> str:
    return f"{100 * value:g} %"


def outliers_alt(facts: Sequence[Record]) -> str:
    """Say which layer is best and which is worst."""
    points = _points(facts)
    best = min(points, key=lambda name: points[name][1])
    worst = max(points, key=lambda name: points[name][1])
    said = [f"Error of the integer product of {len(points)} layers by the outlier."]
    for name in (best, worst):
        stretch, error = points[name]
        said.append(
            f"{name}: the largest input is {quantity(stretch, '×')} the typical one, "
            f"the product is off by {error:.2%}."
        )
    return " ".join(said)


def _points(facts: Sequence[Record]) -> dict[str, tuple[float, float]]:
    """Return outlier and error by layer."""
    stretch = {f.subject: f.value for f in select.by_quantity(facts, OUTLIER)}
    error = {f.subject: f.value for f in select.by_quantity(facts, PRODUCT_ERROR)}
    return {name: (stretch[name], error[name]) for name in stretch if name in error}


def _by_kind(
    points: dict[str, tuple[float, float]],
) -> dict[str, list[tuple[float, float]]]:
    kinds: dict[str, list[tuple[float, float]]] = {}
    for name, pair in points.items():
        kinds.setdefault(name.rpartition(".")[2], []).append(pair)
    return kinds
