"""Quality by method, bits and group size: the whole grid, on the frozen texts.

For `coder` the bits per byte against the original's, paired; for `translator` the share
of exact matches and for `classifier` the accuracy, as far as they ship. The result goes
to llmlab/recorded/quantization_grid.json, row by row, and a row that stands there for
the same weights is not made again. Takes about half an hour on an idle machine, most of
it training through 2 and 3 bits.
"""

import copy
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from llmlab import measure, models, quantization, show, texts
from llmlab.core import machine
from llmlab.core.quantities import ACCURACY
from llmlab.core.recording import Grid, Make
from llmlab.kernels import Format
from llmlab.measure import exams
from llmlab.measure.exams import Exam
from llmlab.models import calibration, classification, translation
from llmlab.quantization import clipping
from llmlab.quantization.quantities import DIFFERENCE_OF_METHODS

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/quantization_grid.json"
COMMAND = "python benchmarks/quantization_grid.py"
BITS, SIZES = (2, 3, 4), (32, 64, 128, "channel")
STEPS, ROWS, LENGTH = 300, 4, 257  # of a training through the rounding


def main() -> None:
    """Make every row that is not there yet, and show them all."""
    machine.set_threads()
    grid = Grid(FILE, COMMAND)
    for name, ways, judge in exams_of():
        if name not in models.names():
            print(f"{name} does not ship yet")
            continue
        model = models.load(name, dtype="bf16")
        if not hasattr(model, "new_cache"):
            model = model.float()
        for fact in grid.fill(model, ways(model), judge):
            print(fact, dict(fact.details), flush=True)
    columns = ("subject", "method", "bits", "group size", "value", "interval")
    print(show.table(grid.facts, columns))


def exams_of() -> Iterator[tuple]:
    """Yield model name, the ways to change it, and what judges the changed one."""
    files, numbers = texts.evaluation_files(), exams.number_words()
    snippets = texts.snippets()
    modules = Exam(
        [snippet.code for snippet in snippets],
        [snippet.module for snippet in snippets],
        ACCURACY,
    )

    @functools.lru_cache(8)
    def scored(model):
        return measure.quality.score(model, files)

    def bits_per_byte(model, changed):
        if not isinstance(changed, tuple):
            return measure.quality.difference(scored(changed), scored(model), files)
        fact = measure.quality.difference(*map(scored, changed), files)
        return dataclasses.replace(fact, name=DIFFERENCE_OF_METHODS.name)

    def exact_match(model, changed):
        return numbers.mark(translation.translate(changed, numbers.asked))

    def accuracy(model, changed):
        return modules.mark(classification.classify(changed, modules.asked))

    yield "coder", coder_ways, bits_per_byte
    yield "translator", plain_ways, exact_match
    yield "classifier", plain_ways, accuracy


def plain_ways(model) -> Iterator[tuple[dict, Make]]:
    """Yield what needs no text to calibrate on."""
    yield _way("original", 32, "none"), lambda model: model
    for bits, size in ((8, "channel"), (4, 32), (4, "channel"), (3, 32), (2, 32)):
        yield _way("rounding", bits, size), _rounding(bits, size, clipping.minmax)
    yield _way("activations too", 8, "channel"), _dynamic


def coder_ways(model) -> Iterator[tuple[dict, Make]]:
    """Yield the whole grid."""
    data = calibration.batches(model)
    yield _way("rounding", 8, "channel"), _rounding(8, "channel", clipping.minmax)
    yield _way("rounding", 8, "tensor"), _rounding(8, "tensor", clipping.minmax)
    yield _way("activations too", 8, "channel"), _dynamic
    yield (
        _way("SmoothQuant", 8, "channel"),
        lambda model: quantization.smoothquant.quantize(model, data),
    )
    methods = {
        "rounding": functools.partial(quantization.quantize, clip=clipping.minmax),
        "least error": functools.partial(quantization.quantize, clip=clipping.mse),
        "GPTQ": functools.partial(quantization.gptq.quantize, data=data),
        "AWQ": functools.partial(quantization.awq.quantize, data=data),
    }

    @functools.lru_cache(len(methods))
    def made(word: str, bits: int, size: int | str):
        return methods[word](model, format=Format(bits=bits, group_size=size))

    for bits, size in itertools.product(reversed(BITS), SIZES):
        for word in methods:
            place = word, bits, size
            yield _way(*place), lambda model, place=place: made(*place)
        if size == 32:
            for rival in ("rounding", "least error"):  # paired, text by text
                pair = ("GPTQ", bits, size), (rival, bits, size)
                yield (
                    _way(f"GPTQ less {rival}", bits, size),
                    lambda model, pair=pair: tuple(made(*each) for each in pair),
                )
    for bits in (2, 3):
        yield (
            _way("training", bits, 32) | {"steps": STEPS},
            lambda model, bits=bits: _trained(model, bits),
        )


def _way(method: str, bits: int, size: int | str) -> dict[str, Any]:
    return {"method": method, "bits": bits, "group size": str(size)}


def _rounding(bits: int, size: int | str, clip) -> Make:
    format = Format(bits=bits, group_size=size)
    return lambda model: quantization.quantize(model, format, clip=clip)


def _dynamic(model):
    return quantization.quantize(model, Format(activations=True))


def _trained(model, bits: int):
    """Train through the rounding on training texts, other ones at every step."""
    prompts = calibration.batches(model, count=STEPS * ROWS, length=LENGTH)
    tokens = torch.cat(prompts)

    def batch(step: int) -> torch.Tensor:
        places = torch.arange(step * ROWS, (step + 1) * ROWS) % len(tokens)
        return tokens[places]

    learnt = quantization.qat.train(
        copy.deepcopy(model).float(), batch, steps=STEPS,
        format=Format(bits=bits, group_size=32),
        autocast=torch.bfloat16,  # in every row, whatever is fastest here
    )  # fmt: skip
    return learnt.model


if __name__ == "__main__":
    main()
