"""Where the inputs of a layer have outliers, its integer product is off."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core import records
from llmlab.core.records import Record, quantity
from llmlab.quantization.quantities import OUTLIER, PRODUCT_ERROR
from llmlab.show import scales, select, style


@style.by_the_rules
def outliers(
    result: Any, *, title: str = "Outliers of a layer's inputs, and its product"
) -> Figure:
    """Draw the error of every layer's integer product against its inputs' outlier.

    result: records "largest input over typical" and "error of the product", the layer
    as subject; a look for each kind of layer, which is the last part of its name.
    ValueError: none of them.
    """
    points = _points(records.collect(result))
    if not points:
        raise ValueError(
            f"result holds no {OUTLIER.name!r}; hand in what "
            "quantization.experiments.outliers returned."
        )
    fig, axes = style.canvas(height=3.3)
    for index, (kind, pairs) in enumerate(_by_kind(points).items()):
        look = style.series(index % len(style.SERIES))
        x, y = zip(*pairs, strict=True)
        filled = look.color if index < len(style.SERIES) else "none"
        axes.plot(x, y, look.marker, color=look.color, label=kind, linestyle="none",
                  markerfacecolor=filled)  # fmt: skip
    scales.logarithmic(axes.xaxis, OUTLIER.name, "×")
    scales.logarithmic(axes.yaxis, PRODUCT_ERROR.name, "1")
    for axis, values in zip(
        (axes.xaxis, axes.yaxis), zip(*points.values(), strict=True), strict=True
    ):
        low, high = scales.room(values)
        (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)
        scales.fill_ticks(axis)
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=4)
    return fig


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
