"""The whole model by several methods: bits per byte more, beside what is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llmlab import texts
from llmlab.core import recording
from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE, TIME_PER_TOKEN
from llmlab.core.records import Record
from llmlab.kernels import autotune
from llmlab.kernels.format import Format
from llmlab.measure import memory, timing
from llmlab.measure import quality as judge
from llmlab.measure.scores import Texts
from llmlab.models.calibration import Batch
from llmlab.quantization import awq, clipping, gptq, rounding
from llmlab.quantization.experiments.choices.layers import ROUNDING

NEW, SECONDS = 17, 2.0  # tokens and seconds of a time per token
GRID = "quantization_grid"
RECORDED_ROUNDING = "least error"  # what is called rounding here: range and nearest
YOURS = ", yours"


@dataclass(frozen=True)
class Quality:
    """What each model loses here, and what was recorded at the same bits."""

    live: Mapping[str, Record]
    models: Mapping[str, Any]
    before: judge.Scores  # of the original
    recorded: tuple[Record, ...] = ()

    def records(self) -> list[Record]:
        """Return the difference in bits per byte of every model, recorded first."""
        return [*self.recorded, *self.live.values()]

    @property
    def ratio(self) -> float:
        """How many times as much the first model loses as the second."""
        first, second, *_ = (fact.details["relative"] for fact in self.live.values())
        return first / max(second, 1e-6)

    def beside_recorded(self, *others: "Quality", bits: Sequence[int]) -> "Quality":
        """Return this and other results together, with what is recorded at some bits.

        Recorded values are of the same weights and groups of the same size; they were
        measured on all of the frozen texts.
        """
        every = [self, *others]
        live = {name: fact for one in every for name, fact in one.live.items()}
        models = {name: model for one in every for name, model in one.models.items()}
        sizes = {fact.details.get("group size") for fact in live.values()}
        version = getattr(next(iter(models.values())), "weights_version", None)
        kept = tuple(
            fact
            for fact in recorded(version)
            if fact.details["bits"] in bits and fact.details["group size"] in sizes
        )
        return Quality(live, models, self.before, kept)

    def row(
        self, name: str, *, text: str | None = None, seconds: float = SECONDS
    ) -> tuple[Record, Record, Record]:
        """Return what the scoreboard keeps of a model: quality, time per token, size.

        Its fastest operators here are chosen first. text: to score, and to write
        behind, by default the short frozen programs.
        """
        model, text = self.models[name], text or texts.short()
        (size,) = memory.held(model)
        prompt = model.tokenizer(text, verbose=False)["input_ids"][: model.context // 4]
        race = timing.race(
            {name: autotune(model)}, prompt, max_tokens=NEW, seconds=seconds
        )
        per_token = race[name].per_token
        assert per_token is not None  # more than one token was written
        latency = per_token.record(TIME_PER_TOKEN)
        return judge.bits_per_byte(model, text), latency, size


def quality(
    model: Any,
    data: Sequence[Batch],
    format: Format,
    *,
    loop: gptq.Loop | None = None,
    choose: awq.Choice | None = None,
    clip: bool = True,
    text: Texts | None = None,
    beside: Quality | None = None,
) -> Quality:
    """Quantize a model to nearest and by GPTQ or AWQ, and score all text by text.

    data: calibration text. loop: the learner's column loop; GPTQ runs with it and with
    the package's own. choose: the learner's choice of factors, for AWQ. clip: take of
    each group the range of least error, not the whole one. text: by default the short
    frozen programs. beside: another result of this model and text, so that the original
    is not scored again.
    """
    ranges = clipping.mse if clip else clipping.minmax
    makers = {ROUNDING: lambda: rounding.quantize(model, format, clip=ranges)}
    if loop is not None:
        for name, own in (("GPTQ" + YOURS, loop), ("GPTQ", None)):
            makers[name] = partial(
                gptq.quantize, model, data, format, clip=ranges, loop=own
            )
    if choose is not None:
        makers["AWQ" + YOURS] = lambda: awq.quantize(
            model, data, format, clip=clip, choose=choose
        )
    models = {name: make() for name, make in makers.items()}
    text = texts.short_files() if text is None else text
    before = judge.score(model, text) if beside is None else beside.before
    live = {
        name: loss(name, judge.score(other, text), before, text, _grid(other))
        for name, other in models.items()
    }
    return Quality(live, models, before)


def loss(
    method: str,
    scores: judge.Scores,
    before: judge.Scores,
    text: Texts,
    grid: Mapping[str, int | str] | None = None,
) -> Record:
    """Return the bits per byte that a model needs more than another, by scores of both.

    grid: bits and group size, where one format serves the whole model.
    """
    fact = judge.difference(scores, before, text)
    details = {"method": method, **(grid or {}), **fact.details}
    return replace(fact, subject=method, details=details)


def recorded(version: str | None) -> list[Record]:
    """Return what is recorded of some weights, by method, bits and group size.

    Rounding with the range of least error is what is called rounding here.
    """
    return [
        replace(fact, details=dict(fact.details) | {"method": _method(fact)})
        for fact in recording.shipped(GRID)
        if fact.weights == version
        and fact.name == DIFFERENCE_IN_BITS_PER_BYTE.name
        and fact.details["method"] != ROUNDING
    ]


def _method(fact: Record) -> str:
    method = fact.details["method"]
    return ROUNDING if method == RECORDED_ROUNDING else method


def _grid(model: Any) -> dict[str, int | str]:
    """Return bits and group size, where one format serves the whole model."""
    try:
        format = Format.parse(getattr(model, "format", ""))
    except ValueError:
        return {}
    return {"bits": format.bits, "group size": str(format.group_size)}
