"""What a batch reserves for its caches, and what of it is in use."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.caching.quantities import HELD, RESERVED
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import bars, curves, scales, select, style


@style.by_the_rules
def memory(
    result: Any, *, title: str = "What is reserved for the cache of a batch"
) -> Figure:
    """Draw a bar for each way to reserve, parted into what is in use and what is not.

    result: records "cache in use" and "cache reserved", the way as subject.
    """
    pairs = _pairs(records.collect(select.needed(result, RESERVED)), result)
    names = list(pairs)
    fig, axes = style.canvas(height=bars.height(names), title=title)
    facts = [fact for pair in pairs.values() for fact in pair]
    factor, unit = scales.shared([fact.value for fact in facts], "B")
    used, rest = style.series(0), style.series(1)
    for row, (held, reserved) in enumerate(pairs.values()):
        lost = reserved.value - held.value
        first = row == 0
        axes.barh(row, held.value / factor, bars.HIGH, color=used.color,
                  label="in use" if first else None)  # fmt: skip
        axes.barh(row, lost / factor, bars.HIGH, left=held.value / factor,
                  color=rest.color, hatch=rest.hatch, edgecolor=style.CARD,
                  label="reserved, not in use" if first else None)  # fmt: skip
        axes.annotate(f"{100 * lost / reserved.value:.1f} % wasted",
                      (reserved.value / factor, row), (6, 0), va="center",
                      textcoords="offset points", fontsize=9)  # fmt: skip
    most = max(reserved.value for _, reserved in pairs.values()) / factor
    axes.set_xlim(0, 1.22 * most)
    bars.rows(axes, names)
    scales.name(axes.xaxis, "keys and values", unit, select.kinds(facts))
    curves.legend(fig, axes)
    return fig


def memory_alt(facts: Sequence[Record]) -> str:
    """Say for every way what it reserves and what share of it is not in use."""
    said = ["Memory reserved for the cache of a batch."]
    for name, (held, reserved) in _pairs(facts, facts).items():
        share = 100 * (1 - held.value / reserved.value)
        said.append(
            f"{name}: {reserved.value_text()} reserved, {held.value_text()} in use, "
            f"{share:.1f} % wasted."
        )
    return " ".join(said)


def _pairs(facts: Sequence[Record], result: Any) -> dict[str, tuple[Record, Record]]:
    held = {f.subject: f for f in select.by_quantity(records.collect(result), HELD)}
    return {
        fact.subject: (held[fact.subject], fact)
        for fact in select.by_quantity(facts, RESERVED)
        if fact.subject in held
    }
