"""Selectors over records that were computed before; no widget runs a model.

bounds     which bound rules a step, by model, format, batch, context
attention  the attention map of any layer and head
levels     a weight and the levels of its grid, by bits and group size

A widget is boxes of ipywidgets 8, made by `show.selectors`.
"""

from collections.abc import Iterable, Sequence

from llmlab.core.records import Record
from llmlab.show import choose, plots, scales
from llmlab.show.grids import Choice, grid
from llmlab.show.pictures import Picture, figure
from llmlab.show.plots import maps, steps
from llmlab.show.selectors import Selectors

COSTS = ("rounding error", "bits per weight", "bits per byte")  # said of a grid


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


def levels(
    records: Iterable[Record],
    *,
    bits: int | None = None,
    group_size: str | None = None,
    title: str | None = None,
) -> Selectors:
    """Return selectors of bits and group size that show a weight on the chosen grid.

    records: as for `plots.levels`, with a "step" for each choice. The line says what
    the choice costs. bits, group_size: what is chosen at the start, by default the
    first. Others are left alone. ValueError: no histogram, no such step, a missing
    detail.
    """
    records = choose.checked(records)
    first = steps.chosen(records, bits, group_size)
    found = choose.named(records, steps.STEP)
    costs = choose.named(records, *COSTS)

    def say(choice: Choice) -> str:
        own = [
            f"{each.name} {each.value_text()}"
            for each in costs
            if all(choose.detail(each, key) == choice[key] for key in choice)
        ]
        place = f"{choice['bits']} bits, "
        place += steps.size_spoken(choice["group size"])
        return f"{place}: {', '.join(own)}" if own else f"{place}: not computed before"

    def draw(choice: Choice) -> Picture | None:
        here = choice["bits"], choice["group size"]
        if not any(
            tuple(each.details[key] for key in choice) == here for each in found
        ):
            return None  # the line says so
        named = {"title": title} if title else {}
        fig = plots.levels(records, bits=here[0], group_size=here[1], **named)
        return figure(fig, alt=f"Histogram of weights with levels, {say(choice)}.")

    keys = ("bits", "group size")
    options = {
        key: list(dict.fromkeys(choose.detail(each, key) for each in found))
        for key in keys
    }
    return Selectors(options, {key: first.details[key] for key in keys}, say, draw)
