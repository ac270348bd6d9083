"""An attention map: how much each token takes of each token up to itself."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from llmlab.attention_vs_rnn.quantities import ATTENTION_WEIGHT
from llmlab.core.records import Record
from llmlab.show import select, style

LONGEST = 40  # tokens that can be named along an axis
WRITTEN = 14  # tokens up to which every weight is written into its cell
SHADES = LinearSegmentedColormap.from_list(
    "attention", [style.CARD, "#9cb8dd", style.SERIES[0].color, "#041e42"]
)


@style.by_the_rules
def attention_map(
    records: Sequence[Record],
    *,
    layer: int | None = None,
    head: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the attention weights of one layer and head: a row looks at columns.

    records: "attention weight" with details query, key, query token and key token; of
    several layers or heads, `layer` and `head` choose one, by default the first. What
    comes later stays empty. Others are left alone.
    ValueError: no weights of this choice, more than 40 tokens, a missing detail.
    """
    chosen = one_head(records, layer, head)
    words = tokens_of(chosen)
    if len(words) > LONGEST:
        raise ValueError(
            f"a map of {len(words)} tokens cannot be read, {LONGEST} can; choose a "
            "shorter text."
        )
    grid = np.full((len(words), len(words)), np.nan)
    for record in chosen:
        grid[record.details["query"], record.details["key"]] = record.value
    side = min(6.6, 2.0 + 0.3 * len(words))
    fig = style.card(min(style.WIDTH, side + 0.9), side)
    axes = fig.subplots()
    _draw(axes, grid, words, select.kinds(chosen))
    place = f"layer {chosen[0].details['layer']}, head {chosen[0].details['head']}"
    axes.set_title(title or f"Attention, {place}")
    return fig


def one_head(
    records: Sequence[Record], layer: int | None = None, head: int | None = None
) -> tuple[Record, ...]:
    """Return the weights of one layer and head; ValueError if there are none."""
    weights = select.by_quantity(select.checked(records), ATTENTION_WEIGHT)
    for key, wished in (("layer", layer), ("head", head)):
        values = sorted({select.detail(record, key) for record in weights})
        wished = values[0] if wished is None and values else wished
        weights = tuple(record for record in weights if record.details[key] == wished)
        if not weights:
            raise ValueError(
                f"records hold no {ATTENTION_WEIGHT.name!r} with {key} {wished}; "
                f"choose one of {values}."
            )
    return weights


def tokens_of(weights: Sequence[Record]) -> list[str]:
    """Return the tokens of a map in order, with blanks made visible."""
    last = max(select.detail(record, "query") for record in weights)
    row = {
        select.detail(record, "key"): str(select.detail(record, "key token"))
        for record in weights
        if record.details["query"] == last
    }
    if sorted(row) != list(range(last + 1)):
        raise ValueError(
            f"the row of the last of {last + 1} tokens holds {len(row)} weights; give "
            "all that maps.of_text returned."
        )
    return [visible(row[key]) for key in range(last + 1)]


def sentence(weights: Sequence[Record]) -> str:
    """Say of one head what the last token looks at most, and what the first gets."""
    words = tokens_of(weights)
    last = [record for record in weights if record.details["query"] == len(words) - 1]
    most = max(last, key=lambda record: record.value)
    first = [record.value for record in weights if not record.details["key"]]
    return (
        f"the last token, {words[-1]}, looks most at {words[most.details['key']]} "
        f"({most.value:.0%}); the first token gets {sum(first) / len(first):.0%} of "
        "all attention"
    )


def visible(token: str) -> str:
    """Write a token so that its blanks can be seen: " cat" -> "␣cat"."""
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥") or "∅"


def _draw(axes: Axes, grid: np.ndarray, words: list[str], kind: str) -> None:
    image = axes.imshow(grid, cmap=SHADES, vmin=0, vmax=1, aspect="equal")
    size = 9 if len(words) <= 20 else 7
    places = range(len(words))
    axes.set_xticks(places, words, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(places, words, fontsize=size, parse_math=False)
    axes.set(xlabel="key: the token looked at", ylabel="query: the token that looks")
    axes.grid(False)
    axes.tick_params(length=0)
    if len(words) <= WRITTEN:
        for (row, column), weight in np.ndenumerate(grid):
            if not np.isnan(weight):
                color = style.CARD if weight > 0.45 else style.INK
                axes.text(column, row, f"{weight:.2f}".lstrip("0"), ha="center",
                          va="center", fontsize=7.5, color=color)  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.7, pad=0.02)
    bar.set_label(f"weight ({kind}, a row adds up to 1)")
    bar.outline.set_visible(False)
