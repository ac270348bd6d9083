"""The trial of `tpu`, run in a process of its own: JAX beside torch takes 200 MB more.

    python -m llmlab.hardware.tpu_trial

It writes one line of JSON: the error of the tile product, the StableHLO of half a layer
of `coder`'s kind, whether a product lowers for a TPU, and what XLA counts.
"""

import json
import sys
from typing import Any

import numpy

from llmlab.hardware import tpu

SIZE, TILE = 256, 128  # a TPU's own array is 128 or 256 cells wide
ROWS, WIDTH, HIDDEN = 64, 256, 704  # of the layer
SHAPES = ((ROWS, WIDTH), (WIDTH, HIDDEN), (WIDTH, HIDDEN))
KEPT = 60  # letters of a line: the code of a TPU's kernel is a line of thousands


def gated(x: Any, gate: Any, up: Any) -> Any:
    """Return silu(x gate) * (x up), the first half of a SwiGLU layer."""
    import jax

    return jax.nn.silu(x @ gate) * (x @ up)


def tried() -> dict[str, Any]:
    """Return all that the trial finds, as plain data."""
    draw = numpy.random.default_rng(0)
    x, w = draw.standard_normal((2, SIZE, SIZE)).astype(numpy.float32)
    product = numpy.asarray(tpu.matmul(x, w, tile=TILE))
    right = x.astype(float) @ w.astype(float)
    lowered = tpu.for_tpu(_tiles, x.shape, w.shape)
    flops, moved = tpu.counted(gated, *SHAPES)
    return {
        "error": float(abs(product - right).max() / abs(right).max()),
        "text": tpu.stablehlo(gated, *SHAPES),
        "lowered": _shortened(lowered),
        "flops": flops,
        "bytes": moved,
        "jax": tpu.version(),
    }


def _tiles(x: Any, w: Any) -> Any:
    return tpu.matmul(x, w, tile=TILE, interpret=False)


def _shortened(text: str) -> str:
    """Cut long strings: the kernel is there as code, which nobody reads."""
    parts = text.split('"')
    for place in range(1, len(parts), 2):
        if len(parts[place]) > KEPT:
            parts[place] = f"{len(parts[place]):,} letters of code"
    return '"'.join(parts)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(tried()) + "\n")
