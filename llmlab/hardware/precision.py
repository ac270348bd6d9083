"""Precision: one linear layer in four formats, and what the processor has for each.

Fewer bits are fewer bytes to read, whatever the processor. Fewer bits in arithmetic
pay only where an instruction multiplies them: without one they are turned into fp32
first, or multiplied one by one.

Shapes: T tokens, D width of the layer's input and output.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from llmlab.core import arguments

WIDTH = 1024
LARGEST = 127  # of int8, on both sides
# What multiplies a format, by the names of torch.cpu.get_capabilities().
INSTRUCTIONS: Mapping[str, Mapping[str, str]] = {
    "fp32": {"avx512_f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "neon": "NEON"},
    "bf16": {
        "amx_bf16": "AMX bf16", "avx512_bf16": "AVX-512 BF16", "sve_bf16": "SVE BF16",
        "bf16": "NEON BF16",
    },
    "fp16": {
        "amx_fp16": "AMX fp16", "avx512_fp16": "AVX-512 FP16",
        "fp16_arith": "NEON FP16",
    },
    "int8": {
        "amx_int8": "AMX int8", "avx512_vnni": "AVX-512 VNNI", "avx_vnni": "AVX-VNNI",
        "i8mm": "I8MM", "dot": "DOT",
    },
}  # fmt: skip
FORMATS = tuple(INSTRUCTIONS)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Linear:
    """One product of T tokens with a layer, in one format."""

    format: str
    x: Tensor  # (T, D)
    weight: Tensor  # (D, D)
    scale: float = 1.0  # of an int8 product

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        """Return the product (T, D); that of int8 in int32, its scale left out."""
        if self.format == "int8":
            return torch._int_mm(self.x, self.weight.t())
        return functional.linear(self.x, self.weight)

    def product(self) -> Tensor:
        """Return the product (T, D) in float64, the scale multiplied in."""
        return self().double() * self.scale


def instructions(
    format: str, capabilities: Mapping[str, object] | None = None
) -> tuple[str, ...]:
    """Return the processor's instructions that multiply this format, () for none.

    capabilities: another processor's, as `torch.cpu.get_capabilities()` gives them.
    """
    _check(format)
    if capabilities is None:
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    names = INSTRUCTIONS[format].items()
    return tuple(dict.fromkeys(shown for key, shown in names if capabilities.get(key)))


def linears(
    tokens: int, *, width: int = WIDTH, formats: Sequence[str] = FORMATS
) -> dict[str, Linear]:
    """Return the same product in each format that this torch computes; seeded.

    int8: one scale for all activations and one for all weights, the products exact.
    Raises ValueError for sizes below 1 and unknown formats.
    """
    tokens = arguments.whole("tokens", tokens, least=1)
    width = arguments.whole("width", width, least=1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(tokens, width, generator=generator)  # (T, D)
    weight = torch.randn(width, width, generator=generator) / width**0.5  # (D, D)
    for name in formats:
        _check(name)
    made = {name: _linear(name, x, weight) for name in formats}
    return {name: one for name, one in made.items() if _runs(one)}


def errors(linears: Mapping[str, Linear]) -> dict[str, float]:
    """Return how far each product lies from that of the fp32 numbers, as a share.

    linears: of `linears`, fp32 among them. Raises ValueError without it.
    """
    if "fp32" not in linears:
        raise ValueError("linears has no 'fp32', which the others are compared with.")
    x, weight = linears["fp32"].x.double(), linears["fp32"].weight.double()
    exact = x @ weight.t()  # (T, D)
    return {
        name: float((one.product() - exact).norm() / exact.norm())
        for name, one in linears.items()
    }


def _linear(name: str, x: Tensor, weight: Tensor) -> Linear:
    if name != "int8":
        return Linear(name, x.to(DTYPES[name]), weight.to(DTYPES[name]))
    steps = [part.abs().max().item() / LARGEST for part in (x, weight)]
    few, fewer = (
        (part / step).round().to(torch.int8)
        for part, step in zip((x, weight), steps, strict=True)
    )
    return Linear(name, few, fewer, steps[0] * steps[1])


def _runs(call: Callable[[], object]) -> bool:
    """Say whether this torch has an operator for it."""
    try:
        call()
    except (RuntimeError, NotImplementedError):
        return False
    return True


def _check(format: object) -> None:
    if format not in FORMATS:
        raise ValueError(
            f"format={format!r:.40} is none of the four; choose one of "
            f"{', '.join(FORMATS)}."
        )
