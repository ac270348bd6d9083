"""Axes in the units of the records: base units come in, ms and GB/s are written.

Which prefix a value gets is decided by `core.records` alone; an axis asks it.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullFormatter,
    NullLocator,
)

from llmlab.core import units
from llmlab.core.records import quantity

TALL = 40  # letters that stand beside an axis in one line


def shared(values: Iterable[float], unit: str) -> tuple[float, str]:
    """Return the divisor and the word that suit a linear axis up to the largest value.

    (0.0021, 0.0123), "s" -> (0.001, "ms")
    """
    _, space, word = quantity(max(map(abs, values)), unit).rpartition(" ")
    if not space:  # a plain number
        return 1.0, ""
    return units.to_base(1.0, word)[0], word


def name(axis: Axis, what: str, *notes: str) -> None:
    """Label an axis with what it shows, its unit and how the numbers came about."""
    notes = [note for note in notes if note]
    label = f"{what} ({', '.join(notes)})" if notes else what
    if axis.axis_name == "y" and len(label) > TALL:
        label = label.replace(" (", "\n(", 1)
    axis.set_label_text(label)


def logarithmic(axis: Axis, what: str, unit: str, *notes: str) -> None:
    """Make an axis logarithmic; its ticks carry their units: 1 kB, 1 MB."""
    is_x = axis.axis_name == "x"
    (axis.axes.set_xscale if is_x else axis.axes.set_yscale)("log")
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, unit)))
    axis.set_minor_formatter(NullFormatter())
    name(axis, what, *notes, "log scale")


def fill_ticks(axis: Axis) -> None:
    """Put ticks at 1, 2, 5 where a logarithmic axis spans too few powers of ten."""
    low, high = axis.get_view_interval()
    if high / low < 200:
        steps = (1, 2, 5) if high / low > 12 else (1, 1.5, 2, 3, 5, 7)
        steps = steps if high / low > 2.5 else (1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
        axis.set_major_locator(LogLocator(subs=steps, numticks=12))
        axis.set_minor_locator(NullLocator())


def doubling(axes: Axes, what: str, values: Sequence[float]) -> None:
    """Make the x axis grow by doubling, with a tick at each of the values."""
    axes.set_xscale("log", base=2)
    ticks = sorted(set(values))
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    name(axes.xaxis, what)


def short(value: float, unit: str) -> str:
    """Write a round value without trailing zeros: (1e6, "B") -> "1 MB"."""
    number, space, word = quantity(value, unit).partition(" ")
    plain = float(number.replace(",", "").rstrip("×"))
    return f"{plain:,.10g}{space}{word}" + ("×" if number.endswith("×") else "")


def room(values: Iterable[float], *, share: float = 0.08) -> tuple[float, float]:
    """Return limits of a logarithmic axis with a margin around positive values."""
    values = np.asarray(list(values), dtype=float)
    low, high = values.min(), values.max()
    margin = max((high / low) ** share, 1.15)
    return low / margin, high * margin
