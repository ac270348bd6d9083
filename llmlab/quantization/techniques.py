"""What a word asks for: the one table of techniques, and how a word is read.

bf16, bf16-prepacked      the weights as they are, in this dtype
int8, int4-g32            rounded to nearest: a word of `kernels.Format`
int4-g32-gptq             a technique of the table behind the format

A new technique is a row here; who reads words, such as `llmlab measure --formats`,
knows none of them by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmlab.core.arguments import shown
from llmlab.core.model import Model, Technique
from llmlab.kernels.format import Format
from llmlab.quantization import awq, gptq, smoothquant
from llmlab.quantization.prepacking import prepack
from llmlab.quantization.rounding import quantize

FLOATS = ("fp32", "bf16", "fp16")
BASE = "bf16"  # what is not quantized stays in it
ROUNDED = ("int8", "int8-dynamic", "int4-g32")  # those that the labs use
DEFAULT = ("fp32", "bf16", "bf16-prepacked", *ROUNDED)  # to be compared


@dataclass(frozen=True)
class Entry:
    """A technique of the table, and what it needs."""

    quantize: Technique  # (model, format), or (model, batches, format)
    calibrates: bool = False  # looks at batches of inputs
    activations: bool = False  # is for formats that quantize activations too

    @property
    def call(self) -> str:
        """Where it lives: "quantization.gptq.quantize"."""
        where = f"{self.quantize.__module__}.{self.quantize.__name__}"
        return where.removeprefix("llmlab.")


ROUNDING = Entry(quantize)
TECHNIQUES: Mapping[str, Entry] = {  # by the end of a word
    "gptq": Entry(gptq.quantize, calibrates=True),
    "awq": Entry(awq.quantize, calibrates=True),
    "smooth": Entry(smoothquant.quantize, calibrates=True, activations=True),
}


@dataclass(frozen=True)
class Variant:
    """A word that was read: the dtype to load a model in, and what to do to it."""

    word: str
    dtype: str = BASE
    format: Format | None = None  # None: the weights stay as they are
    technique: Entry = ROUNDING
    prepacked: bool = False

    def apply(self, model: Model, batches: Any = None) -> Model:
        """Return the model that the word asks for, made of one in this dtype.

        batches: as `models.calibration.batches` gives them, for what calibrates.
        Raises ValueError where they are missing, and as the technique does.
        """
        if self.format is None:
            return prepack(model) if self.prepacked else model
        if not self.technique.calibrates:
            return self.technique.quantize(model, self.format)
        if batches is None:
            raise ValueError(
                f"batches=None, and {self.word!r} calibrates on what the model reads; "
                "hand in models.calibration.batches(model), or batches of your own."
            )
        return self.technique.quantize(model, batches, self.format)


def read(word: str) -> Variant:
    """Return what a word asks for; ValueError for one that asks for nothing known."""
    if not isinstance(word, str):
        raise ValueError(
            f"word={shown(word)} is no text; write one of {', '.join(examples())}."
        )
    base, dash, end = word.partition("-")
    if base in FLOATS and end in ("", "prepacked") and bool(dash) == bool(end):
        return Variant(word, base, prepacked=bool(end))
    rest, _, last = word.rpartition("-")
    technique = TECHNIQUES.get(last, ROUNDING)
    try:
        format = Format.parse(rest if last in TECHNIQUES else word)
        if technique.activations and not format.activations:
            raise ValueError(f"{last} is for activations")
    except ValueError as error:
        raise ValueError(
            f"format {word!r} is unknown; choose of {', '.join(examples())}, with 2 to "
            "8 bits and any group size that divides."
        ) from error
    return Variant(word, format=format, technique=technique)


def examples() -> list[str]:
    """Return a word of every kind, each of which `read` takes."""
    words = dict.fromkeys([*FLOATS, *DEFAULT])
    for end, technique in TECHNIQUES.items():
        words[f"{'int8-dynamic' if technique.activations else 'int4-g32'}-{end}"] = None
    return list(words)
