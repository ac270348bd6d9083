"""The attention map of any layer and head, computed before; it runs no model."""

from collections.abc import Iterable

from llmlab.attention_vs_rnn.quantities import ATTENTION_WEIGHT
from llmlab.core.records import Record
from llmlab.show import select
from llmlab.show.attention_vs_rnn import maps
from llmlab.show.figures import Picture, quick_picture
from llmlab.show.widgets import Choice, Selectors


def attention_widget(
    records: Iterable[Record], *, title: str | None = None
) -> Selectors:
    """Return selectors of layer and head that show the attention map of the choice.

    records: "attention weight", as maps.of_text gives them, all of one text. The line
    says which token the last one looks at most. Others are left alone.
    ValueError: no weights, more tokens than can be read, a missing detail.
    """
    found = select.by_quantity(select.checked(records), ATTENTION_WEIGHT)
    heads: dict[tuple[int, int], list[Record]] = {}
    for record in found:
        place = (select.detail(record, "layer"), select.detail(record, "head"))
        heads.setdefault(place, []).append(record)
    if not heads:
        raise ValueError(
            f"records hold no {ATTENTION_WEIGHT.name!r}; maps.of_text gives them."
        )

    def say(choice: Choice) -> str:
        place = f"layer {choice['layer']}, head {choice['head']}"
        weights = heads.get((choice["layer"], choice["head"]))
        if weights is None:
            return f"{place}: not computed before, choose another"
        return f"{place}: {maps.sentence(weights)}"

    def draw(choice: Choice) -> Picture | None:
        weights = heads.get((choice["layer"], choice["head"]))
        if weights is None:
            return None
        heading = title and f"{title}: layer {choice['layer']}, head {choice['head']}"
        alt = f"Attention map, {say(choice)}."
        return quick_picture(maps.attention_map(weights, title=heading), alt=alt)

    layers, numbers = ({place[i] for place in heads} for i in (0, 1))
    options = {"layer": sorted(layers), "head": sorted(numbers)}
    layer, head = next(iter(heads))
    return Selectors(options, {"layer": layer, "head": head}, say, draw)
