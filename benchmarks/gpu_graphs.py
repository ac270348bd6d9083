"""Stage `graphs` of `gpu.py`: decode and prefill in several ways, launches, energy.

First every shape as it is and as a CUDA graph; then prefill and energy; last what must
be compiled, which takes long. A step's share of the memory roofline is its bytes over
the fastest rate at which this card reads or copies as many, over its time.
"""

import gc
from functools import partial
from typing import Any

import gpu_steps
import torch
from gpu_energy import energy
from gpu_hardware import memory_rate
from gpu_rows import Rows
from gpu_steps import Captured, Compiled, Eager, Prefill, Static

from llmlab import models
from llmlab.hardware.quantities import (
    GPU_BUILT,
    GPU_KERNELS,
    GPU_LAUNCHES,
    GPU_PREFILL,
    GPU_SAME,
    GPU_SHARE,
    GPU_STEP,
)
from llmlab.measure import intervals
from llmlab.models.decoder import Decoder

EAGER, STATIC, GRAPH = "eager", "fixed places, eager", "CUDA graph"
MODES = ("reduce-overhead", "max-autotune")
LARGER = "XL"  # beyond the course's shapes: reads long enough to hide launches


class Sizes:
    """What is tried: of a GPU, or small, to try the code."""

    def __init__(self, small: bool):
        self.shapes = ("tiny",) if small else ("L", "M", "S", "coder")
        self.larger = () if small else (LARGER,)
        self.dtypes = ("fp32",) if small else ("bf16", "fp32")
        self.batches = (1, 2) if small else (1, 8, 32)
        self.compiled = (("tiny", "fp32", 1),) if small else COMPILED
        self.modes = MODES[:1] if small else MODES
        self.cached, self.steps = (8, 4) if small else (128, 32)
        self.prompt = 16 if small else 512
        self.rounds = 2 if small else 7
        self.energy = ("tiny", "fp32", (1, 2), 0.2) if small else ENERGY


COMPILED = (
    ("L", "bf16", 1), ("S", "bf16", 1), ("coder", "fp32", 1), ("M", "bf16", 1),
    ("L", "fp32", 1), ("L", "bf16", 8), ("L", "bf16", 32),
)  # fmt: skip
ENERGY = ("L", "bf16", (1, 8, 32, 128), 2.0)  # shape, dtype, batches, seconds


def record(rows: Rows, device: torch.device, *, small: bool) -> None:
    """Record all of it, what matters most first."""
    sizes = Sizes(small)
    if device.type == "cpu":
        rows.say("a CUDA graph is of NVIDIA's GPUs: on a processor it is left out")
    for dtype in sizes.dtypes:
        for batch in sizes.batches:
            for shape in sizes.shapes:
                _try(rows, shape, dtype, batch, device, sizes, 4)
    for shape in (*sizes.shapes, *sizes.larger):
        rows.attempt(f"prefill of {shape}", 4,
                     partial(_prefill, rows, shape, device, sizes))  # fmt: skip
    for shape in sizes.larger:
        _try(rows, shape, "bf16", 1, device, sizes, 12)
    rows.attempt("energy", 12, partial(energy, rows, model, device, sizes))
    for mode in sizes.modes:
        for shape, dtype, batch in sizes.compiled:
            call = partial(_compiled, rows, shape, dtype, batch, mode, device, sizes)
            expected = 20 if mode == MODES[0] else 45
            what = f"{mode} of {shape} {dtype}, batch {batch}"
            rows.attempt(what, 1 if small else expected, call)


def model(shape: str, dtype: str, device: torch.device) -> Any:
    """Return the bundled `coder`, or a model of random weights, on the device."""
    gc.collect()
    if shape == "coder":
        return models.load("coder", dtype=dtype, device=device)
    if shape != LARGER:
        return models.random_model(shape, dtype=dtype, device=device)
    from transformers import LlamaConfig

    config = LlamaConfig(
        vocab_size=49_152, hidden_size=2_048, intermediate_size=8_192,
        num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
        max_position_embeddings=4_096, tie_word_embeddings=True,
    )  # fmt: skip
    with torch.device(device):
        made = Decoder(config)
    made.name = LARGER
    kind = {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]
    return made.to(kind).eval().requires_grad_(False)


def prompt(made: Any, batch: int, tokens: int, device: torch.device) -> torch.Tensor:
    """Return random token ids (B, T)."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(made.vocabulary, (batch, tokens), generator=draw)
    return ids.to(device)


def _try(rows: Rows, shape, dtype, batch, device, sizes, seconds) -> None:
    what = f"decode of {shape} {dtype}, batch {batch}"
    call = partial(_decode, rows, shape, dtype, batch, device, sizes)
    rows.attempt(what, seconds, call)


@torch.no_grad()
def _decode(rows: Rows, shape, dtype, batch, device, sizes) -> None:
    """Time a step in the ways that need no compiler."""
    made = model(shape, dtype, device)
    eager = Eager(made, prompt(made, batch, sizes.cached, device), sizes.steps)
    ways: dict[str, Any] = {EAGER: eager, STATIC: Static(eager)}
    if device.type == "cuda":
        ways[GRAPH] = Captured(eager)
    _tell(rows, made, ways, shape, dtype, batch, device, sizes)


@torch.no_grad()
def _compiled(rows: Rows, shape, dtype, batch, mode, device, sizes) -> None:
    made = model(shape, dtype, device)
    eager = Eager(made, prompt(made, batch, sizes.cached, device), sizes.steps)
    ways = {EAGER: eager, mode: Compiled(eager, mode)}
    _tell(rows, made, ways, shape, dtype, batch, device, sizes)


def _tell(rows: Rows, made, ways, shape, dtype, batch, device, sizes) -> None:
    """Keep time, share of the roofline, launches and tokens of each way."""
    held, steps = sizes.cached, sizes.steps
    right = gpu_steps.written(ways[EAGER], steps)
    times = gpu_steps.seconds(ways, steps=steps, rounds=sizes.rounds, device=device)
    moved = made.cost(1, held + steps // 2, batch=batch).bytes
    least = moved / memory_rate(device, moved)
    for name, way in ways.items():
        details = {"model": shape, "dtype": dtype, "batch": batch, "cached": held,
                   "tokens": 1, "way": name}  # fmt: skip
        _time(rows, GPU_STEP, times[name], least, shape, details)
        way.prepare()
        handed, ran = gpu_steps.launches(way.step, device)
        rows.add(GPU_LAUNCHES, handed, shape, details)
        rows.add(GPU_KERNELS, ran, shape, details)
        same = (gpu_steps.written(way, steps) == right).float().mean()
        rows.add(GPU_SAME, float(same), shape, details)
        if way.built:
            rows.add(GPU_BUILT, way.built, shape, details)


def _time(rows: Rows, what, times: list[float], least: float, shape, details) -> None:
    """Keep the median of the rounds, and the share that the bytes alone would take."""
    low, high = intervals.of_median(times) or (None, None)
    median = intervals.median(times)
    rows.add(what, median, shape, details, low=low, high=high)
    rows.add(GPU_SHARE, least / median, shape, details)


@torch.no_grad()
def _prefill(rows: Rows, shape: str, device, sizes: Sizes) -> None:
    """Time a prompt of one sequence in each format."""
    for dtype in sizes.dtypes[:1] if shape == LARGER else sizes.dtypes:
        made = model(shape, dtype, device)
        way = Prefill(made, prompt(made, 1, sizes.prompt, device))
        times = gpu_steps.seconds(
            {EAGER: way}, steps=1, rounds=3 * sizes.rounds, device=device
        )
        moved = made.cost(sizes.prompt, 0, last=True).bytes
        details = {"model": shape, "dtype": dtype, "batch": 1, "cached": 0,
                   "tokens": sizes.prompt, "way": EAGER}  # fmt: skip
        least = moved / memory_rate(device, moved)
        _time(rows, GPU_PREFILL, times[EAGER], least, shape, details)
