"""What each method of quantization loses, and how surely: a panel for each width."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.show import scales, select, style
from llmlab.show.quantization import looks, steps

KINDS = ("recorded", "measured")
APART = 0.2  # of a row, between what was recorded and what was measured
ROOM = 1.45  # times the largest end: numbers stand right of the marks


@style.by_the_rules
def quality_by_bits(
    records: Sequence[Record],
    *,
    sizes: Sequence[str] = ("32", "channel"),
    title: str = "Bits per byte more than before, by method",
) -> Figure:
    """Draw the relative loss of bits per byte, a row for each method.

    records: "difference in bits per byte" with details method, bits, group size,
    relative and its ends. sizes: the group sizes to draw, a line of panels each, and a
    panel in it for each number of bits, on an axis of its own from 0. What was
    recorded is filled, what was measured here hollow and just below; "GPTQ, yours" has
    the look of GPTQ. Others are left alone. ValueError: none of these sizes, a missing
    detail.
    """
    facts = select.by_quantity(select.checked(records), DIFFERENCE_IN_BITS_PER_BYTE)
    names = looks.by_method([select.detail(fact, "method") for fact in facts])
    panels = {
        (size, bits): [
            fact
            for fact in facts
            if (select.detail(fact, "group size"), fact.details["bits"]) == (size, bits)
        ]
        for size in sizes
        for bits in sorted({select.detail(fact, "bits") for fact in facts})
    }
    used = [size for size in sizes if any(panels[place] for place in panels
                                          if place[0] == size)]  # fmt: skip
    if not used:
        raise ValueError(
            f"records hold no {DIFFERENCE_IN_BITS_PER_BYTE.name!r} of the group sizes "
            f"{', '.join(sizes)}; measure.quality.difference gives them."
        )
    widths = sorted({bits for (size, bits), own in panels.items() if own})
    fig = _canvas(panels, used, widths, names, title)
    kinds = [kind for kind in KINDS if any(fact.kind == kind for fact in facts)]
    fig.legend(handles=[_handle(kind) for kind in kinds], loc="outside lower left",
               ncols=2)  # fmt: skip
    return fig


def quality_alt(records: Sequence[Record]) -> str:
    """Say what each method loses at the bits that it was measured or recorded at."""
    facts = select.by_quantity(records, DIFFERENCE_IN_BITS_PER_BYTE)
    said = ["Bits per byte more than before, by bits and method."]
    for fact in sorted(facts, key=lambda fact: select.detail(fact, "bits")):
        share = _percent(round(select.detail(fact, "relative"), 4))
        said.append(
            f"{fact.details['method']}, {fact.details['bits']} bits, {fact.kind}: "
            f"{share}."
        )
    return " ".join(said)


def _canvas(
    panels: dict[tuple[str, int], list[Record]],
    sizes: Sequence[str],
    widths: Sequence[int],
    names: Sequence[str],
    title: str,
) -> Figure:
    height = 0.75 + len(sizes) * (0.75 + 0.42 * len(names))
    fig = style.card(style.WIDTH, height, title=title)
    axes = fig.subplots(len(sizes), len(widths), squeeze=False)
    for line, size in zip(axes, sizes, strict=True):
        for panel, bits in zip(line, widths, strict=True):
            _draw(panel, panels[size, bits], names)
            panel.set_yticks(range(len(names)), names if panel is line[0] else [])
            what = f"{bits} bits, {steps.size_spoken(size)}"
            style.panel_title(panel, what if panel is line[0] else f"{bits} bits")
    for panel in axes[-1]:  # the legend says how the numbers came about
        scales.name(panel.xaxis, "bits per byte more")
    return fig


def _draw(axes: Axes, facts: Sequence[Record], names: Sequence[str]) -> None:
    """Draw one panel; an empty one stays, so that columns are the same bits."""
    others = [looks.method(name) for name in names]
    both = {fact.details["method"] for fact in facts if fact.kind == KINDS[0]}
    for fact in facts:
        name, hollow = fact.details["method"], fact.kind == KINDS[1]
        apart = APART if name in both and _is_twice(facts, name) else 0
        row = names.index(name) + (apart if hollow else -apart)
        look = looks.of_method(name, others)
        value, low, high = (
            select.detail(fact, f"relative{end}") for end in ("", "_low", "_high")
        )
        axes.hlines(row, low, high, color=look.color, linewidth=1.4)
        axes.plot(
            value, row, look.marker, color=look.color, markersize=7, zorder=4,
            markerfacecolor=style.CARD if hollow else look.color, linestyle="none",
        )  # fmt: skip
        axes.annotate(_short(value), (max(high, value), row), (6, 0), va="center",
                      textcoords="offset points", fontsize=8)  # fmt: skip
    axes.axvline(0, color=style.QUIET, linewidth=1)
    axes.set_ylim(len(names) - 0.5, -0.5)
    ends = [
        fact.details[f"relative_{end}"] for fact in facts for end in ("low", "high")
    ]
    if facts:
        wide = max(*ends, 0) - min(*ends, 0)
        axes.set_xlim(min(*ends, 0) - 0.06 * wide, max(*ends, 0) + (ROOM - 1) * wide)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")


def _is_twice(facts: Sequence[Record], name: str) -> bool:
    return len([fact for fact in facts if fact.details["method"] == name]) > 1


def _short(share: float) -> str:
    digits = 1 if abs(share) < 0.1 else 0
    return f"{100 * share:+.{digits}f} %".replace("-", "−")


def _percent(share: float, _=None) -> str:
    return f"{100 * share:+.4g} %".replace("-", "−") if share else "0"


def _handle(kind: str) -> Line2D:
    hollow = kind == KINDS[1]
    return Line2D([], [], marker="o", linestyle="none", color=style.QUIET, markersize=7,
                  markerfacecolor=style.CARD if hollow else style.QUIET,
                  label="measured here" if hollow else kind)  # fmt: skip
