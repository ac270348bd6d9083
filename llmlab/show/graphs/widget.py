"""Ways to run a step to choose among, with what each starts, moves and takes.

It draws records that were made before; no model runs while one chooses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.quantities import WEIGHTS
from llmlab.core.records import Record, quantity
from llmlab.graphs.quantities import (
    CALLS,
    DECODE,
    KERNELS,
    NODES,
    PREFILL,
    PREFILL_GAIN,
    PREFILL_TIME,
    STEP_BYTES,
    STEP_GAIN,
    STEP_KERNELS,
    STEP_TIME,
    phase,
)
from llmlab.show import bars, scales, select, style
from llmlab.show.figures import Picture, Place, quick_picture
from llmlab.show.graphs import ladder
from llmlab.show.widgets import Choice, Selectors

TIMES, GAINS = (STEP_TIME, PREFILL_TIME), (STEP_GAIN, PREFILL_GAIN)
COUNTS = (STEP_KERNELS, NODES, KERNELS, CALLS)  # the nearest to the machine first
BYTES = (STEP_BYTES, WEIGHTS)
WORDS = {CALLS.name: CALLS.name, KERNELS.name: "that compute",
         NODES.name: "of the graph", STEP_KERNELS.name: "",
         STEP_BYTES.name: "moved", WEIGHTS.name: "of weights"}  # fmt: skip
PANELS = (
    (TIMES, "takes", "time"), (COUNTS, "starts", "count"), (BYTES, "moves", "bytes"),
)  # fmt: skip
FORMAT = "fp32"  # of records that come without the name of one
ROOM = 2.2  # of the axis, for the words at the bars
MISSING = "no record"
COLOURS = 32  # of the picture: a few bars and words


class Ways:
    """The records of ways, by way, format and phase."""

    def __init__(self, given: Any):
        self._facts: dict[tuple[str, str, str], dict[str, Record]] = {}
        for dtype, result in _by_format(given).items():
            for fact in select.checked(result):
                place = fact.subject, dtype, phase(fact)
                self._facts.setdefault(place, {}).setdefault(fact.name, fact)
        timed = [place for place in self._facts if self.get(TIMES, *place)]
        self.ways = list(dict.fromkeys(way for way, _, _ in timed))
        self.formats = list(dict.fromkeys(dtype for _, dtype, _ in timed))
        found = {name for _, _, name in timed}
        others = sorted(found - {DECODE, PREFILL}, key=_number)  # such as "32 rows"
        order = (DECODE, *others, PREFILL)
        self.phases = [name for name in order if name in found]

    def get(
        self, quantities: Sequence[Any], way: str, dtype: str, phase: str
    ) -> Record | None:
        """Return the first of some quantities that there is a record of."""
        own = self._facts.get((way, dtype, phase), {})
        return next((own[q.name] for q in quantities if q.name in own), None)

    def all(self, way: str, dtype: str, phase: str) -> list[Record]:
        """Return the counts and bytes of a way, those that there are."""
        found = [self.get([q], way, dtype, phase) for q in (*COUNTS, *BYTES)]
        return [fact for fact in found if fact is not None]


def _by_format(given: Any) -> Mapping[str, Any]:
    """Return results by format: of a dict, of what holds one, or of a single format."""
    held = given if isinstance(given, Mapping) else getattr(given, "facts", None)
    return held if isinstance(held, Mapping) else {FORMAT: given}


def _number(name: str) -> tuple[int, str]:
    digits = name.split()[0]
    return int(digits) if digits.isdecimal() else 0, name


def ways_widget(records: Any) -> Selectors:
    """Return buttons for way, format and phase, a line and a figure.

    records: what `graphs.experiments` returned, or its records; of several formats
    what `recorded_ways` gave, or a dict by name: {"fp32": …, "bf16": …}. ValueError: no
    times among them.
    """
    facts = Ways(records)
    if not facts.ways:
        raise ValueError(
            f"records={records!r:.60} hold no time of a way; hand in what an "
            "experiment of graphs that times ways returned, or a dict of these by "
            "format."
        )
    places: list[Place] = []

    def draw(choice: Choice) -> Picture:
        fig = chosen(facts, choice, title=f"{choice['phase']}, {choice['dtype']}")
        alt = _alt(facts, choice)
        return quick_picture(fig, alt=alt, places=places, colours=COLOURS)

    options = {"way": facts.ways, "dtype": facts.formats, "phase": facts.phases}
    first = {key: values[0] for key, values in options.items()}
    return Selectors(options, first, lambda choice: _say(facts, choice), draw)


@style.by_the_rules
def chosen(facts: Ways, choice: Choice, *, title: str = "") -> Figure:
    """Draw time, counts and bytes of all ways, the chosen one on a band."""
    fig, panels = style.canvas(
        3, height=bars.height(facts.ways), title=title, sharey=True
    )
    for axes, (quantities, heading, what) in zip(panels, PANELS, strict=True):
        some = [
            facts.get(quantities, way, choice["dtype"], choice["phase"])
            for way in facts.ways
        ]
        _bars(axes, some, what)
        row = facts.ways.index(choice["way"])
        axes.axhspan(row - 0.46, row + 0.46, color=style.BAND, zorder=0)
        style.panel_title(axes, heading)
    bars.rows(panels[0], facts.ways)
    for label in panels[0].get_yticklabels():
        if label.get_text() == choice["way"]:
            label.set_fontweight("bold")
    return fig


def _bars(axes: Axes, facts: Sequence[Record | None], what: str) -> None:
    """Draw a bar for each record, and say where there is none."""
    there = [fact for fact in facts if fact is not None]
    unit = there[0].unit if what != "count" and there else "1"
    most = max((fact.value for fact in there), default=1.0) or 1.0
    factor, word = scales.shared([most], unit)
    for row, fact in enumerate(facts):
        if fact is None:
            axes.annotate(MISSING, (0, row), (5, 0), va="center", fontsize=8.5,
                          color=style.QUIET, textcoords="offset points")  # fmt: skip
            continue
        look, end = ladder.look_of(fact.subject, row), fact.value / factor
        axes.barh(row, end, bars.HIGH, color=look.color, hatch=look.hatch,
                  edgecolor=style.CARD)  # fmt: skip
        axes.annotate(_counted(fact), (end, row), (5, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
    axes.set_xlim(0, ROOM * most / factor)
    if not there:
        axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    scales.name(axes.xaxis, what, word, select.kinds(there))


def _say(facts: Ways, choice: Choice) -> str:
    """Say time, factor, counts and bytes of what was chosen."""
    place = choice["way"], choice["dtype"], choice["phase"]
    time, gain = facts.get(TIMES, *place), facts.get(GAINS, *place)
    said = f"{', '.join(place)}: "
    if time is None:
        return f"{said}{MISSING} of its time"
    parts = [f"{time.value_text()} ({time.kind})"]
    if gain is not None:
        against = str(gain.details.get("against", facts.ways[0]))
        sure = ", no difference shown" if _unsure(gain) else ""
        parts.append(f"{gain.value:.2f} × as fast as {against}{sure}")
    parts += [_long(fact) for fact in facts.all(*place)]
    moved = facts.get((STEP_BYTES,), *place)
    if moved is not None:
        rate = quantity(moved.value / time.value, "B/s")
        parts.append(f"so {rate} (estimated)")
    return said + "; ".join(parts)


def _unsure(gain: Record) -> bool:
    return str(gain.details.get("verdict", "")).startswith("no")


def _long(fact: Record) -> str:
    """Write a count with what is counted: 171 operators that compute."""
    words = "" if "kind" in fact.details else WORDS[fact.name]
    return f"{_counted(fact)} {words}".strip()


def _counted(fact: Record) -> str:
    """Write a value; of what a way starts, its records say whether it is nodes."""
    kind = str(fact.details.get("kind", ""))
    if not kind:
        return fact.value_text()
    word = kind.removesuffix("s") if fact.value == 1 else kind
    return f"{fact.value:,.0f} {word}"


def _alt(facts: Ways, choice: Choice) -> str:
    """Say all ways, for a reader who cannot see the picture."""
    said = [f"Ways to run a step, {choice['phase']} in {choice['dtype']}."]
    said += [f"{_say(facts, choice | {'way': way})}." for way in facts.ways]
    return " ".join(said)
