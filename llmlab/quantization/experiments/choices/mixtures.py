"""Bits by part: what attention and MLP of each layer lose in few bits, and a mixture.

A part is what stands at one place of one numbered layer: "layers.0.attention",
"layers.0.mlp"; a layer without a number, as the head, is a part of its own. So few
parts have few enough mixtures to try them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from llmlab.core import progress, records
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.models import sensitivity, surgery
from llmlab.models.calibration import Batch
from llmlab.quantization import clipping, formats
from llmlab.quantization.quantities import PART_LOSS

Table = Mapping[str, Mapping[int, float]]
Choose = Callable[[Table, Table, int], Mapping[str, int]]


@dataclass(frozen=True)
class Mixture:
    """The bits of each part, chosen within a budget, and the format of each layer."""

    parts: "Parts"
    bits: Mapping[str, int]
    budget: int

    @property
    def formats(self) -> dict[str, Format]:
        """The format of every layer, as `quantization.quantize` takes it."""
        return {
            name: self.parts.choices[self.bits[part]]
            for part, names in self.parts.layers.items()
            for name in names
        }

    @property
    def bytes(self) -> int:
        """What the chosen integers and scales take."""
        return sum(self.parts.sizes[part][bits] for part, bits in self.bits.items())

    def records(self) -> list[Record]:
        """Return the loss of each part in each number of bits, and which was chosen."""
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
        ]  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """What each part loses and takes, by bits: two tables for a choice."""

    losses: Table  # part -> bits -> error of the logits
    sizes: Mapping[str, Mapping[int, int]]  # part -> bits -> bytes
    layers: Mapping[str, tuple[str, ...]]  # part -> names of its linear layers
    choices: Mapping[int, Format]

    def even(self, bits: int) -> int:
        """Return the bytes of all parts with the same number of bits."""
        return sum(row[bits] for row in self.sizes.values())

    def mixture(self, choose: Choose, *, like: int) -> Mixture:
        """Let a choice share out as many bytes as this number of bits takes everywhere.

        choose: the learner's, (losses, sizes, budget) -> part -> bits. Raises
        ValueError for an answer that leaves a part out, or keeps not to the budget.
        """
        budget = self.even(like)
        bits = dict(choose(self.losses, self.sizes, budget))
        if bits.keys() != self.losses.keys() or any(
            own not in self.losses[part] for part, own in bits.items()
        ):
            raise ValueError(
                f"choose={choose!r:.60} gave {bits!r:.80}; it must name for every part "
                f"one of {', '.join(map(str, self.choices))} bits."
            )
        mixture = Mixture(self, bits, budget)
        if mixture.bytes > budget:
            raise ValueError(
                f"choose={choose!r:.60} spends {mixture.bytes:,} bytes of {budget:,}; "
                "it must stay within the budget."
            )
        return mixture


def scan_parts(
    model: LanguageModel,
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
    """Return the part that a layer belongs to: its name up to one word after a number."""
    words = name.split(".")
    number = next((at for at, word in enumerate(words) if word.isdecimal()), None)
    return name if number is None else ".".join(words[: number + 2])
