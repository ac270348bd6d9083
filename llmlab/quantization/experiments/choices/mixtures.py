"""Bits by part: what attention and MLP of each layer lose in few bits, and a mixture.

A part is what stands at one place of one numbered layer: "layers.0.attention",
"layers.0.mlp"; a layer without a number, as the head, is a part of its own. So few
parts have few enough mixtures to try them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from llmlab import texts
from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.measure import quality as judge
from llmlab.measure.scores import Texts
from llmlab.models import sensitivity, surgery
from llmlab.models.calibration import Batch
from llmlab.quantization import clipping, formats, rounding
from llmlab.quantization.experiments.choices.qualities import loss
from llmlab.quantization.quantities import FORECAST, PART_LOSS

Table = Mapping[str, Mapping[int, float]]
Choose = Callable[[Table, Table, int], Mapping[str, int]]


EVEN, MIXED = "everywhere the same", "mixture, yours"
PAIRED = "mixture over the same, text by text"


@dataclass(frozen=True)
class Mixture:
    """The bits of each part, chosen within a budget, and what the model then loses."""

    parts: "Parts"
    even: Mapping[str, int]  # as many bits for every part
    bits: Mapping[str, int]
    budget: int
    live: Mapping[str, Record]  # the even model, the mixture, and one over the other

    @property
    def ratio(self) -> float:
        """How many times as much the even model loses as the mixture."""
        even, mixed = (self.live[name].details["relative"] for name in (EVEN, MIXED))
        return even / max(mixed, 1e-6)

    def records(self) -> list[Record]:
        """Return losses of parts by bits, the sums of both choices, and what came."""
        return [
            records.measured(
                PART_LOSS, loss, subject=part,
                details={
                    "bits": bits,
                    "bytes": self.parts.sizes[part][bits],
                    "chosen": self.bits[part] == bits,
                },
            )
            for part, row in self.parts.losses.items()
            for bits, loss in row.items()
        ] + [
            records.make(
                FORECAST, self.parts.forecast(bits), kind="estimated", subject=name
            )
            for name, bits in ((EVEN, self.even), (MIXED, self.bits))
        ] + list(self.live.values())  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """What each part loses and takes, by bits: two tables for a choice."""

    losses: Table  # part -> bits -> error of the logits
    sizes: Mapping[str, Mapping[int, int]]  # part -> bits -> bytes
    layers: Mapping[str, tuple[str, ...]]  # part -> names of its linear layers
    choices: Mapping[int, Format]

    def even(self, bits: int) -> dict[str, int]:
        """Return the choice of the same number of bits for every part."""
        return dict.fromkeys(self.losses, bits)

    def bytes(self, bits: Mapping[str, int]) -> int:
        """Return what the integers and scales of a choice take."""
        return sum(self.sizes[part][own] for part, own in bits.items())

    def forecast(self, bits: Mapping[str, int]) -> float:
        """Return the errors of a choice, part by part, added up."""
        return sum(self.losses[part][own] for part, own in bits.items())

    def formats(self, bits: Mapping[str, int]) -> dict[str, Format]:
        """Return the format of every layer, as `quantization.quantize` takes it."""
        return {
            name: self.choices[bits[part]]
            for part, names in self.layers.items()
            for name in names
        }


def mixture(
    model: Any,
    data: Sequence[Batch],
    choose: Choose,
    *,
    like: int = 3,
    group_size: int | str = 32,
    text: Texts | None = None,
) -> Mixture:
    """Share out as many bytes as some bits everywhere take, and score both models.

    choose: the learner's, (losses, sizes, budget) -> part -> bits. like: the bits that
    the budget is worth. The rest is as in `scan_parts` and `qualities.quality`. Raises
    ValueError for an answer that leaves a part out, or keeps not to the budget.
    """
    parts = scan_parts(model, data, group_size=group_size)
    even = parts.even(like)
    budget = parts.bytes(even)
    bits = dict(choose(parts.losses, parts.sizes, budget))
    if bits.keys() != parts.losses.keys() or any(
        own not in parts.losses[part] for part, own in bits.items()
    ):
        raise ValueError(
            f"choose={choose!r:.60} gave {bits!r:.80}; it must name for every part one "
            f"of {', '.join(map(str, parts.choices))} bits."
        )
    if parts.bytes(bits) > budget:
        raise ValueError(
            f"choose={choose!r:.60} spends {parts.bytes(bits):,} bytes of {budget:,}; "
            "it must stay within the budget."
        )
    models = {
        name: rounding.quantize(model, parts.formats(own), clip=clipping.mse)
        for name, own in ((EVEN, even), (MIXED, bits))
    }
    text = texts.short_files() if text is None else text
    before = judge.score(model, text)
    scores = {name: judge.score(other, text) for name, other in models.items()}
    pairs = {
        EVEN: (scores[EVEN], before),
        MIXED: (scores[MIXED], before),
        PAIRED: (scores[MIXED], scores[EVEN]),
    }
    live = {name: loss(name, *pair, text) for name, pair in pairs.items()}
    return Mixture(parts, even, bits, budget, live)


def scan_parts(
    model: Any,
    data: Sequence[Batch],
    *,
    bits: Sequence[int] = (2, 3, 4),
    group_size: int | str = 32,
) -> Parts:
    """Round one part of a model at a time and measure how far its logits move.

    data: batches that the logits are compared on, see `sensitivity.logit_error`.
    Raises ValueError for what `Format` refuses.
    """
    choices = {count: Format(bits=count, group_size=group_size) for count in bits}
    layers = surgery.linear_layers(model)
    named: dict[str, list[str]] = {}
    for name in layers:
        named.setdefault(_part(name), []).append(name)
    loss = sensitivity.logit_error(model, data)
    losses: dict[str, dict[int, float]] = {part: {} for part in named}
    sizes: dict[str, dict[int, int]] = {part: {} for part in named}
    with progress.task("scanning parts", len(named) * len(choices)) as step:
        for part, names in named.items():
            for count, format in choices.items():
                work, sizes[part][count] = surgery.share(model), 0
                own = surgery.linear_layers(work)
                for name in names:
                    rounded = formats.quantize_weight(
                        surgery.weight_of(layers[name]), format, clip=clipping.mse,
                        scale_dtype=torch.bfloat16,
                    )  # fmt: skip
                    surgery.set_weight(own[name], rounded.dequantize())
                    sizes[part][count] += rounded.bytes
                with torch.inference_mode():
                    losses[part][count] = loss(work)
                step()
    frozen = {part: tuple(names) for part, names in named.items()}
    return Parts(losses, sizes, frozen, choices)


def _part(name: str) -> str:
    """Return the part that a layer belongs to: up to one word after a number."""
    words = name.split(".")
    number = next((at for at, word in enumerate(words) if word.isdecimal()), None)
    return name if number is None else ".".join(words[: number + 2])
