"""The whole model rounded, and what is left of it: by bits, and by what shares a scale.

The rounding is a function handed in, such as the learner's, called with a weight, a
group size and bits; it gives integers in the weight's shape and a scale for each group.
Scales are kept in 16 bits here, as files keep them. Beside the integers stand the
floats of few bits. Each model is scored on the same text and thrown away.

Shapes: O output features, I input features, G groups of a row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from llmlab import texts
from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.measure.scores import Texts
from llmlab.models import surgery
from llmlab.quantization import floats, levels
from llmlab.quantization.quantities import (
    ADDED_BITS,
    BITS_PER_WEIGHT,
    ROUNDING_ERROR,
    STEP,
)

BITS = (8, 4, 3, 2)
SIZES = ("tensor", "channel", 32)
FLOATS = {"bf16": 16, "fp8 e4m3": 8, "nf4": 4 + 16 / 64}  # bits of a weight
PROGRAMS = 2  # of the short ones: each format reads them once
WIDE = 16  # bits of the row that int8 cannot hold

ByGroup = Callable[[Tensor, int, int], tuple[Tensor, Tensor]]

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class QualityGrid:
    """Bits per byte of the rounded model by format, and the layer that is drawn."""

    facts: tuple[Record, ...]
    original: Record  # bits per byte before rounding
    layer: str

    def records(self) -> list[Record]:
        """Return quality, error, size and grid by bits and group size, and floats."""
        return list(self.facts)

    def added(self, word: str) -> Record:
        """Return the bits per byte that a format adds, as a share of the original's.

        word: "int4-g32", "int8", "int2-tensor", "bf16", …; ValueError for others.
        """
        for fact in self.facts:
            if fact.name == ADDED_BITS.name and fact.subject == word:
                return fact
        known = [each.subject for each in self.facts if each.name == ADDED_BITS.name]
        raise ValueError(f"{word!r} is none of {', '.join(known)}.")


def quality_grid(
    model: Model,
    by_group: ByGroup,
    *,
    bits: Sequence[int] = BITS,
    sizes: Sequence[int | str] = SIZES,
    text: Texts | None = None,
    layer: str | None = None,
) -> QualityGrid:
    """Round every linear layer of a model in each way, and measure its bits per byte.

    by_group: (weight, group size, bits) -> integers (O, I), scales (O, G). sizes: a
    number of neighbours, "channel" for a whole row, "tensor" for all. text: by default
    two of the short frozen programs. layer: whose histogram and levels are kept, by
    default the one in the middle. 16-bit integers, bf16, fp8 and NF4 come beside.
    Raises ValueError for what the function gives in another shape.
    """
    layers = surgery.linear_layers(model)
    name = layer or list(layers)[len(layers) // 2]
    weight = surgery.weight_of(layers[name]).float().contiguous()
    text = dict([*texts.short_files().items()][:PROGRAMS]) if text is None else text
    before = quality.score(model, text)
    original = quality.bits_per_byte(before, text)
    facts = [replace(original, subject="fp32"), *levels.histogram(weight, subject=name)]
    ways = list(_ways(by_group, bits, sizes))
    for word, details, rounding, size in progress.track(ways, "rounding the model"):
        rounded = {
            one: rounding(surgery.weight_of(each).float().contiguous())
            for one, each in layers.items()
        }
        facts += _facts(model, rounded, text, before, word, details)
        error = floats.error(weight, rounded[name].dense)
        more = details | {BITS_PER_WEIGHT.name: size(weight)}
        facts.append(
            records.measured(ROUNDING_ERROR, error, subject=word, details=more)
        )
        if details:
            facts.append(
                records.make(
                    BITS_PER_WEIGHT,
                    size(weight),
                    kind="estimated",
                    subject=word,
                    details=details,
                )
            )
            if details["bits"] < WIDE:  # more levels than a picture has pixels
                facts.append(_step(rounded[name], word, details))
    return QualityGrid(tuple(facts), original, name)


@dataclass(frozen=True)
class _Rounded:
    """A weight after rounding, (O, I), and its scales where it has some."""

    dense: Tensor
    scales: Tensor | None = None


Way = tuple[
    str, dict[str, Any], Callable[[Tensor], _Rounded], Callable[[Tensor], float]
]


def _ways(
    by_group: ByGroup, bits: Sequence[int], sizes: Sequence[int | str]
) -> Iterator[Way]:
    """Yield the word of a format, its details, how it rounds, and bits per weight."""
    yield _integers(_plain, WIDE, "channel")
    for count in bits:
        for size in sizes:
            yield _integers(by_group, count, size)
    for word, width in FLOATS.items():
        yield word, {}, partial(_cast, word=word), partial(_float_width, width=width)


def _cast(weight: Tensor, *, word: str) -> _Rounded:
    return _Rounded(floats.nf4(weight) if word == "nf4" else floats.cast(weight, word))


def _float_width(weight: Tensor, *, width: float) -> float:
    return width


def _integers(by_group: ByGroup, bits: int, size: int | str) -> Way:
    ending = {"channel": "", "tensor": "-tensor"}.get(str(size), f"-g{size}")
    details = {"bits": bits, "group size": str(size)}

    def rounding(weight: Tensor) -> _Rounded:
        return _round(by_group, weight, size, bits)

    def width(weight: Tensor) -> float:
        shared = {"tensor": weight.numel(), "channel": weight.shape[1]}.get(
            str(size), size
        )
        return bits + (32 if bits == WIDE else 16) / int(shared)

    return f"int{bits}{ending}", details, rounding, width


def _round(by_group: ByGroup, weight: Tensor, size: int | str, bits: int) -> _Rounded:
    """Round a weight (O, I) by a function of the learner's."""
    seen = weight.reshape(1, -1) if size == "tensor" else weight
    columns = size if isinstance(size, int) else seen.shape[1]
    integers, scales = by_group(seen, columns, bits)
    wanted = (len(seen), seen.shape[1] // columns)
    if tuple(integers.shape) != tuple(seen.shape) or tuple(scales.shape) != wanted:
        raise ValueError(
            f"by_group gave integers {tuple(integers.shape)} and scales "
            f"{tuple(scales.shape)} for a weight {tuple(seen.shape)} in groups of "
            f"{columns}; they must be {tuple(seen.shape)} and {wanted}."
        )
    # 16 bits of a scale would lose the last digits of a 16-bit integer.
    short = scales if bits == WIDE else scales.half().float()
    dense = integers.float() * short.repeat_interleave(columns, 1)
    return _Rounded(dense.reshape(weight.shape), short)


def _plain(weight: Tensor, group_size: int, bits: int) -> tuple[Tensor, Tensor]:
    """Round as by_group does, to integers that int8 cannot hold."""
    groups = weight.unflatten(1, (-1, group_size))
    scales = groups.abs().amax(-1, keepdim=True) / (2 ** (bits - 1) - 1)
    scales = torch.where(scales > 0, scales, 1.0)
    return (groups / scales).round().flatten(1), scales.squeeze(-1)


def _facts(
    model: Model,
    rounded: Mapping[str, _Rounded],
    text: Texts,
    before: quality.Scores,
    word: str,
    details: dict[str, Any],
) -> list[Record]:
    """Return bits per byte of the rounded model, and its share above the original."""
    other = surgery.share(model)
    for name, layer in surgery.linear_layers(other).items():
        surgery.set_weight(layer, rounded[name].dense)
    scores = quality.score(other, text)
    more = quality.difference(scores, before, text)
    share = {key: more.details[f"relative{key}"] for key in ("", "_low", "_high")}
    added = records.measured(
        ADDED_BITS, share[""], low=share["_low"], high=share["_high"], subject=word,
        details=details,
    )  # fmt: skip
    whole = quality.bits_per_byte(scores, text)
    details = dict(whole.details) | details
    return [replace(whole, subject=word, details=details), added]


def _step(rounded: _Rounded, word: str, details: dict[str, Any]) -> Record:
    """Return the step of the group in the middle, and where its levels are."""
    assert rounded.scales is not None  # floats have no details
    scales = rounded.scales.flatten()
    scale, last = float(scales.median()), 2 ** (details["bits"] - 1) - 1
    more = {"first level": -last * scale, "last level": last * scale}
    more |= {"levels": 2 * last + 1, "widest step": float(scales.max())}
    return records.measured(STEP, scale, subject=word, details=details | more)
