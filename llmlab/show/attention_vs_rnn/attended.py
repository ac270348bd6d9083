"""What the last token looks at beside what its answer rests on."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import ATTENTION_WEIGHT, EFFECT_OF_REMOVAL
from llmlab.core.records import Record
from llmlab.show import scales, select, style
from llmlab.show.attention_vs_rnn.maps import visible

SIDES = (ATTENTION_WEIGHT, EFFECT_OF_REMOVAL)


@style.by_the_rules
def readings(
    records: Sequence[Record], *, title: str = "What it looks at, and what counts"
) -> Figure:
    """Draw for each token the weight that it gets and what is lost without it.

    records: "attention weight" and "effect of removal" (bit) with details key and key
    token, one of each for a token. Others are left alone.
    ValueError: not both for every token, a missing detail.
    """
    records = select.checked(records)
    sides = [_by_key(select.by_quantity(records, what)) for what in SIDES]
    if not sides[0] or sides[0].keys() != sides[1].keys():
        raise ValueError(
            f"records hold {len(sides[0])} tokens with {ATTENTION_WEIGHT.name!r} and "
            f"{len(sides[1])} with {EFFECT_OF_REMOVAL.name!r}; give what "
            "importance.readings returned."
        )
    height = 1.5 + 0.3 * len(sides[0])
    fig, panels = style.canvas(2, height=height, title=title, sharey=True)
    for index, (axes, side) in enumerate(zip(panels, sides, strict=True)):
        _bars(axes, style.series(index), list(side.values()))
    scales.name(panels[0].xaxis, "weight", select.kinds(sides[0].values()))
    scales.name(panels[1].xaxis, "cost", "bits", select.kinds(sides[1].values()))
    style.panel_title(panels[0], "attention weight of the last token")
    style.panel_title(panels[1], "effect of taking it away")
    return fig


def _by_key(records: Sequence[Record]) -> dict[int, Record]:
    return {
        select.detail(record, "key"): record
        for record in sorted(records, key=lambda record: select.detail(record, "key"))
    }


def _bars(axes: Axes, look: style.SeriesStyle, records: Sequence[Record]) -> None:
    words = [visible(str(select.detail(record, "key token"))) for record in records]
    values = [record.value for record in records]
    axes.barh(range(len(words)), values, height=0.66, color=look.color, linewidth=0,
              hatch=look.hatch, edgecolor=style.CARD)  # fmt: skip
    axes.axvline(0, color=style.QUIET, linewidth=1)
    axes.set_yticks(range(len(words)), words, parse_math=False)
    axes.set_ylim(len(words) - 0.4, -0.6)  # the first token on top
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel("token")
    style.one_way(axes, "x")
