"""The public door: whatever stands in an argument's place, one sentence or an answer.

Each function below is called with right arguments but for one, in whose place stands
what a learner may put there. It may take it; else it says in one sentence of its own
which argument is meant.
"""

import functools
import math
import traceback
from collections.abc import Callable
from pathlib import Path

import byte_models
import numpy
import pytest
import torch
from small_models import decoder

import llmlab
from llmlab import journal, measure, models, quantization, show
from llmlab.core import records
from llmlab.measure import intervals, quality
from llmlab.models import calibration, generation, sensitivity, surgery

ROOM = str(Path(llmlab.__file__).parent)
BAD = {
    "None": None,
    "text": "abc",
    "bytes": b"abc",
    "bool": True,
    "nan": math.nan,
    "-1": -1,
    "huge": 10**400,
    "numpy": numpy.int64(3),
    "empty": [],
    "object": object(),
}
WEIGHT = torch.arange(64.0).view(4, 16)
IDS = torch.tensor([[1, 2, 3, 4]])


@functools.cache
def reader():
    return byte_models.reader(dtype=torch.float32)


@functools.cache
def plain():
    return decoder(dtype=torch.float32)


@functools.cache
def translator():
    return models.load("translator")


@functools.cache
def classifier():
    return models.load("classifier")


def fact(name="x"):
    return records.measured(name, 1.0, "s", machine="here")


def none():
    """Do nothing, in no time."""


# function -> right arguments by name; those that stand before a `/` in no signature are
# passed by name as all others.
DOOR: dict[Callable, Callable[[], dict]] = {
    measure.speed: lambda: {
        "calls": {"a": none}, "rounds": 6, "warmup": 1, "tokens": 1, "threads": 1,
        "seed": 0,
    },
    measure.race: lambda: {
        "models": {"a": plain()}, "prompt": [1], "max_tokens": 2, "threads": 1,
        "rounds": 6, "seed": 0,
    },
    measure.percentile: lambda: {"samples": [1.0, 2.0], "share": 0.5},
    intervals.of_share: lambda: {"successes": 1, "trials": 2},
    intervals.of_median: lambda: {"samples": [1.0, 2.0]},
    measure.memory.held: lambda: {"model": plain(), "cache": None},
    measure.memory.weight_bytes: lambda: {"model": plain()},
    measure.memory.peak: lambda: {"call": none},
    quality.score: lambda: {"model": reader(), "text": "abc", "stride": 4},
    quality.bits_per_byte: lambda: {"model": reader(), "text": "abc", "stride": 4},
    quality.evaluate: lambda: {"model": reader(), "text": "abc", "stride": 4},
    quality.difference: lambda: {
        "model": reader(), "original": reader(), "text": "abc", "stride": 4,
    },
    quality.agreement: lambda: {"a": reader(), "b": reader(), "text": "abc"},
    quality.exact_match: lambda: {"answers": ["a"], "expected": ["a"]},
    quality.free_agreement: lambda: {
        "a": plain(), "b": plain(), "prompts": [[1]], "stream": generation.stream,
        "max_tokens": 2,
    },
    models.load: lambda: {"name": "coder-small", "dtype": "fp32", "device": "cpu"},
    models.Sampling: lambda: {
        "temperature": 1.0, "top_k": 3, "top_p": 0.5, "generator": None,
    },
    generation.stream: lambda: {
        "model": plain(), "prompt": [1], "max_tokens": 2,
        "sampling": models.Sampling(), "stop": (), "cache": None,
    },
    generation.stream_batch: lambda: {
        "model": plain(), "prompts": [[1]], "max_tokens": 2,
        "sampling": models.Sampling(), "stop": (), "cache": None,
    },
    generation.complete: lambda: {
        "model": reader(), "text": "a", "max_tokens": 2,
        "sampling": models.Sampling(), "stop": (),
    },
    models.translation.translate: lambda: {"model": translator(), "texts": ["a"]},
    models.classification.classify: lambda: {"model": classifier(), "texts": ["a"]},
    calibration.batches: lambda: {"model": reader(), "count": 1, "length": 4},
    calibration.collect: lambda: {"model": plain(), "data": [IDS], "names": ["head"]},
    sensitivity.choose: lambda: {
        "options": [sensitivity.Option("a", 4, 1.0, 8)], "budget": 8,
    },
    sensitivity.logit_error: lambda: {"model": plain(), "data": [IDS]},
    surgery.linear_layers: lambda: {"model": plain(), "skip": ()},
    surgery.share: lambda: {"model": plain()},
    surgery.clone: lambda: {"model": plain()},
    quantization.Format: lambda: {
        "bits": 4, "group_size": 8, "symmetric": True, "activations": False,
    },
    quantization.absmax: lambda: {"weight": WEIGHT, "bits": 4, "group_size": 8},
    quantization.affine: lambda: {"weight": WEIGHT, "bits": 4, "group_size": 8},
    quantization.quantize_weight: lambda: {
        "weight": WEIGHT, "format": quantization.Format(),
    },
    quantization.quantize: lambda: {
        "model": plain(), "format": quantization.Format(), "skip": (),
    },
    quantization.gptq.quantize: lambda: {
        "model": plain(), "data": [IDS], "skip": (), "damping": 0.01,
        "format": quantization.Format(),
    },
    quantization.awq.quantize: lambda: {
        "model": plain(), "data": [IDS], "skip": (), "format": quantization.Format(),
    },
    quantization.smoothquant.quantize: lambda: {
        "model": plain(), "data": [IDS], "strength": 0.5, "skip": (),
        "format": quantization.Format(activations=True),
    },
    quantization.clipping.percentile: lambda: {"share": 0.9},
    quantization.floats.cast: lambda: {"weight": WEIGHT, "name": "bf16"},
    quantization.floats.nf4: lambda: {"weight": WEIGHT, "group_size": 8},
    quantization.levels.histogram: lambda: {"weight": WEIGHT},
    quantization.techniques.read: lambda: {"word": "int8"},
    quantization.prepack: lambda: {"model": plain()},
    quantization.qat.prepare: lambda: {"model": plain(), "skip": ()},
    quantization.qat.finish: lambda: {"model": plain()},
    journal.open: lambda: {"lab": "measure"},
    journal.predict: lambda: {
        "name": "a", "guess": 1, "unit": "s", "choices": None, "lab": "measure",
        "model": "",
    },
    journal.measured: lambda: {
        "name": "a", "value": 1, "unit": "s", "kind": "measured", "lab": "measure",
        "model": "",
    },
    journal.hint_used: lambda: {"exercise": "a", "level": 1, "lab": "measure"},
    journal.scoreboard.add: lambda: {
        "lab": "measure", "name": "a", "model": "m", "quality": fact(),
        "latency": fact(), "size": fact(),
    },
    journal.scoreboard.rows: lambda: {"lab": "measure"},
    show.table: lambda: {"result": [fact()]},
    show.figure: lambda: {"result": [fact()]},
}  # fmt: skip
CASES = [
    pytest.param(function, name, key, id=f"{function.__qualname__}-{name}-{key}")
    for function, make in DOOR.items()
    for name in make()
    for key in BAD
]


@pytest.mark.parametrize("function, name, key", CASES)
def test_an_argument_is_taken_or_refused_in_one_sentence(function, name, key):
    arguments = DOOR[function]() | {name: BAD[key]}
    try:
        function(**arguments)
    except (ValueError, OSError, journal.predictions.guesses.OpenGuess) as error:
        said = str(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        assert place.filename.startswith(ROOM), f"said elsewhere: {said}"
        assert said and "\n" not in said.strip() and len(said) < 500
        assert name in said or repr(BAD[key]) in said, said
