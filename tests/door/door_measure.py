"""Right arguments for what measures, by function and name."""

from collections.abc import Callable

import small_things as small

from llmlab import measure, models
from llmlab.core import quantities, records
from llmlab.core.model import Cost
from llmlab.measure import (
    answers,
    comparison,
    exams,
    intervals,
    operators,
    peaks,
    quality,
    scores,
)
from llmlab.models import generation


def machine():
    """Return what some machine can do at most."""
    return peaks.Peaks(
        cpu="a CPU", simd="", device="cpu", threads=1, torch="2", date="2026-01-01",
        flops={"fp32": 1e11}, bandwidth=((10**6, 1e10),), operator_seconds=1e-6,
    )  # fmt: skip


def time(what=quantities.DECODE_LATENCY):
    return records.make(what, 1.0, "s", kind="measured", machine="here")


def bound():
    (kind, *_) = quantities.BOUNDS
    return records.make(kind, 0.5, "s", kind="estimated", machine="here")


DOOR: dict[Callable, Callable[[], dict]] = {
    measure.speed: lambda: {
        "calls": {"a": small.none}, "rounds": 6, "warmup": 1, "tokens": 1, "threads": 1,
        "seed": 0,
    },
    measure.race: lambda: {
        "models": {"a": small.plain()}, "prompt": [1], "max_tokens": 2, "threads": 1,
        "rounds": 6, "seed": 0,
    },
    operators.count: lambda: {"call": small.none, "composite": True},
    operators.step: lambda: {
        "model": small.plain(), "tokens": 1, "cached": 2, "batch": 1,
        "composite": False,
    },
    measure.percentile: lambda: {"samples": [1.0, 2.0], "share": 0.5},
    intervals.of_share: lambda: {"successes": 1, "trials": 2},
    intervals.of_median: lambda: {"samples": [1.0, 2.0]},
    measure.memory.held: lambda: {"model": small.plain(), "cache": None},
    measure.memory.weight_bytes: lambda: {"model": small.plain()},
    measure.memory.peak: lambda: {"call": small.none},
    quality.score: lambda: {"model": small.reader(), "text": "abc", "stride": 4},
    quality.bits_per_byte: lambda: {
        "model": small.reader(), "text": "abc", "stride": 4,
    },
    quality.evaluate: lambda: {"model": small.reader(), "text": "abc", "stride": 4},
    quality.difference: lambda: {
        "model": small.reader(), "original": small.reader(), "text": "abc", "stride": 4,
    },
    quality.agreement: lambda: {
        "a": small.reader(), "b": small.reader(), "text": "abc",
    },
    quality.exact_match: lambda: {"answers": ["a"], "expected": ["a"]},
    quality.free_agreement: lambda: {
        "a": small.plain(), "b": small.plain(), "prompts": [[1]],
        "stream": generation.stream,
        "max_tokens": 2,
    },
    quality.next_token_accuracy: lambda: {
        "model": small.reader(), "text": "abc", "stride": 4,
    },
    quality.perplexity: lambda: {"model": small.reader(), "text": "abc", "stride": 4},
    measure.memory.process_peak: lambda: {"subject": "", "since_call": False},
    measure.report.one_model: lambda: {
        "model": small.reader(), "stream": generation.stream_batch,
        "prompt": 4, "new": 2, "batches": (1,),
    },
    answers.one_model: lambda: {
        "model": small.classifier(), "ask": models.classification.classify,
        "exam": exams.Exam(["a"], ["b"]), "batches": (1,),
    },
    comparison.compare: lambda: {
        "name": "a", "times": [1.0, 2.0, 1.5] * 4, "against": "b",
        "others": [1.0, 2.0, 1.1] * 4, "ran_on": None,
    },
    intervals.median: lambda: {"samples": [1.0, 2.0]},
    scores.digest_of: lambda: {"texts": ["a"]},
    scores.texts_of: lambda: {"text": "a"},
    measure.roofline.peaks: lambda: {
        "dtypes": ("fp32",), "device": "cpu",  # again: ten seconds each time
    },
    measure.roofline.fastest_format: lambda: {"device": "cpu"},
    measure.roofline.limits: lambda: {"working_set": 10**6, "dtype": "fp32"},
    measure.roofline.bounds: lambda: {
        "cost": Cost(flops=1, bytes=1), "peaks": machine(), "dtype": "fp32",
        "operators": 1, "working_set": 10, "subject": "a", "details": {},
    },
    measure.roofline.model_bounds: lambda: {
        "model": small.plain(), "tokens": 1, "cached": 1, "batch": 1,
        "peaks": machine(), "details": {},
    },
    measure.roofline.nearest: lambda: {"measured": time(), "bounds": [bound()]},
    measure.roofline.is_contradicted: lambda: {"share": time()},
    measure.roofline.operators: lambda: {
        "model": small.plain(), "tokens": 1, "cached": 1, "batch": 1,
    },
    measure.roofline.arithmetic_format: lambda: {"model": small.plain()},
    measure.experiments.single_timings: lambda: {
        "samples": [1.0, 2.0], "margin": 0.1,
    },
    measure.experiments.at_size: lambda: {
        "config": small.config(), "name": "a", "bits": (8,), "cached": 0,
        "step_bytes": None, "roofline": None, "peaks": machine(),
    },
    measure.experiments.step_parts: lambda: {
        "model": small.plain(), "cached": 8, "prompt": 8, "seconds": 0.01,
    },
    measure.experiments.by_position: lambda: {
        "loops": {"a": small.loop}, "prompt": [1, 2], "new": 4, "seconds": 0.01,
        "stopwatch": None, "seed": 0,
    },
    measure.experiments.many_requests: lambda: {
        "loop": small.loop, "prompt": [1, 2], "requests": 6, "new": 4,
        "stopwatch": None,
    },
}  # fmt: skip
