"""Selectors over records that were computed before; no widget runs a model.

bounds     which bound rules a step, by model, format, batch, context
attention  the attention map of any layer and head

A widget is boxes of ipywidgets 8, made by `show.selectors`.
"""

from collections.abc import Iterable, Sequence

from llmlab.core.records import Record
from llmlab.show import choose, plots, scales
from llmlab.show.grids import Choice, grid
from llmlab.show.pictures import Picture, figure
from llmlab.show.plots import maps
from llmlab.show.selectors import Selectors


def bounds(
    records: Iterable[Record],
    *,
    by: Sequence[str] = ("model", "dtype", "batch", "context"),
    along: str = "batch",
    phase: str = "decode",
    title: str = "Time of a decode step: three bounds and what was measured",
) -> Selectors:
    """Return selectors that show this machine's bounds for a choice of details.

    records: "compute bound", "bandwidth bound", "overhead bound" and the measured time,
    in seconds, one of each for a combination; whatever is no bound counts as measured.
    by: the details to choose by, which every record has. along: the one that the
    figure runs along, a number. phase: records of another one, by details["phase"],
    are left out, as are records in other units than seconds.
    ValueError: no bounds, a missing detail, two records for one place, a value not
    above 0, an `along` that is not chosen by.
    """
    if along not in by:
        raise ValueError(f"along={along!r} is none of by={tuple(by)}; choose one.")
    records = choose.of_unit(choose.checked(records), "s")
    records = [each for each in records if each.details.get("phase", phase) == phase]
    choices = grid(records, by)
    for value in choices.options(along):
        if isinstance(value, str) or value <= 0:
            raise ValueError(
                f"details[{along!r}] is {value!r}; the figure runs along a number "
                "above 0, so choose another detail as along."
            )
    limits = scales.room([each.value for each in choices.records])

    def draw(choice: Choice) -> Picture | None:
        found = choices.along(choice, along)
        if not choose.named(found, *plots.BOUNDS):
            return None  # the line says so
        at = choice[along]
        fig = plots.regimes(found, along=along, at=at, limits=limits, title=title)
        return figure(fig, alt=f"{title} by {along}. {choices.sentence(choice)}.")

    options = {key: choices.options(key) for key in choices.keys}
    return Selectors(options, choices.first(), choices.sentence, draw)


def attention(records: Iterable[Record], *, title: str | None = None) -> Selectors:
    """Return selectors of layer and head that show the attention map of the choice.

    records: "attention weight", as maps.of_text gives them, all of one text. The line
    says which token the last one looks at most. Others are left alone.
    ValueError: no weights, more tokens than can be read, a missing detail.
    """
    found = choose.named(choose.checked(records), maps.NAME)
    heads: dict[tuple[int, int], list[Record]] = {}
    for record in found:
        place = (choose.detail(record, "layer"), choose.detail(record, "head"))
        heads.setdefault(place, []).append(record)
    if not heads:
        raise ValueError(f"records hold no {maps.NAME!r}; maps.of_text gives them.")

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
        named = title and f"{title}: layer {choice['layer']}, head {choice['head']}"
        alt = f"Attention map, {say(choice)}."
        return figure(plots.attention_map(weights, title=named), alt=alt)

    layers, numbers = ({place[i] for place in heads} for i in (0, 1))
    options = {"layer": sorted(layers), "head": sorted(numbers)}
    layer, head = next(iter(heads))
    return Selectors(options, {"layer": layer, "head": head}, say, draw)
