"""One trace of ragged requests, served in every way: ours, transformers', vLLM's.

Three parts; the rows go to llmlab/recorded/batching_speed.json.

coder   32 requests: one by one, static batches, step by step; transformers' two. 4 min
M       64 requests on random weights of shape M: fp32 and native int8 step by step,
        transformers' two, and vLLM if LLMLAB_VLLM_PYTHON names its Python. 8 min
gaps    the longest gap of six streams while a prompt of 900 tokens comes, read whole
        and in chunks of 64: coder, and M in fp32 and int8. 2 min

Minutes are estimates for two idle cores with AVX2. Prompts have 64 tokens (200 at
most), answers 40 (120 at most) in the mean, greedy, all there from the beginning. Every
way runs once a round, in rotating order; medians, and ratios inside a round. A round is
kept as soon as it is over: the command may be stopped, and goes on where it was. How
many answers are those of the plain loop stands beside the times, and how much of a step
was outside the model. `--only PART` makes a part anew; `--small` tries a few requests,
prints and writes nothing.

    python benchmarks/batching_speed.py [--only coder M gaps] [--rounds 5] [--small]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import batching_rows as rows
import batching_ways as ways
from batching_ways import Way
from native import drawn

from llmlab import batching, graphs, measure, models, quantization
from llmlab.batching import experiments, plans
from llmlab.batching.experiments import workloads
from llmlab.batching.experiments.workloads import Answers
from llmlab.core import machine
from llmlab.kernels import Format
from llmlab.peers import racing

PARTS = {"coder": 4, "M": 8, "gaps": 2}  # minutes
REQUESTS, SEATS, PROMPT = {"coder": 32, "M": 64}, 16, 900
FP32, INT8 = "fp32", "native int8"


def main() -> None:
    """Make the parts that are not there yet, and show what is kept."""
    options = _options()
    machine.set_threads()
    print(measure.settle())
    kept = rows.Kept(None if options.small else rows.FILE)
    for part in options.only or PARTS:
        print(f"{part}: about {PARTS[part]} minutes", flush=True)
        if options.only:
            kept.forget(part)
        if part == "gaps":
            _gaps(kept, small=options.small)
        else:
            _race(part, kept, options.rounds, small=options.small)
    kept.show()


def _race(part: str, kept: rows.Kept, rounds: int, *, small: bool) -> None:
    """Serve a part's trace in every way, the rounds that are missing."""
    if small:
        rounds = 1
    missing = range(kept.rounds(part), rounds)
    if not missing:
        return
    model = _model(part)
    requests = _trace(model, 5 if small else REQUESTS[part], small=small)
    with tempfile.TemporaryDirectory() as folder:
        models.save(model, folder)
        made = WAYS[part](model, Path(folder))
        kept.check_ways(part, made)
        right = _right(made, model, requests)
        try:
            for way in made.values():
                way(requests[:2])  # warm-up
            for number in missing:
                start = time.perf_counter()
                seconds = _round(made, requests, number)
                took = time.perf_counter() - start
                print(
                    f"{part}, round {number + 1} of {rounds}: {took:.0f} s", flush=True
                )
                kept.add(part, number, seconds, made, requests)
                kept.sum_up(part, made, requests, right)
        finally:
            for way in made.values():
                way.close()


def _round(
    made: Mapping[str, Way], requests: ways.Requests, number: int
) -> dict[str, float]:
    names = list(made)
    first = number % len(names)
    return {name: made[name](requests) for name in names[first:] + names[:first]}


def _right(made: Mapping[str, Way], model: Any, requests: ways.Requests) -> Any:
    """Return what gives the plain loop's answers for a way, by its format."""
    alone = ways.alone(model)
    alone(requests)
    answers: dict[str, Answers] = {FP32: alone.answers}
    for name, way in made.items():
        if INT8 in name and isinstance(way, ways.InSteps):
            alone = ways.alone(way.engine.model)
            alone(requests)
            answers[INT8] = alone.answers
    return lambda name: answers[INT8 if INT8 in name else FP32]


def _coder(model: Any, folder: Path) -> dict[str, Way]:
    made: dict[str, Way] = {
        ways.ALONE: ways.alone(model),
        ways.STATIC: ways.in_batches(model),
        ways.SORTED: ways.in_batches(model, sort=True),
        "continuous, 8": ways.InSteps(model, 8),
        "continuous, 16": ways.InSteps(model, SEATS),
    }
    return made | ways.of_transformers(folder, (8, SEATS))


def _shape_m(model: Any, folder: Path) -> dict[str, Way]:
    made: dict[str, Way] = {
        f"continuous, {seats}, {FP32}": ways.InSteps(model, seats)
        for seats in (8, SEATS)
    }
    made[f"continuous, {SEATS}, {INT8}"] = ways.InSteps(_native(model), SEATS)
    made |= ways.of_transformers(folder, (8, SEATS))
    if racing.VLLM in os.environ:
        made[f"{ways.VLLM}, {SEATS}"] = ways.Elsewhere(folder)
    return made


WAYS: dict[str, Callable[[Any, Path], dict[str, Way]]] = {
    "coder": _coder,
    "M": _shape_m,
}


def _gaps(kept: rows.Kept, *, small: bool) -> None:
    """Let a long prompt come among streams, with and without chunks."""
    if kept.has("gaps"):
        return
    for word in ("coder", "M"):
        model = _model(word)
        either = {FP32: model, INT8: _native(model)} if word == "M" else {FP32: model}
        for format_, served in either.items():
            found = experiments.gaps(
                served, plans.plan_step, prompt=200 if small else PROMPT,
                repeats=1 if small else 5,
            )  # fmt: skip
            kept.add_gaps(f"{word}: {format_}", found)
    kept.save()  # all of them, so that a run that was stopped begins anew


def _model(word: str) -> Any:
    """Return a model with a tokenizer: `coder`, or random weights of its vocabulary."""
    coder = models.load("coder")
    if word == "coder":
        return coder
    model = drawn(word)
    model.tokenizer = coder.tokenizer  # its ids are among those of the shape
    return model


def _native(model: Any) -> Any:
    """Return the model in int8, a step one native call; ValueError where none is."""
    made = graphs.compiled(quantization.quantize(model, Format.parse("int8")))
    if made.reason:
        raise ValueError(made.reason)
    return made


def _trace(model: Any, count: int, *, small: bool) -> list[batching.Request]:
    """Return requests of many lengths: pieces of programs."""
    most = (200, 12 if small else 120)
    return workloads.ragged(model, count, read=64, write=40, most=most)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="made anew")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="a few, nothing written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
