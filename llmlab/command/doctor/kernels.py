"""The fast paths of arithmetic: does torch have them here, are they right, do they pay?

Each is a way to multiply one token's activations with a weight matrix, as every decode
step does. The answer is compared with float64, the time with fp32 in the same run.

Shapes: O output features, I input features, G columns that share a scale.
"""

import shutil
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from llmlab import measure
from llmlab.command.doctor.finding import Finding, attempt, reason
from llmlab.core import machine, progress, units
from llmlab.kernels import abilities

SIZE = 2048  # O and I
COPIES = 4  # of the weight, walked through in turn, so that no cache holds them
GROUP = 32
SECONDS = 0.3  # of measuring, for each path

Product = Callable[[Tensor], Tensor]


def probes() -> Iterator[Finding]:
    """Yield products of matrices, one-row products, attention, and compiled code."""
    machine.set_threads()
    again = "install torch again: pip install --force-reinstall torch"
    yield attempt("fp32 product", partial(_square, torch.float32), remedy=again)
    yield attempt("bf16 product", partial(_square, torch.bfloat16), remedy=again)
    yield from _one_row()
    yield attempt("fastest float format", _fastest, remedy=again)
    yield attempt("fused attention", _attention, remedy=again)
    yield attempt("LSTM in bf16 autocast", _lstm, remedy=again)
    yield _compiled()


def _square(dtype: torch.dtype) -> Finding:
    """Multiply two square matrices; the work of prefill and training."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, SIZE // 2, SIZE // 2, generator=generator)
    x, y = a.to(dtype), b.to(dtype)
    name = f"{machine.dtype_name(dtype)} product"
    calls = {"fp32": lambda: a @ b, "this": lambda: x @ y}
    error = _error(x @ y, a.double() @ b.double())
    speed = _time(calls)
    rate = 2 * a.shape[0] ** 3 / speed["this"].median
    said = f"{units.quantity(rate, 'FLOP/s')} of {a.shape[0]} × {a.shape[0]}"
    if dtype is torch.float32:
        return Finding(name, "works" if error < 1e-5 else "broken", said)
    return _judge(name, said, error, 0.01, speed.verdict("this", "fp32"))


def _fastest() -> Finding:
    """Say what a model is best computed in here; kept for the labs."""
    said = str(measure.roofline.fastest_format())
    return Finding("fastest float format", "works", said)


def _one_row() -> Iterator[Finding]:
    """Try every way to multiply one row; time those that are right in one run."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(COPIES, SIZE, SIZE, generator=generator) / SIZE**0.5
    row = torch.randn(1, SIZE, generator=generator)
    exact = row.double() @ weights[0].double().T
    calls = {
        "fp32": _walk([partial(functional.linear, weight=w) for w in weights], row)
    }
    errors, missing = {}, {}
    for name, (prepare, _) in PATHS.items():
        try:
            with progress.task(f"trying {name}"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's plans for its operators
                products = [prepare(weight) for weight in weights]
                errors[name] = _error(products[0](row), exact)
            calls[name] = _walk(products, row)
        except Exception as error:  # an operator may be absent in many ways
            missing[name] = reason(error)
    speed = _time(calls)
    for name, (_, bound) in PATHS.items():
        if name in missing:
            remedy = "the labs use a plain product instead; nothing to do"
            yield Finding(name, "missing", missing[name], remedy)
        else:
            verdict = speed.verdict(name, "fp32")
            yield _judge(name, "one row", errors[name], bound, verdict)


def _bf16(weight: Tensor) -> Product:
    weight = weight.bfloat16()
    return lambda row: functional.linear(row.bfloat16(), weight)


def _linear_dynamic(weight: Tensor) -> Product:
    """int8 weights and, by one scale per call, int8 activations."""
    scales = weight.abs().amax(1).double() / 127  # (O,)
    zeros = torch.zeros(len(weight), dtype=torch.long)
    whole = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(whole, None)
    return lambda row: torch.ops.quantized.linear_dynamic(row, packed)


def _int_mm(weight: Tensor) -> Product:
    """int8 weights and activations, one scale per token, exact int32 sums."""
    scales = weight.abs().amax(1) / 127  # (O,)
    columns = (weight / scales[:, None]).round().to(torch.int8).T  # (I, O)

    def product(row: Tensor) -> Tensor:
        scale = row.abs().amax(1, keepdim=True) / 127  # (1, 1)
        whole = (row / scale).round().to(torch.int8)
        return torch._int_mm(whole, columns) * scale * scales

    return product


def _int8_weights(weight: Tensor) -> Product:
    scales = weight.abs().amax(1) / 127  # (O,)
    whole = (weight / scales[:, None]).round().to(torch.int8)
    return lambda row: torch._weight_int8pack_mm(
        row.bfloat16(), whole, scales.bfloat16()
    )


def _int4_weights(weight: Tensor) -> Product:
    """Levels 0 to 15 in groups; a level q stands for (q - 8) * scale + middle."""
    groups = weight.view(SIZE, -1, GROUP)  # (O, I / G, G)
    low, high = groups.amin(-1), groups.amax(-1)
    scale = (high - low) / 15
    levels = ((groups - low[..., None]) / scale[..., None]).round().clamp(0, 15)
    packed = torch._convert_weight_to_int4pack_for_cpu(levels.int().view(SIZE, SIZE), 1)
    pairs = torch.stack([scale, low + 8 * scale], -1)  # (O, I / G, 2)
    pairs = pairs.transpose(0, 1).contiguous().bfloat16()
    return lambda row: torch._weight_int4pack_mm_for_cpu(
        row.bfloat16(), packed, GROUP, pairs
    )


PATHS = {  # what it is called -> how to prepare a weight, relative error allowed
    "bf16 linear": (_bf16, 0.01),
    "int8 linear_dynamic": (_linear_dynamic, 0.03),
    "int8 _int_mm": (_int_mm, 0.03),
    "int8 _weight_int8pack_mm": (_int8_weights, 0.03),
    "int4 _weight_int4pack_mm": (_int4_weights, 0.12),
}


def _attention() -> Finding:
    """Compare fused attention with the three steps written out."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, 8, 512, 64, generator=generator)  # (B, N, T, H)
    mask = torch.ones(512, 512, dtype=torch.bool).tril()

    def written_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf)
        return scores.softmax(-1) @ v

    fused = partial(functional.scaled_dot_product_attention, is_causal=True)
    error = _error(fused(q, k, v), written_out(q.double(), k.double(), v.double()))
    calls = {
        "fused": lambda: fused(q, k, v),
        "written out": lambda: written_out(q, k, v),
    }
    verdict = _time(calls).verdict("fused", "written out")
    return _judge("fused attention", "512 tokens", error, 1e-5, verdict)


def _lstm() -> Finding:
    """Say whether an LSTM can be trained in mixed precision."""
    name = "LSTM in bf16 autocast"
    if abilities.autocast_lstm(torch.bfloat16):
        return Finding(name, "works", "runs and learns")
    remedy = "the LSTM alone is trained in fp32; nothing to do"
    return Finding(name, "slow", "oneDNN has none on this processor", remedy)


def _compiled() -> Finding:
    """Compile one small function for real; only lab 10 needs it."""
    name = "torch.compile"
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        remedy = "install g++ (Debian and Ubuntu: apt install g++); only lab 10 asks"
        return Finding(name, "missing", "no C++ compiler here", remedy)
    x = torch.linspace(-3, 3, 1000)
    abilities.keep_compiled_apart()
    try:
        with progress.task(f"trying {name}"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = torch.compile(lambda x: functional.silu(x) * x)(x)
    except Exception as error:  # a compiler fails in many ways
        remedy = "install g++ and the Python headers (python3-dev); only lab 10 asks"
        return Finding(name, "missing", reason(error), remedy)
    error = _error(answer, functional.silu(x.double()) * x.double())
    said = f"a compiled function is {'right' if error < 1e-5 else 'wrong'}"
    return Finding(name, "works" if error < 1e-5 else "missing", said)


def _judge(
    name: str, said: str, error: float, bound: float, verdict: measure.Verdict
) -> Finding:
    """Say whether a path is right, and how many times as fast as the plain one."""
    if not error <= bound:
        said += f": wrong, relative error {error:.2g} where {bound:.2g} is the most"
        return Finding(name, "missing", said, "the labs use a plain product instead")
    said += f": {verdict.ratio:.1f} × as fast as {verdict.against}"
    if verdict.word != "faster":
        said += f" ({verdict.word})"
    if verdict.ran_on and verdict.ran_on.note:
        said += f" on {verdict.ran_on} beside busy neighbours"
    said += f", relative error {error:.1e}"
    return Finding(name, "works" if verdict.word == "faster" else "slow", said)


def _walk(products: list[Product], row: Tensor) -> Callable[[], None]:
    def call() -> None:
        for product in products:
            product(row)

    return call


def _error(answer: Tensor, exact: Tensor) -> float:
    return float((answer.double() - exact).norm() / exact.norm())


def _time(calls: dict[str, Callable]):
    return measure.speed(calls, seconds=SECONDS * len(calls))
