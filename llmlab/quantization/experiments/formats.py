"""The whole model in several formats, raced: prefill, decode, bounds, quality, bytes.

The integer formats multiply beside floats of the dtype that this machine computes
faster, float32 or bfloat16, and bfloat16 itself takes part only where the machine
multiplies it at a useful rate. Layers that were put in by hand race along.

Shapes: one sequence, T tokens of a prompt, then one new token at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from llmlab import measure, texts
from llmlab.core import clock, machine, quantities, records
from llmlab.core.clock import Threads
from llmlab.core.model import Cost
from llmlab.core.records import Record
from llmlab.kernels import Format, autotune
from llmlab.measure import Speed, labels, memory, phases, quality, roofline
from llmlab.measure.peaks import Peaks
from llmlab.measure.scores import Texts
from llmlab.models import surgery
from llmlab.quantization import rounding
from llmlab.quantization.quantities import ADDED_BITS

WORDS = ("int8", "int8-dynamic", "int4-g32")
FIRST = "fp32"  # what all are compared with
USEFUL = 0.25  # of the faster dtype's rate; a slower one has no kernel here
SECONDS = 14.0

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class FormatsRace:
    """Models by format, what they were timed at, and what is left of their quality."""

    models: Mapping[str, Any] = field(repr=False)
    speed: Speed
    base: str  # the dtype that the integer formats multiply beside
    note: str
    facts: tuple[Record, ...]  # bounds, quality, bytes

    def __getitem__(self, name: str) -> Any:
        """Return the model of a format; ValueError names those there are."""
        if name not in self.models:
            raise ValueError(f"{name!r} did not race; choose of {list(self.models)}.")
        return self.models[name]

    def ratio(self, name: str, against: str = FIRST, *, of: str = "decode") -> Record:
        """Return how many times as fast `name` is as `against`, in a phase.

        of: "prefill" or "decode"; ValueError for another one.
        """
        return phases.verdict(self.speed, name, against, of).record()

    def time(self, name: str, *, of: str = "decode") -> Record:
        """Return the time of a format in a phase."""
        return phases.latency(self.speed, name, of)

    def quality(self, name: str) -> Record:
        """Return the bits per byte that a format adds, as a share."""
        return self._fact(name, ADDED_BITS)

    def held(self, name: str) -> Record:
        """Return the bytes of weights that a format holds."""
        return self._fact(name, quantities.WEIGHTS)

    def _fact(self, name: str, what: quantities.Quantity) -> Record:
        for fact in self.facts:
            if fact.name == what.name and fact.subject == name:
                return fact
        raise ValueError(f"{name!r} did not race; choose of {self._names()}.")

    def records(self) -> list[Record]:
        """Return times, speed-ups over the first, bounds, quality and bytes."""
        words = phases.SPEED_UPS
        times = [self.time(name, of=of) for of in words for name in self._names()]
        return [*times, *self.verdicts(), *self.facts]

    def verdicts(self) -> list[Record]:
        """Return how every format fares against the first, in both phases."""
        return [
            phases.ratio(self.speed, name, FIRST, of)
            for of in phases.SPEED_UPS
            for name in self._names()[1:]
        ]

    def _names(self) -> list[str]:
        return list(self.models)


def formats_race(
    model: Model,
    prompt: Sequence[int],
    *,
    others: Mapping[str, Model] | None = None,
    words: Sequence[str] = WORDS,
    text: Texts | None = None,
    new: int = 17,
    seconds: float = SECONDS,
) -> FormatsRace:
    """Quantize a float32 model in several formats and race them from one prompt.

    others: name -> model that races along, such as one with layers of the learner's.
    words: formats, as `Format.parse` reads them. text: what quality is measured on, by
    default the first of the short frozen programs. new: tokens written. The quantized
    models run on the operators that are fastest here for one token at a time.
    Raises ValueError for a model in another dtype, and for unknown words.
    """
    _check(model)
    peaks = roofline.peaks(("fp32", "bf16", "int8"), device=labels.device(model))
    entrants: dict[str, Any] = {FIRST: model}
    half, note = _half(model, peaks)
    if half is not None:
        entrants["bf16"] = half
    base = model
    if half is not None and _is_faster_in_bf16(model):
        base = half
    for word in words:
        entrants[word] = autotune(rounding.quantize(base, Format.parse(word)))
    entrants |= others or {}
    speed = measure.race(entrants, prompt, max_tokens=new, seconds=seconds)
    dtype = machine.dtype_name(labels.dtype(base, floating=True))
    facts = _bounds(entrants, model, dtype, len(prompt), new, peaks, speed.ran_on)
    facts += _costs(entrants, model, text)
    note = " ".join(filter(None, (note, speed.note)))
    return FormatsRace(entrants, speed, dtype, note, tuple(facts))


def _is_faster_in_bf16(model: Model) -> bool:
    """Say whether this machine multiplies matrices clearly faster in bfloat16."""
    return roofline.fastest_format(device=labels.device(model)).prefill == "bf16"


def _check(model: Model) -> None:
    dtype = labels.dtype(model)
    if dtype != torch.float32:
        raise ValueError(
            f"model is kept in {machine.dtype_name(dtype)}; hand in float32, which all "
            "formats are compared with: models.load(name)."
        )


def _half(model: Model, peaks: Peaks) -> tuple[Any, str]:
    """Return the model in bfloat16, or None and a sentence where it has no kernel."""
    rates = {name: peaks.flops[name] for name in ("fp32", "bf16")}
    if rates["bf16"] < USEFUL * rates["fp32"]:
        times = rates["fp32"] / rates["bf16"]
        return None, (
            f"bf16 is left out: this machine multiplies it {times:.0f} times slower "
            "than fp32."
        )
    half: Any = surgery.share(model)
    for weight in half.parameters():  # and no buffer: angles of positions stay exact
        weight.data = weight.data.to(torch.bfloat16)
    return half, ""


def _bounds(
    entrants: Mapping[str, Any],
    model: Model,
    base: str,
    prompt: int,
    new: int,
    peaks: Peaks,
    ran_on: Threads,
) -> list[Record]:
    """Return the three bounds of every format in both phases."""
    steps = {"prefill": (prompt, 0), "decode": (1, prompt + new // 2)}
    arithmetic = {FIRST: "fp32", "bf16": "bf16", "int8-dynamic": "int8"}
    facts: list[Record] = []
    with clock.fixed(ran_on.count):
        for word, each in entrants.items():
            by_hand = word not in arithmetic and not hasattr(each, "format")
            dtype = "int8" if by_hand else arithmetic.get(word, base)
            for phase, (tokens, cached) in steps.items():
                facts += roofline.bounds(
                    _cost(each, model, tokens, cached),
                    peaks=peaks,
                    dtype=dtype,
                    operators=roofline.operators(each, tokens, cached),
                    subject=word,
                    details={"phase": phase, "batch": 1},
                )
    return facts


def _cost(each: Model, model: Model, tokens: int, cached: int) -> Cost:
    """Return the work of a call: FLOPs of the original, and the bytes that it keeps.

    Layers by hand cannot be asked what they read; the model's memory says it.
    """
    whole = model.cost(tokens, cached, last=True)
    saved = memory.weight_bytes(model) - memory.weight_bytes(each)
    table = _table_bytes(each)
    return Cost(whole.flops, whole.bytes - saved - table)


def _table_bytes(model: Any) -> int:
    """Return the bytes of tables that are looked up and not multiplied with.

    A table that is the head as well is read in whole and does not count here.
    """
    heads = {
        id(module.weight)
        for module in model.modules()
        if isinstance(module, nn.Linear) and isinstance(module.weight, nn.Parameter)
    }
    return sum(
        module.weight.nbytes
        for module in model.modules()
        if isinstance(module, nn.Embedding) and id(module.weight) not in heads
    )


def _costs(
    entrants: Mapping[str, Any], model: Model, text: Texts | None
) -> list[Record]:
    """Return what every format adds to the bits per byte, and the bytes it holds."""
    text = text if text is not None else _program()
    before, facts = quality.score(model, text), []
    for word, each in entrants.items():
        details = quality.difference(each, before, text).details
        share = [details[key] for key in ("relative", "relative_low", "relative_high")]
        facts += [
            records.measured(
                ADDED_BITS, share[0], low=share[1], high=share[2], subject=word
            ),
            records.measured(
                quantities.WEIGHTS, memory.weight_bytes(each), subject=word
            ),
        ]
    return facts


def _program() -> dict[str, str]:
    name, program = next(iter(texts.short_files().items()))
    return {name: program}
