"""What this processor cannot do, tried once a process and never assumed.

Some of PyTorch's operators exist on every processor and work on some: oneDNN has no
LSTM in bf16 without AVX-512, and no order of its own for bf16 weights. Each question
here runs the operator on a few numbers; who gets a no takes the plain path.
`llmlab doctor` shows the answers.
"""

import functools
import os
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from llmlab.core import machine

SMALL = 8  # rows and columns of what is tried
COMPILED = "TORCHINDUCTOR_CACHE_DIR"  # where torch.compile keeps what it made


@functools.cache
def autocast_lstm(dtype: torch.dtype, device: str = "cpu") -> bool:
    """Say whether `nn.LSTM` runs, and learns, under autocast to this dtype."""
    try:
        with torch.inference_mode(False), torch.enable_grad():
            layer = nn.LSTM(SMALL, SMALL, device=device)
            with torch.autocast(device, dtype=dtype):
                answer, _ = layer(torch.zeros(2, 1, SMALL, device=device))
            answer.float().sum().backward()
        grads = [weight.grad for weight in layer.parameters()]
        return all(g is not None and bool(g.isfinite().all()) for g in grads)
    except RuntimeError:  # "could not create a primitive descriptor"
        return False


@functools.cache
def prepacked(dtype: torch.dtype) -> bool:
    """Say whether oneDNN keeps weights of this dtype in its own order, and is right."""
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(2, SMALL, SMALL, generator=generator).to(dtype).unbind()
    try:
        tiles = pack(weight)
        answer = product(x, tiles, None)
    except (RuntimeError, AttributeError):  # no oneDNN, or not this dtype
        return False
    exact = functional.linear(x.double(), weight.double())
    near = (answer.double() - exact).norm() <= 0.02 * exact.norm()
    return torch.equal(tiles.to_dense(), weight) and bool(near)


def keep_compiled_apart() -> Path:
    """Have torch.compile keep its kernels by instruction set; return the folder.

    Its cache forgets which instructions a graph was written for. After a run under
    ATEN_CPU_CAPABILITY=avx2, a kernel written for 8 numbers at a time is built for 16,
    and writes beyond its output: the process dies. A folder set from outside stays.
    """
    simd = torch.backends.cpu.get_cpu_capability().lower().replace(" ", "-")
    cache = machine.cache_folder() / "inductor" / simd
    return Path(os.environ.setdefault(COMPILED, str(cache)))


def pack(weight: torch.Tensor) -> torch.Tensor:
    """Put a dense weight (O, I) into oneDNN's order; RuntimeError where it has none."""
    return torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())


def product(
    x: torch.Tensor, tiles: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Multiply x (…, I) with a weight that `pack` arranged: (…, O)."""
    return torch.ops.mkldnn._linear_pointwise.default(x, tiles, bias, "none", [], "")
