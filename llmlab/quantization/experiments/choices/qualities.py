"""The whole model by several methods: bits per byte more, beside what is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

from llmlab import texts
from llmlab.core import records
from llmlab.core.model import LanguageModel
from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.measure import quality as judge
from llmlab.measure.scores import Texts

GRID = "quantization_grid.json"


@dataclass(frozen=True)
class Quality:
    """What each model loses here, and what was recorded at the same bits."""

    live: Mapping[str, Record]
    recorded: tuple[Record, ...] = ()

    def records(self) -> list[Record]:
        """Return the difference in bits per byte of every model, recorded ones first."""
        return [*self.recorded, *self.live.values()]

    def loss(self, name: str) -> float:
        """Return the bits per byte more as a share; ValueError for no such model."""
        if name not in self.live:
            raise ValueError(f"{name!r} is none of {', '.join(self.live)}.")
        return self.live[name].details["relative"]

    def ratio(self, name: str, over: str) -> float:
        """Return how many times more one model loses than another."""
        return self.loss(name) / max(self.loss(over), 1e-6)


def quality(
    model: LanguageModel,
    ways: Mapping[str, LanguageModel],
    *,
    beside: tuple[int, ...] = (),
    text: Texts | None = None,
) -> Quality:
    """Score quantized models against the one that they were made of, text by text.

    ways: by name of the method. beside: bits whose recorded values, for the same
    weights and groups of the same size, are added. text: by default the short frozen
    programs; what is recorded was measured on all of them. Raises ValueError for none.
    """
    if not ways:
        raise ValueError("ways names no model; hand in {'rounding': quantize(model)}.")
    text = texts.short_files() if text is None else text
    before = judge.score(model, text)
    live = {}
    for name, other in ways.items():
        fact = judge.difference(other, before, text)
        details = {"method": name, **_grid(other), **fact.details}
        live[name] = replace(fact, subject=name, details=details)
    sizes = {fact.details.get("group size") for fact in live.values()}
    kept = tuple(
        fact
        for fact in recorded(model)
        if fact.details["bits"] in beside and fact.details["group size"] in sizes
    )
    return Quality(live, kept)


def recorded(model: LanguageModel) -> list[Record]:
    """Return what is recorded of these weights, by method, bits and group size."""
    path = resources.files("llmlab") / "recorded" / GRID
    facts = records.load(path) if path.is_file() else ()
    version = getattr(model, "weights_version", None)
    return [
        fact
        for fact in facts
        if fact.weights == version and fact.name == DIFFERENCE_IN_BITS_PER_BYTE.name
    ]


def _grid(model: LanguageModel) -> dict[str, int | str]:
    """Return bits and group size, where one format serves the whole model."""
    try:
        format = Format.parse(getattr(model, "format", ""))
    except ValueError:
        return {}
    return {"bits": format.bits, "group size": str(format.group_size)}
