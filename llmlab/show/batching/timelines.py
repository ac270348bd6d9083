"""Who waits, reads and writes when: a row for each request, a panel for each policy.

Both panels have one clock, so that who is done first is seen at a glance.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from llmlab.batching.quantities import SPAN
from llmlab.core.records import Record
from llmlab.show import scales, select, style

HIGH = 0.74  # of a row
ROW, AROUND = 0.098, 0.62  # inches: of a row, and beside the rows of a panel
MARK = "\N{MULTIPLICATION SIGN}"
WAITING, READING, WRITING = "waiting", "reading its prompt", "writing"
ASIDE, ENDED = "put aside", "ended, still computed"
LOOKS: dict[str, dict[str, Any]] = {
    WAITING: {"facecolor": "#dcdcd6"},
    READING: {"facecolor": "#f6d9b4", "edgecolor": style.SERIES[1].color,
              "hatch": "//////", "linewidth": 0},
    WRITING: {"facecolor": style.SERIES[0].color},
    ASIDE: {"facecolor": style.SERIES[3].color},
    ENDED: {"facecolor": style.CARD, "edgecolor": style.QUIET, "hatch": "......",
            "linewidth": 0},
}  # fmt: skip


@style.by_the_rules
def timeline(result: Any, *, title: str = "Who waits, reads and writes when") -> Figure:
    """Draw every request's spans, the policies below each other on one clock.

    result: records "time in a state" with details["request"], ["state"] and ["start"],
    the policy as subject.
    """
    panels = select.by_subject(select.needed(result, SPAN))
    count = max(len(_requests(facts)) for facts in panels.values())
    height = 0.75 + len(panels) * (count * ROW + AROUND)
    fig = style.card(style.WIDTH, height, title=title)
    axes = fig.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    last = max(_end(fact) for facts in panels.values() for fact in facts)
    factor, unit = scales.shared([last], "s")
    for panel, (policy, facts) in zip(axes, panels.items(), strict=True):
        _draw(panel, facts, factor)
        end = max(map(_end, facts))
        panel.axvline(end / factor, color=style.INK, linewidth=1, linestyle=(0, (4, 2)))
        style.panel_title(panel, f"{policy}: all done after {_time(end)}")
    axes[-1].set_xlim(0, 1.02 * last / factor)
    scales.name(axes[-1].xaxis, "time", unit, select.kinds(next(iter(panels.values()))))
    states = {fact.details["state"] for facts in panels.values() for fact in facts}
    handles = [
        Patch(label=state, **look) for state, look in LOOKS.items() if state in states
    ]
    fig.legend(handles=handles, loc="outside lower left", ncols=5, columnspacing=1.4,
               handlelength=1.6)  # fmt: skip
    return fig


def timeline_alt(facts: Sequence[Record]) -> str:
    """Say for every policy when all are done, and what share each state has."""
    said = ["A row for each request, from its arrival to its end."]
    for policy, spans in select.by_subject(select.by_quantity(facts, SPAN)).items():
        total = sum(span.value for span in spans)
        shares = []
        for state in LOOKS:
            own = sum(s.value for s in spans if s.details["state"] == state)
            if own:
                shares.append(f"{state} {own / total:.0%}")
        aside = sum(span.details["state"] == ASIDE for span in spans)
        often = f", {aside} times put aside" if aside else ""
        said.append(
            f"{policy}: all {len(_requests(spans))} done after "
            f"{_time(max(map(_end, spans)))}{often}; of the requests' time "
            f"{', '.join(shares)}."
        )
    return " ".join(said)


def _draw(axes: Axes, facts: Sequence[Record], factor: float) -> None:
    rows = {request: row for row, request in enumerate(_requests(facts))}
    for fact in facts:
        state, start = fact.details["state"], fact.details["start"] / factor
        row = rows[fact.details["request"]]
        axes.barh(row, fact.value / factor, HIGH, left=start, **LOOKS[state])
        if state == ASIDE:
            axes.annotate(MARK, (start, row), color=style.INK, fontsize=10,
                          ha="center", va="center", fontweight="bold")  # fmt: skip
    every = 4
    axes.set_yticks(range(0, len(rows), every), [f"{n + 1}" for n in rows][::every])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_ylabel("request")
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")


def _requests(facts: Sequence[Record]) -> list[int]:
    return sorted({fact.details["request"] for fact in facts})


def _end(fact: Record) -> float:
    return fact.details["start"] + fact.value


def _time(seconds: float) -> str:
    return scales.short(float(f"{seconds:.3g}"), "s")
