"""The ladder of ways to run a step: how fast each is, and when building it has paid."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from llmlab.core.records import Record
from llmlab.graphs.quantities import BUILD_SECONDS, PAID, STEP_GAIN, STEP_TIME
from llmlab.show import bars, figures, scales, select, style
from llmlab.show.figures import Picture

ORDER = (
    "eager",
    "fused",
    "static",
    "compiled",
    "ONNX Runtime",
    "OpenVINO",
    "native int8",
)  # of all ways, which decides on their colours
ROOM = 1.16  # of the axis over that of bars, for two lines of words at a bar
TALL = 0.1  # inches more for a row, since its words have two lines
BEYOND = 10  # times the tokens after which the last way has paid
FEWEST = 1000  # tokens at the right end
POINTS = 60  # of a line, which bends
HIGHEST = 100  # times as long as the plain way, at the top: above, nothing is compared
UNSURE = "no difference shown"
FREE = "nothing to build"


@style.by_the_rules
def ways(result: Any, *, title: str = "What a token takes, way by way") -> Figure:
    """Draw the time of a step and the seconds to build it, a row for each way.

    result: records "time of a decode step", "step, times as fast" with
    details["verdict"], "seconds to build", the way as subject.
    """
    facts = select.needed(result, STEP_TIME)
    names = [fact.subject for fact in facts]
    gains = _by_way(select.needed(result, STEP_GAIN))
    high = bars.height(names, extra=TALL * len(names))
    fig = style.card(style.WIDTH, high, title=title)
    left, right = fig.subplots(1, 2, width_ratios=(1.9, 1), sharey=True)
    says = [_said(fact, gains.get(fact.subject), "\n") for fact in facts]
    looks = [look_of(name, row) for row, name in enumerate(names)]
    bars.draw(left, facts, names, "time", says=says, looks=looks)
    left.set_xlim(0, ROOM * left.get_xlim()[1])
    style.panel_title(left, "A decode step, one token")
    _building(right, select.needed(result, BUILD_SECONDS), names)
    return fig


def ways_alt(facts: Sequence[Record]) -> str:
    """Say time, factor and seconds to build of every way."""
    gains = _by_way(select.by_quantity(facts, STEP_GAIN))
    built = _by_way(select.by_quantity(facts, BUILD_SECONDS))
    said = ["Time of a decode step by the way that it runs, and seconds to build it."]
    for fact in select.by_quantity(facts, STEP_TIME):
        name = fact.subject
        builds = f"built in {built[name].value_text()}" if name in built else FREE
        said.append(f"{name}: {_said(fact, gains.get(name), ', ')}, {builds}.")
    return " ".join(said)


def look_of(way: str, row: int) -> style.SeriesStyle:
    """Return the look of a way, the same in every picture; of others by their row."""
    return style.series(ORDER.index(way) if way in ORDER else row)


def _building(axes: Axes, facts: Sequence[Record], names: Sequence[str]) -> None:
    """Draw a marker for the seconds to build each way, on a logarithmic axis."""
    select.positive(facts)
    low, high = scales.room([fact.value for fact in facts])
    scales.logarithmic(axes.xaxis, "building", "s", select.kinds(facts))
    _ticks(axes.xaxis, low, high)
    axes.set_xlim(low, high * (high / low) ** 0.6)  # room for words
    built = {fact.subject: fact for fact in facts}
    for row, name in enumerate(names):
        if name not in built:
            axes.annotate(FREE, (0, row), (6, 0), va="center", fontsize=8.5,
                          color=style.QUIET, xycoords=("axes fraction", "data"),
                          textcoords="offset points")  # fmt: skip
            continue
        look, value = look_of(name, row), built[name].value
        axes.plot([low, value], [row, row], color=style.GRID, linewidth=2)
        axes.plot(value, row, look.marker, color=look.color, markersize=7)
        axes.annotate(built[name].value_text(), (value, row), (7, 0), va="center",
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")
    style.panel_title(axes, "To build it")


def _ticks(axis: Axis, low: float, high: float) -> None:
    """Name powers of ten from low to high, in seconds; both ends if too few."""
    powers = [10.0**k for k in range(-9, 10) if low <= 10.0**k <= high]
    named = powers[:: 1 + (len(powers) - 1) // 3]  # so that none touch
    axis.set_major_locator(FixedLocator(named if len(named) > 1 else [low, high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _seconds(value)))


def _seconds(value: float) -> str:
    """Write a power of ten as it is: 1,000 s are easier to place than 16.7 min."""
    return scales.short(value, "s") if value < 1 else f"{value:,.10g} s"


def _said(fact: Record, gain: Record | None, between: str) -> str:
    """Write a time and how many times as fast as the first way it is."""
    if gain is None:
        return fact.value_text()
    word = str(gain.details.get("verdict", ""))
    sure = f", {UNSURE}" if word.startswith("no") else " as fast"
    return f"{fact.value_text()}{between}{gain.value:.2f} ×{sure}"


def _by_way(facts: Sequence[Record]) -> dict[str, Record]:
    return {fact.subject: fact for fact in facts}


def break_even(
    result: Any, *, title: str = "After how many tokens has building paid?"
) -> Picture:
    """Return the picture of all time, building with it, beside the plain way's.

    result: what has the records of `paid`, such as the ladder of ways. ValueError: a
    result without them.
    """
    facts = select.checked(result, "result")
    return figures.picture_of(paid(facts, title=title), alt=paid_alt(facts))


@style.by_the_rules
def paid(
    result: Any, *, title: str = "After how many tokens has building paid?"
) -> Figure:
    """Draw the time of each way and its building, times the plain way's, over tokens.

    result: records "time of a decode step", "seconds to build" and, for the
    ways that pay, "tokens until building has paid".
    """
    times = _by_way(select.needed(result, STEP_TIME))
    built = _by_way(select.needed(result, BUILD_SECONDS))
    after = _by_way(select.by_quantity(select.checked(result), PAID))
    slower = _slower(select.checked(result))
    plain = _plain(times)
    base = times[plain].value
    fig, axes = style.canvas(height=4.6, title=title)
    most = max([FEWEST, *(BEYOND * fact.value for fact in after.values())])
    tokens = [most ** (k / POINTS) for k in range(POINTS + 1)]
    for index, (name, step) in enumerate(times.items()):
        if name != plain and name not in built:
            continue
        look, first = look_of(name, index), built[name].value if name in built else 0.0
        axes.plot(tokens, [(first / count + step.value) / base for count in tokens],
                  color=look.color, linestyle=look.line,
                  label=_pays(name, plain, after, slower))  # fmt: skip
        if name in after:
            axes.plot(after[name].value, 1, look.marker, color=look.color,
                      markersize=9, zorder=5)  # fmt: skip
    scales.logarithmic(axes.xaxis, "tokens", "token")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    what = f"time with building, × {plain}'s"
    scales.logarithmic(axes.yaxis, what, "×", _source(times, built))
    axes.set_ylim(top=min(HIGHEST, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(1, most)
    style.one_way(axes, "y")
    marked = f"Marked: where a way has caught up with {plain}"
    style.panel_title(
        axes, marked if after else f"No way surely catches up with {plain}"
    )
    fig.legend(loc="outside lower left", ncols=2)
    return fig


def paid_alt(facts: Sequence[Record]) -> str:
    """Say what each way takes to build, and after how many tokens that has paid."""
    times = _by_way(select.by_quantity(facts, STEP_TIME))
    after = _by_way(select.by_quantity(facts, PAID))
    plain, slower = _plain(times), _slower(facts)
    said = [
        f"Time with building, times that of {plain}, over tokens, on logarithmic axes, "
        f"estimated from times of a step and of building it; {plain} builds nothing."
    ]
    for fact in select.by_quantity(facts, BUILD_SECONDS):
        name = fact.subject
        said.append(
            f"{_pays(name, plain, after, slower)}, built in {fact.value_text()}."
        )
    return " ".join(said)


def _plain(times: dict[str, Record]) -> str:
    """Return the way that the others are held against; it is not built."""
    return next(iter(times))


def _slower(facts: Sequence[Record]) -> set[str]:
    """Return the ways that are surely slower, so that building them never pays."""
    gains = select.by_quantity(facts, STEP_GAIN)
    return {gain.subject for gain in gains if gain.details.get("verdict") == "slower"}


def _pays(name: str, plain: str, after: dict[str, Record], slower: set[str]) -> str:
    if name == plain:
        return f"{name}, {FREE}"
    if name in after:
        return f"{name}: after {after[name].value_text()}"
    return f"{name}: {'never' if name in slower else 'no gain shown'}"


def _source(times: dict[str, Record], built: dict[str, Record]) -> str:
    kinds = select.kinds([*times.values(), *built.values()])
    return f"estimated from {kinds} times"
