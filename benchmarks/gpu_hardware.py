"""Stage `hardware` of `gpu.py`: peaks, bandwidth, a layer, attention, chunks.

Calls are timed by `measure.speed`: a GPU by its own events, after a warm-up, with
medians and intervals over rounds. Rates are of two FLOPs a multiply-add.
"""

import warnings
from collections.abc import Callable
from functools import partial

import torch
from gpu_rows import Rows
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from llmlab import measure
from llmlab.core import clock
from llmlab.hardware.quantities import (
    GPU_ATTENTION,
    GPU_BANDWIDTH,
    GPU_CHUNKS,
    GPU_LINEAR,
    GPU_PEAK,
)
from llmlab.measure.samples import Series

Product = Callable[[], torch.Tensor]
FORMATS = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8")
FLOATS = {"fp32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16"}
BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}
CHAIN = (
    torch.neg_, torch.abs_, torch.sqrt_, torch.tanh_, torch.neg_, torch.abs_,
    torch.sqrt_, torch.tanh_,
)  # fmt: skip
MATH_LENGTH = 4096  # beyond it, scores alone take gigabytes
HEADS = 16


class Sizes:
    """What is tried: of a GPU, or small, to try the code."""

    def __init__(self, small: bool):
        self.seconds = 0.02 if small else 0.2  # of each timing
        self.squares = (64, 128) if small else (1024, 2048, 4096, 8192)
        self.sets = range(16, 22, 2) if small else range(20, 33)  # powers of two, bytes
        self.width = 128 if small else 8192
        self.tokens = (1, 16) if small else tuple(2**n for n in range(13))
        self.lengths = (32, 64) if small else (128, 512, 1024, 2048, 4096, 8192, 16384)
        self.head = 16 if small else 64
        self.whole = 2**18 if small else 2**28  # bytes of the chain
        self.chunks = (2**14,) if small else tuple(2**n for n in range(16, 28, 2))


def record(rows: Rows, device: torch.device, *, small: bool) -> None:
    """Record all of it, what matters most first."""
    sizes = Sizes(small)
    for name in FORMATS:
        rows.attempt(f"peak of {name}", 3, partial(_peak, rows, name, device, sizes))
    for power in sizes.sets:
        what = f"bandwidth of {2**power:,} B"
        rows.attempt(what, 2, partial(_bandwidth, rows, 2**power, device, sizes))
    for name in ("bf16", "fp32", "tf32", "fp8"):
        rows.attempt(
            f"linear layer in {name}", 6, partial(_linear, rows, name, device, sizes)
        )
    for name in BACKENDS:
        rows.attempt(
            f"attention by {name}", 5, partial(_attention, rows, name, device, sizes)
        )
    rows.attempt("a chain in chunks", 5, partial(_chunks, rows, device, sizes))


def product(name: str, rows: int, inner: int, columns: int, device) -> Product:
    """Return what multiplies (rows, inner) by (inner, columns) in a format."""
    if name == "tf32" and device.type == "cpu":
        raise ValueError("tf32 is a format of NVIDIA's GPUs")
    x = torch.randn(rows, inner, device=device)
    w = torch.randn(columns, inner, device=device)  # rows are outputs, as in a layer
    if name == "int8":
        return partial(
            torch._int_mm, (x * 40).to(torch.int8), (w * 40).to(torch.int8).T
        )
    if name == "fp8":
        one = torch.ones((), device=device)
        kind = torch.float8_e4m3fn
        return partial(
            torch._scaled_mm, x.to(kind), w.to(kind).T, scale_a=one, scale_b=one,
            out_dtype=torch.bfloat16,
        )  # fmt: skip
    kind = getattr(torch, FLOATS[name])
    return partial(_multiplied, x.to(kind), w.to(kind), name == "tf32")


def _multiplied(x: torch.Tensor, w: torch.Tensor, is_short: bool) -> torch.Tensor:
    """Multiply; the short sums of tf32 are a setting of the process, set each time."""
    torch.set_float32_matmul_precision("high" if is_short else "highest")
    try:
        return functional.linear(x, w)
    finally:  # stage graphs runs in this process, in whole fp32
        torch.set_float32_matmul_precision("highest")


def _timed(call: Callable[[], object], sizes: Sizes) -> Series:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return measure.speed({"call": call}, seconds=sizes.seconds)["call"].total


def _rate(rows: Rows, what, series: Series, amount: float, subject, details) -> None:
    """Keep an amount over the time; the longest time gives the lowest rate."""
    ends = {}
    if series.low and series.high:
        ends = {"low": amount / series.high, "high": amount / series.low}
    rows.add(what, amount / series.median, subject, details, **ends)


def _peak(rows: Rows, name: str, device, sizes: Sizes) -> None:
    for size in sizes.squares:
        series = _timed(product(name, size, size, size, device), sizes)
        _rate(rows, GPU_PEAK, series, 2 * size**3, name, {"size": size})


def _bandwidth(rows: Rows, size: int, device, sizes: Sizes) -> None:
    """Read a set by a sum, and copy a half of it to the other half."""
    numbers = torch.ones(size // 4, device=device)
    details = {"bytes": size}
    series = _timed(numbers.sum, sizes)
    _rate(rows, GPU_BANDWIDTH, series, size, "read", details)
    one, other = numbers.chunk(2)
    series = _timed(partial(other.copy_, one), sizes)
    _rate(rows, GPU_BANDWIDTH, series, size, "copy", details)


def _linear(rows: Rows, name: str, device, sizes: Sizes) -> None:
    """Time one layer, larger than a GPU's cache, with more and more tokens."""
    width = sizes.width
    for tokens in sizes.tokens:
        if name == "fp8" and tokens % 16:
            continue  # its operator takes rows in sixteens
        series = _timed(product(name, tokens, width, width, device), sizes)
        details = {"tokens": tokens, "inputs": width, "outputs": width}
        _rate(rows, GPU_LINEAR, series, 2 * tokens * width**2, name, details)


def _attention(rows: Rows, name: str, device, sizes: Sizes) -> None:
    """Time causal attention of one sequence, by length; refused ones raise."""
    is_gpu = device.type == "cuda"
    kind, word = (torch.bfloat16, "bf16") if is_gpu else (torch.float32, "fp32")
    details = {"heads": HEADS, "width": sizes.head, "dtype": word}
    if is_gpu:
        details["cudnn"] = str(torch.backends.cudnn.version())
    for length in sizes.lengths:
        if name == "math" and length > MATH_LENGTH:
            continue
        parts = torch.randn(
            3, 1, HEADS, length, sizes.head, device=device, dtype=kind
        ).unbind()
        call = partial(functional.scaled_dot_product_attention, *parts, is_causal=True)
        with sdpa_kernel(BACKENDS[name]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            series = _timed(call, sizes)
        rows.add(GPU_ATTENTION, series.median, name, {"tokens": length} | details,
                 low=series.low, high=series.high)  # fmt: skip


def _chunks(rows: Rows, device, sizes: Sizes) -> None:
    """Run a chain of operators over all numbers, or over one part after the other."""
    numbers = torch.rand(sizes.whole // 4, device=device)
    for size in (*sizes.chunks, sizes.whole):
        series = _timed(partial(_chain, numbers.split(size // 4)), sizes)
        details = {"bytes": size, "of": sizes.whole, "operators": len(CHAIN)}
        rows.add(GPU_CHUNKS, series.median, "in place", details, low=series.low,
                 high=series.high)  # fmt: skip


def _chain(parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
    for part in parts:
        for operator in CHAIN:
            operator(part)
    return parts[0]


def memory_rate(device: torch.device, size: int) -> float:
    """Return B/s of reading or copying so many bytes, whichever is faster."""
    numbers = torch.ones(size // 8 * 2, device=device)
    one, other = numbers.chunk(2)
    calls = (numbers.sum, partial(other.copy_, one))
    return size / min(clock.shortest(call, seconds=0.2) for call in calls)
