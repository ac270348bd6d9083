"""Quality against bits: what each method of quantization loses, and how surely."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.show import scales, select, style
from llmlab.show.quantization import steps

ENDS = ("relative_low", "relative_high")
TICKS = (-0.01, -0.001, 0, 0.001, 0.01, 0.1, 1, 10)  # of a share; about 0 linear
ABOVE_ZERO = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
YOURS = ", yours"  # ends the name of a method that the learner wrote a part of


@style.by_the_rules
def quality_by_bits(
    records: Sequence[Record],
    *,
    sizes: Sequence[str] = ("32", "channel"),
    title: str = "What is lost, by bits and method",
) -> Figure:
    """Draw the relative loss of bits per byte by bits, a curve for each method.

    records: "difference in bits per byte" with details method, bits, group size,
    relative and its ends. sizes: the group sizes to draw, a panel each. What was
    measured here stands as a hollow marker over what was recorded, "GPTQ, yours" in
    the look of GPTQ. Others are left alone. ValueError: none of these sizes, a missing
    detail.
    """
    differences = select.by_quantity(
        select.checked(records), DIFFERENCE_IN_BITS_PER_BYTE
    )
    methods = list(dict.fromkeys(map(_method, differences)))
    panels = {
        size: facts
        for size in sizes
        if (facts := [r for r in differences if select.detail(r, "group size") == size])
    }
    if not panels:
        raise ValueError(
            f"records hold no {DIFFERENCE_IN_BITS_PER_BYTE.name!r} of the group sizes "
            f"{', '.join(sizes)}; "
            "measure.quality.difference gives them."
        )
    fig, axes = style.canvas(
        len(panels), height=4.1, title=title, squeeze=False, sharey=True
    )
    for panel, (size, facts) in zip(axes.flat, panels.items(), strict=True):
        _draw(panel, methods, facts)
        style.panel_title(panel, steps.size_spoken(size))
    _name_axes(axes.flat[0], [record for facts in panels.values() for record in facts])
    fig.legend(
        handles=_handles(methods, differences), loc="outside lower left", ncols=4
    )
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


def _method(record: Record) -> str:
    return select.detail(record, "method").removesuffix(YOURS)


def _draw(axes: Axes, methods: Sequence[str], records: Sequence[Record]) -> None:
    for index, method in enumerate(methods):
        look = style.series(index)
        of_method = [record for record in records if _method(record) == method]
        for kind in ("recorded", "measured"):
            facts = [record for record in of_method if record.kind == kind]
            _curve(axes, look, facts, hollow=kind == "measured")
    axes.axhline(0, color=style.QUIET, linewidth=1)
    bits = sorted({select.detail(record, "bits") for record in records})
    steps.by_bits(axes, bits)
    axes.set_xlim(bits[0] - 0.5, bits[-1] + 0.5)


def _curve(axes: Axes, look, facts, *, hollow: bool) -> None:
    facts = sorted(facts, key=lambda record: select.detail(record, "bits"))
    x = [record.details["bits"] for record in facts]
    y = [select.detail(record, "relative") for record in facts]
    ends = [[select.detail(record, end) for record in facts] for end in ENDS]
    face = style.CARD if hollow else look.color
    axes.plot(x, y, look.marker, color=look.color, markerfacecolor=face,
              markersize=9 if hollow else 6, zorder=4 if hollow else 3,
              linestyle="none" if hollow else look.line)  # fmt: skip
    axes.vlines(x, *ends, color=look.color, linewidth=1.2)


def _name_axes(axes: Axes, records: Sequence[Record]) -> None:
    low, high = ([select.detail(record, end) for record in records] for end in ENDS)
    ticks: tuple[float, ...]
    if min(low) > 0:  # nobody may have lost nothing, so zero need not be there
        axes.set_yscale("log")
        axes.set_ylim(min(low) / 1.5, 1.5 * max(high))
        ticks = ABOVE_ZERO
    else:
        axes.set_yscale("symlog", linthresh=0.001, linscale=0.6)
        axes.set_ylim(min(-0.0007, 2 * min(low)), 2 * max(0.001, *high))
        ticks = TICKS
    axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    scales.name(axes.yaxis, "bits per byte more", select.kinds(records), "log scale")


def _percent(share: float, _=None) -> str:
    return f"{100 * share:+.4g} %".replace("-", "−") if share else "0"


def _handles(methods: Sequence[str], records: Sequence[Record]) -> list[Line2D]:
    handles = []
    for index, method in enumerate(methods):
        look = style.series(index)
        handles.append(Line2D([], [], marker=look.marker, linestyle=look.line,
                              color=look.color, label=method))  # fmt: skip
    if any(record.kind == "measured" for record in records):
        handles.append(Line2D([], [], marker="o", linestyle="none", color=style.QUIET,
                              markerfacecolor=style.CARD, markersize=9,
                              label="measured here"))  # fmt: skip
    return handles
