"""What the last token looks at beside what its answer rests on."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from llmlab.attention_vs_rnn.quantities import ATTENTION_WEIGHT, EFFECT_OF_REMOVAL
from llmlab.core.records import Record
from llmlab.show import scales, select, style
from llmlab.show.attention_vs_rnn.maps import visible

SIDES = (ATTENTION_WEIGHT, EFFECT_OF_REMOVAL)
UNSEEN = 0.005  # of the longest bar: shorter ones have no width
LOOKED, LOST = "attention weight of the last token", "effect of taking it away"


@style.by_the_rules
def readings(
    result: Any, *, title: str = "What it looks at, and what its answer rests on"
) -> Figure:
    """Draw for each token the weight that it gets and what is lost without it.

    result: "attention weight" and "effect of removal" (bit) with details key and key
    token, one of each for a token; a line of panels for each details["text"], if they
    have one. Others are left alone.
    ValueError: not both for every token, a missing detail.
    """
    texts = _by_text(select.checked(result, "result"))
    sizes = [0.9 + 0.2 * len(sides[0]) for sides in texts.values()]
    fig = style.card(style.WIDTH, sum(sizes) + 0.4, title=title)
    grid = fig.subplots(len(texts), 2, squeeze=False, height_ratios=sizes)
    for panels, (text, sides) in zip(grid, texts.items(), strict=True):
        for index, (axes, side) in enumerate(zip(panels, sides, strict=True)):
            _bars(axes, style.series(index), list(side.values()))
        panels[1].set_yticklabels([])
        _say_zeros(panels[1], list(sides[1].values()))
        panels[0].xaxis.set_major_formatter(PercentFormatter(1, 0, symbol=" %"))
        scales.name(panels[0].xaxis, "weight", select.kinds(sides[0].values()))
        scales.name(panels[1].xaxis, "cost", "bits", select.kinds(sides[1].values()))
        style.panel_title(
            panels[0], f'"{text}": what gets attention' if text else LOOKED
        )
        style.panel_title(panels[1], LOST)
    return fig


def readings_alt(facts: Sequence[Record]) -> str:
    """Say of each text which token gets the most weight, and which is needed most."""
    said = []
    for text, sides in _by_text(facts).items():
        looks, needs = (
            max(side.values(), key=lambda record: record.value) for side in sides
        )
        word, needed = (
            str(record.details["key token"]).strip() for record in (looks, needs)
        )
        said.append(
            f"{text or 'The text'}: the last token looks most at {word!r} "
            f"({looks.value:.0%} of its attention); taking {needed!r} away costs the "
            f"answer most, {needs.value_text()}."
        )
    return " ".join(said)


def _by_text(records: Sequence[Record]) -> dict[str, list[dict[int, Record]]]:
    """Return both sides of each text, by the place of the token."""
    wanted = select.by_quantity(records, *SIDES)
    names = list(
        dict.fromkeys(str(record.details.get("text", "")) for record in wanted)
    )
    texts = {
        name: [
            _by_key(
                [
                    record
                    for record in select.by_quantity(wanted, what)
                    if str(record.details.get("text", "")) == name
                ]
            )
            for what in SIDES
        ]
        for name in names
    }
    for weights, effects in texts.values():
        if not weights or weights.keys() != effects.keys():
            raise ValueError(
                f"records hold {len(weights)} tokens with {ATTENTION_WEIGHT.name!r} "
                f"and {len(effects)} with {EFFECT_OF_REMOVAL.name!r}; give what "
                "importance.readings returned."
            )
    if not texts:
        raise ValueError(
            f"records hold no {ATTENTION_WEIGHT.name!r} and {EFFECT_OF_REMOVAL.name!r};"
            " give what importance.readings returned."
        )
    return texts


def _by_key(records: Sequence[Record]) -> dict[int, Record]:
    return {
        select.detail(record, "key"): record
        for record in sorted(records, key=lambda record: select.detail(record, "key"))
    }


def _bars(axes: Axes, look: style.SeriesStyle, records: Sequence[Record]) -> None:
    words = [
        visible(str(select.detail(record, "key token")).removeprefix(" "))
        for record in records
    ]
    values = [record.value for record in records]
    axes.barh(range(len(words)), values, height=0.66, color=look.color, linewidth=0)
    axes.axvline(0, color=style.QUIET, linewidth=1)
    axes.set_yticks(range(len(words)), words, parse_math=False)
    axes.set_ylim(len(words) - 0.4, -0.6)  # the first token on top
    axes.tick_params(axis="y", length=0)
    style.one_way(axes, "x")


def _say_zeros(axes: Axes, records: Sequence[Record]) -> None:
    """Write beside a bar that is too short to be seen what it amounts to."""
    least = UNSEEN * max(abs(record.value) for record in records)
    for row, record in enumerate(records):
        if abs(record.value) <= least:
            axes.annotate(f"{abs(record.value):.2f}", (0, row), (5, 0), va="center",
                          textcoords="offset points", color=style.QUIET)  # fmt: skip
