"""Which way pays for how many tokens: torch's product or C's, measured here.

It adds one entry to the plan of `kernels.plan`: same file, same word. The two are tried
on the model's largest matrix of integers at each number of rows, as operators are.
"""

import dataclasses
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from llmlab.core import clock, progress
from llmlab.kernels import tuning
from llmlab.kernels.correctness import ROWS
from llmlab.kernels.native import layers, library, matrices
from llmlab.kernels.plans import LAYERS, NATIVE, PASS, Plan, Trial
from llmlab.kernels.quantized_linear import QuantizedLinear


def plan(model: nn.Module, *, batch: int = 1) -> Plan:
    """Measure a plan that sends rows of some lengths to C; change nothing.

    batch: as in `kernels.plan`. torch is taken at its fastest operator, both at one
    thread. Without a compiler the layers run everything. Raises ValueError for a model
    without a layer that C takes.
    """
    quantized = [
        layer
        for layer in model.modules()
        if isinstance(layer, QuantizedLinear) and not layers.refusal(layer)
    ]
    if not quantized:
        raise ValueError(
            "model has no int8 layer nor one in int4 that C takes, so there is nothing "
            "to choose; quantize it: quantization.quantize(model, Format(bits=8))."
        )
    measured = tuning.measure(model, batch=batch)
    largest = max(quantized, key=lambda layer: layer.in_features * layer.out_features)
    trial = _trial(tuning.autotune(largest, plan=measured))
    return dataclasses.replace(measured, trials=(*measured.trials, trial))


def _trial(layer: QuantizedLinear) -> Trial:
    built = library.find()
    laid = layers.matrix(layer).laid(built.way) if built else None
    times: dict[str, list[float]] = {LAYERS: []}
    if built:
        times[NATIVE] = []
    for rows in progress.track(list(ROWS), "trying native products"):
        x = torch.randn(rows, layer.in_features)
        calls: dict[str, Callable] = {LAYERS: partial(layer, x.to(layer.dtype))}
        if built and laid:
            calls[NATIVE] = partial(matrices.multiply, built, laid, x, threads=1)
        with torch.inference_mode():
            least = clock.trial(calls)
        for name, row in times.items():
            row.append(least[name])
    chosen = tuple(
        min(times, key=lambda name: times[name][n]) for n in range(len(ROWS))
    )
    return Trial(PASS, chosen, {name: tuple(row) for name, row in times.items()})
