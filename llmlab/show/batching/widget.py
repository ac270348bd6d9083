"""Loads, policies and service levels to choose among: what a user would feel.

It draws records that were computed before; nothing is simulated while one chooses.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.batching.quantities import GOODPUT, IN_TIME, TPOTS, TTFTS
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.show import scales, style
from llmlab.show.figures import Picture, Place, quick_picture
from llmlab.show.widgets import Choice, Selectors

SHARES = ("p50", "p95")
HIGH = 0.34  # of a bar; a policy has two


class Records:
    """The simulated records of a load, by what they are of."""

    def __init__(self, load: Any):
        own = [f for f in records.collect(load, "load") if f.kind == "simulated"]
        self._facts = {
            (f.name, f.subject, f.details["load"], f.details.get("level")): f
            for f in own
            if "load" in f.details
        }
        names = [place for place in self._facts if place[0] == IN_TIME.name]
        self.policies = list(dict.fromkeys(place[1] for place in names))
        self.loads = list(dict.fromkeys(place[2] for place in names))
        self.levels = list(dict.fromkeys(place[3] for place in names))

    def get(self, what: Any, policy: str, load: float, level: Any = None) -> Record:
        """Return a record that was computed before."""
        return self._facts[what.name, policy, load, level]


def load_widget(load: Any) -> Selectors:
    """Return buttons for load, policy and service level, a line and a figure.

    load: what `batching.experiments.load` returned. ValueError: something else.
    """
    facts = Records(load)
    levels = {level.name: level for level in getattr(load, "levels", ())}
    if not facts.policies or set(facts.levels) - set(levels):
        raise ValueError(
            f"load={load!r:.60} holds no simulated loads; hand in what "
            "batching.experiments.load returned."
        )
    places: list[Place] = []

    def draw(choice: Choice) -> Picture:
        level = levels[choice["level"]]
        title = f"Load {choice['load']:g}, {level.name} level (simulated)"
        fig = chosen(facts, choice, level, title=title)
        return quick_picture(fig, alt=_alt(facts, choice, level), places=places)

    options = {"load": facts.loads, "policy": facts.policies, "level": facts.levels}
    first = {
        "load": facts.loads[len(facts.loads) // 2],
        "policy": facts.policies[-1],
        "level": facts.levels[len(facts.levels) // 2],
    }
    return Selectors(options, first, lambda choice: _say(facts, choice, levels), draw)


@style.by_the_rules
def chosen(facts: Records, choice: Choice, level: Any, *, title: str = "") -> Figure:
    """Draw TTFT and TPOT of all policies at a load, the limits of a level as lines."""
    fig, (left, middle, right) = style.canvas(
        3, height=2.9, title=title, sharey=True
    )  # fmt: skip
    at = choice["load"]
    for panel, family, limit, word in (
        (left, TTFTS, level.ttft, "TTFT"),
        (middle, TPOTS, level.tpot, "TPOT"),
    ):
        pairs = [
            [facts.get(family[share], policy, at) for share in SHARES]
            for policy in facts.policies
        ]
        _bars(panel, pairs, limit)
        style.panel_title(panel, word)
    for row, policy in enumerate(facts.policies):
        share = facts.get(IN_TIME, policy, at, level.name)
        look = style.series(row)
        right.barh(row, 100 * share.value, 0.62, color=look.color, hatch=look.hatch,
                   edgecolor=style.CARD)  # fmt: skip
        right.annotate(f"{100 * share.value:.0f} %", (100 * share.value, row), (5, 0),
                       va="center", textcoords="offset points", fontsize=9)  # fmt: skip
    right.set_xlim(0, 128)
    right.set_xticks([0, 50, 100])
    style.panel_title(right, "served in time")
    scales.name(right.xaxis, "requests", "%")
    left.set_yticks(range(len(facts.policies)), facts.policies)
    for label in left.get_yticklabels():
        if label.get_text() == choice["policy"]:
            label.set_fontweight("bold")
    for panel in (left, middle, right):
        row = facts.policies.index(choice["policy"])
        panel.axhspan(row - 0.46, row + 0.46, color=style.BAND, zorder=0)
        panel.set_ylim(len(facts.policies) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        style.one_way(panel, "x")
    return fig


def _bars(axes: Axes, pairs: list[list[Record]], limit: float) -> None:
    """Draw p50 full and p95 pale, on a logarithmic axis, the limit as a line."""
    for row, pair in enumerate(pairs):
        for place, fact in enumerate(pair):
            axes.barh(
                row + (place - 0.5) * HIGH, max(fact.value, 1e-4), HIGH,
                color=style.series(row).color, alpha=(1, 0.45)[place],
            )  # fmt: skip
    values = [max(fact.value, 1e-4) for pair in pairs for fact in pair]
    scales.logarithmic(axes.xaxis, "", "s")
    axes.set_xlabel("p50, paler p95 (log scale)")
    axes.set_xlim(min([*values, limit]) / 2, max([*values, limit]) * 2)
    axes.axvline(limit, color=style.INK, linewidth=1.4, linestyle=(0, (4, 2)))


def _say(facts: Records, choice: Choice, levels: dict[str, Any]) -> str:
    policy, at, level = choice["policy"], choice["load"], choice["level"]
    ttft, tpot = (
        facts.get(family["p95"], policy, at).value_text() for family in (TTFTS, TPOTS)
    )
    kept = facts.get(IN_TIME, policy, at, level).value
    good = facts.get(GOODPUT, policy, at, level).value_text()
    return (
        f"{policy} at load {at:g}: p95 of TTFT {ttft}, of TPOT {tpot}; {kept:.0%} in "
        f"time ({levels[level].said}), goodput {good}"
    )


def _alt(facts: Records, choice: Choice, level: Any) -> str:
    at = choice["load"]
    said = [f"Four ways to serve at load {at:g}, {level.said}."]
    for policy in facts.policies:
        ttft, tpot = (
            facts.get(family["p50"], policy, at).value_text()
            for family in (TTFTS, TPOTS)
        )
        kept = facts.get(IN_TIME, policy, at, level.name).value
        said.append(f"{policy}: TTFT {ttft}, TPOT {tpot}, {kept:.0%} in time.")
    return " ".join(said)
