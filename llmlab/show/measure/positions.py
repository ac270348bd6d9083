"""The wait for every token by its position: what grows, and what stays flat."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import TIME_PER_TOKEN, WAIT
from llmlab.core.records import Record, quantity
from llmlab.show import curves, scales, select, style

FAR = 60  # times the fastest: from there a linear axis shows the slowest only
ENDS = 8  # positions at either end whose median is said
FLAT = 0.1  # of growth that is called none


@style.by_the_rules
def by_position(result: Any, *, title: str = "The wait for every token") -> Figure:
    """Draw the wait for a token against its position, a curve for each loop.

    result: records "wait by position" with details["position"], from 1; the first is
    marked by a ring. The legend says "time per token" where the result has it.
    ValueError: none of them, a record without its position.
    """
    facts = select.checked(result, "result")
    loops, said = _loops(facts), _per_token(facts)
    fig, axes = style.canvas(height=3.7)
    waits = [each.value for curve in loops.values() for each in curve]
    later = [median(each.value for each in curve[1:]) for curve in loops.values()]
    is_wide = max(later) > FAR * min(later)
    factor, word = (1.0, "") if is_wide else scales.shared(waits, "s")
    for index, (name, curve) in enumerate(loops.items()):
        label = f"{name}, {said.get(name) or _from_to(curve)}"
        _curve(axes, style.series(index), label, curve, factor)
    kinds = select.kinds(next(iter(loops.values())))
    if is_wide:
        scales.logarithmic(axes.yaxis, "wait", "s", kinds)
        axes.set_ylim(*scales.room(waits))
        scales.fill_ticks(axes.yaxis)
    else:
        scales.name(axes.yaxis, "wait", word, kinds)
        axes.set_ylim(0, max(waits) / factor * 1.15)
    prompt = next(iter(loops.values()))[0].details.get("prompt")
    after = f" after a prompt of {prompt:,}" if prompt else ""
    scales.name(axes.xaxis, f"token{after}; a ring marks the first one")
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=min(3, len(loops)))
    return fig


def positions_alt(records: Sequence[Record]) -> str:
    """Say for every loop its first wait and how the later ones change."""
    loops = _loops(records)
    count = max(map(len, loops.values()))
    said = [f"The wait for each of {count} tokens."]
    for name, curve in loops.items():
        begin, end = _ends(curve)
        growth = end / begin - 1
        if abs(growth) <= FLAT:
            trend = f"the later ones stay near {quantity(end, 's')}"
        else:
            word = "grow" if growth > 0 else "shrink"
            start, last = quantity(begin, "s"), quantity(end, "s")
            trend = f"the later ones {word} from {start} to {last}"
        said.append(f"{name}: the first token takes {curve[0].value_text()}, {trend}.")
    ends = {name: _ends(curve)[1] for name, curve in loops.items()}
    slow, fast = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    if slow != fast:
        times = quantity(ends[slow] / ends[fast], "×")
        said.append(f"At the end {slow} waits {times} as long as {fast}.")
    return " ".join(said)


def _loops(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the waits of every loop in the order of their positions."""
    waits = select.by_quantity(records, WAIT)
    if not waits:
        raise ValueError(f"records hold no {WAIT.name!r}; there is no curve to draw.")
    select.positive(waits)
    groups = select.by_subject(waits)
    return {
        name: sorted(curve, key=lambda each: select.detail(each, "position"))
        for name, curve in groups.items()
    }


def _ends(curve: Sequence[Record]) -> tuple[float, float]:
    """Return the median of the first few later waits, and of the last few."""
    later = [each.value for each in curve[1:]] or [curve[0].value]
    return median(later[:ENDS]), median(later[-ENDS:])


def _per_token(facts: Sequence[Record]) -> dict[str, str]:
    """Return the time per token of every loop for which it was worked out."""
    times = [each for each in facts if each.name == TIME_PER_TOKEN.name]
    return {each.subject: f"{each.value_text()} per token" for each in times}


def _from_to(curve: Sequence[Record]) -> str:
    """Say how long the first few later waits take, and the last few if they differ."""
    begin, end = _ends(curve)
    start = quantity(begin, "s")
    return start if abs(end / begin - 1) <= FLAT else f"{start} → {quantity(end, 's')}"


def _curve(
    axes: Axes,
    look: style.SeriesStyle,
    label: str,
    curve: Sequence[Record],
    factor: float,
) -> None:
    x = [each.details["position"] for each in curve]
    y = [each.value / factor for each in curve]
    axes.plot(
        x, y, color=look.color, linestyle=look.line, linewidth=1.6, label=label,
        marker=look.marker, markersize=5, markevery=(1, max(1, len(x) // 8)),
    )  # fmt: skip
    down, up = curves.error_bars(curve, factor)
    low = [value - less for value, less in zip(y, down, strict=True)]
    high = [value + more for value, more in zip(y, up, strict=True)]
    axes.fill_between(x, low, high, color=look.color, alpha=0.15, linewidth=0)
    axes.plot(
        x[:1], y[:1], "o", markersize=10, markerfacecolor="none", markeredgewidth=1.6,
        color=look.color,
    )  # fmt: skip
