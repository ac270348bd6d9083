"""Autotune: measure which operators are fastest here, and run a model on them.

It is a step of its own, so that nothing else measures: quantizing, loading and moving
give the same on every machine. Candidates are tried on a weight like the layer's own,
at three numbers of rows: one token, a batch, a prompt. Operators that read the same
layout, and round alike, can share a layer; else the batch that matters decides.

Shapes: R rows of activations, O output features, I input features.
"""

import datetime
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from llmlab.core import clock, machine, progress
from llmlab.core.model import Model
from llmlab.kernels import abilities, correctness, dispatch, modules
from llmlab.kernels.correctness import ROWS, SIZE
from llmlab.kernels.dispatch import Dispatch
from llmlab.kernels.modules import LinearLayer
from llmlab.kernels.operators import LAYOUTS, OPERATORS
from llmlab.kernels.plans import DENSE, LINEAR, PREPACKED, Form, Plan, Trial
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.kernels.quantized_linear import QuantizedLinear

COPIES = 4  # of the weight, walked through in turn, so that no near cache holds them
MARGIN = 0.9  # of the time of one listed before it, or it is not worth a change

Seconds = dict[str, tuple[float, ...]]  # of each operator, for each of ROWS
Calls = dict[str, Callable[[], Tensor]]


def autotune(
    model: Model, *, batch: int | None = None, plan: Plan | None = None
) -> Model:
    """Return a new model whose layers run on the operators that are fastest here.

    batch: rows that come at a time when it matters, 1 unless a plan says another.
    Quantized layers keep their integers; plain bf16 layers on the CPU are prepacked
    where that pays. plan: one that was measured before; then nothing is measured. The
    one used is the new model's `.plan`. Raises ValueError for a plan of another batch,
    or without a form of this model, or whose operators are not right here.
    """
    if plan is None:
        plan = measure(model, batch=1 if batch is None else batch)
    _check(plan, batch)
    layers: dict[str, nn.Module] = {}
    for name, layer in model.named_modules():
        form = form_of(layer)
        if form is not None:
            tuned = _tuned(layer, form, plan.chosen(form))
            if tuned is not layer:
                layers[name] = tuned
    new = modules.replace(model, layers)
    said = getattr(model, "format", "")
    if not said and any(
        isinstance(layer, PrepackedLinear) for layer in layers.values()
    ):
        said = "bf16-prepacked"
    noted: Any = new  # words and plans are neither tensors nor modules
    if said:
        noted.format = said
    noted.plan = plan
    return new


def measure(model: nn.Module, *, batch: int = 1) -> Plan:
    """Measure which operators run a model's layers fastest here; change nothing.

    batch: as in `autotune`. On the CPU by the time of one thread, since neighbours on a
    busy machine must not decide. Raises ValueError for a batch below 1.
    """
    if type(batch) is not int or batch < 1:
        raise ValueError(f"batch={batch!r} is no number of rows; choose 1 or more.")
    layers: dict[Form, nn.Module] = {}
    for layer in model.modules():
        form = form_of(layer)
        if form is not None:
            layers.setdefault(form, layer)
    trials = [
        _trial(form, _times(layer), batch)
        for form, layer in progress.track(list(layers.items()), "trying operators")
    ]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Plan(machine.describe().label, now, batch, tuple(trials))


def form_of(layer: nn.Module) -> Form | None:
    """Return the form of a layer, or None where there is nothing to choose."""
    if isinstance(layer, QuantizedLinear):
        return Form(
            str(layer.spec.format),
            layer.device.type,
            machine.dtype_name(layer.dtype),
            correctness.fitting(layer.spec, device=layer.device, dtype=layer.dtype),
        )
    if type(layer) not in (nn.Linear, Conv1D):
        return None
    weight = layer.weight
    if weight.dtype != torch.bfloat16 or weight.device.type != "cpu":
        return None
    return Form(DENSE, "cpu", "bf16", (LINEAR, PREPACKED))


def _check(plan: Plan, batch: int | None) -> None:
    if not isinstance(plan, Plan):
        raise ValueError(
            f"plan={plan!r} is no plan; hand in kernels.plan(model), or "
            "kernels.Plan.load(path)."
        )
    if batch is not None and batch != plan.batch:
        raise ValueError(
            f"batch={batch} and a plan for a batch of {plan.batch} do not agree; leave "
            f"one of them out, or measure again: kernels.plan(model, batch={batch})."
        )


def _tuned(layer: nn.Module, form: Form, chosen: tuple[str, ...]) -> nn.Module:
    """Return a layer on the chosen operators; ValueError where these are not right."""
    if form.format == DENSE:
        if PREPACKED not in chosen:
            return layer
        if isinstance(layer, LinearLayer) and abilities.prepacked(torch.bfloat16):
            return PrepackedLinear(modules.weight_of(layer))
    elif isinstance(layer, QuantizedLinear):
        preferred, device, dtype = Dispatch(chosen), layer.device, layer.dtype
        if dispatch.holds(preferred, layer.spec, device=device, dtype=dtype):
            return layer.running(preferred)
    raise ValueError(
        f"plan chose {', '.join(dict.fromkeys(chosen))} for {form}, and this machine "
        "does not run that right; measure a plan here: kernels.plan(model)."
    )


def _trial(form: Form, seconds: Seconds, batch: int) -> Trial:
    """Choose the fastest for the batch, and beside it what can share its layer."""
    times = [
        {name: by_rows[n] for name, by_rows in seconds.items()}
        for n in range(len(ROWS))
    ]
    best = _best(times[dispatch.place(batch)])
    if form.format == DENSE:  # one layout, and so one operator for all rows
        return Trial(form, (best,) * len(ROWS), seconds)
    dtype = machine.dtype(form.dtype)
    shared = [
        {
            name: time
            for name, time in by_operator.items()
            if dispatch.agree(name, best, dtype)
        }
        for by_operator in times
    ]
    return Trial(form, tuple(map(_best, shared)), seconds)


def _best(times: dict[str, float]) -> str:
    """Return the fastest; a later one must be clearly faster."""
    best = next(iter(times))
    for name, seconds in times.items():
        if seconds < MARGIN * times[best]:
            best = name
    return best


def _times(layer: nn.Module) -> Seconds:
    """Return the seconds of a product by each operator that is right here."""
    calls_of: Callable[[int, int], Calls] = _dense_calls
    if isinstance(layer, QuantizedLinear):
        calls_of = functools.partial(_integer_calls, layer)
    times = []
    for rows in ROWS:
        copies = COPIES if rows < ROWS[-1] else 1  # a prompt's work hides the reading
        walks = clock.trial(calls_of(rows, copies))
        times.append({name: seconds / copies for name, seconds in walks.items()})
    return {
        name: tuple(by_operator[name] for by_operator in times) for name in times[0]
    }


def _integer_calls(layer: QuantizedLinear, rows: int, copies: int) -> Calls:
    like, there = correctness.likeness(layer.spec), (layer.device, layer.dtype)
    weights = [correctness.drawn(like, layer.device, seed) for seed in range(copies)]
    x = _activations(rows, like.columns).to(*there)
    calls: Calls = {}
    for name in correctness.offered(layer.spec, device=layer.device, dtype=layer.dtype):
        operator = OPERATORS[name]
        with correctness.no_warnings():
            packed = [LAYOUTS[operator.layout].pack(weight) for weight in weights]
        calls[name] = functools.partial(_walk, operator.product, x, packed)
    return calls


def _dense_calls(rows: int, copies: int) -> Calls:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn((copies, SIZE, SIZE), generator=generator).bfloat16().unbind()
    x = _activations(rows, SIZE).bfloat16()
    calls: Calls = {LINEAR: functools.partial(_walk, functional.linear, x, weights)}
    if abilities.prepacked(torch.bfloat16):
        tiles = [abilities.pack(weight) for weight in weights]
        calls[PREPACKED] = functools.partial(_walk, _prepacked, x, tiles)
    return calls


def _activations(rows: int, columns: int) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows))


def _prepacked(x: Tensor, tiles: Tensor) -> Tensor:
    return abilities.product(x, tiles, None)


def _walk(product: Callable, x: Tensor, weights: Sequence) -> Tensor:
    """Multiply x with one weight after the other: more than the cache holds."""
    for weight in weights:
        y = product(x, weight)
    return y
