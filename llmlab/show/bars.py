"""Rows of bars: a value for each subject, named at its end.

Every panel that compares a few subjects is drawn here, from 0.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes

from llmlab.core.records import Record
from llmlab.show import curves, scales, select, style

ROOM = 1.34  # of the axis, for the numbers at the ends of the bars
HIGH = 0.62  # of a row


def draw(
    axes: Axes, facts: Sequence[Record], names: Sequence[str], what: str, *,
    says: Sequence[str] | None = None,
    looks: Sequence[style.SeriesStyle] | None = None,
) -> None:  # fmt: skip
    """Draw a bar for each record, in the row of its subject.

    names: the subjects from top to bottom, which decide on colours and hatches. what:
    the words below the axis. says: what stands at the ends; the values if not given.
    looks: of the rows, if their places do not decide.
    """
    factor, unit = scales.shared([fact.value for fact in facts], facts[0].unit)
    said = [fact.value_text() for fact in facts] if says is None else says
    for fact, words in zip(facts, said, strict=True):
        row = names.index(fact.subject)
        look = looks[row] if looks else style.series(row)
        end = fact.value / factor
        axes.barh(row, end, HIGH, color=look.color, hatch=look.hatch,
                  edgecolor=style.CARD)  # fmt: skip
        curves.interval(axes, fact, row, factor)
        reach = (fact.high or fact.value) / factor
        axes.annotate(words, (max(reach, end), row), (5, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
    most = max(max(fact.high or 0, fact.value) for fact in facts) / factor
    axes.set_xlim(0, ROOM * most or 1)
    rows(axes, names)
    scales.name(axes.xaxis, what, unit, select.kinds(facts))


def rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel, the first one at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")


def height(names: Sequence[str], *, extra: float = 0.0) -> float:
    """Return the inches that a card with so many rows needs."""
    return 1.45 + 0.36 * len(names) + extra
