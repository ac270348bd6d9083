"""A TPU's way, as far as it goes without one: tiles, StableHLO, lowering, cost.

A TPU multiplies on an array of cells beside a small fast memory. JAX says what is to be
computed as StableHLO, a list of whole-tensor operators, and XLA fuses and lays it out.
Pallas lets you say which tile comes into the fast memory when: a `BlockSpec` maps each
step of the grid to a tile. Interpreted on a processor the tiles give the right numbers
and no true times; lowered for a TPU, the text shows what would run there.

Here the extra `jax` is needed. JAX beside torch takes some 200 MB more, so a lab calls
this room in a process of its own. Shapes: M rows, K inner, N columns.

Source: Jouppi et al. 2017, "In-Datacenter Performance Analysis of a TPU".
"""

import functools
import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from llmlab.core import arguments

if TYPE_CHECKING:
    from llmlab.core.model import Cost

INSTALL = "pip install 'llmlab[jax]'"
CALL = "tpu_custom_call"  # what a Pallas kernel is in a text for a TPU
Shape = Sequence[int]


def is_here() -> bool:
    """Say whether JAX, an extra, is installed."""
    return importlib.util.find_spec("jax") is not None


def matmul(x: Any, w: Any, *, tile: int, interpret: bool = True) -> Any:
    """Return the product (M, N) of (M, K) and (K, N), tile by tile, by Pallas.

    x, w: arrays of one type. tile: rows and columns of a tile, which divides M, K and
    N. interpret: run on the processor what a TPU would run; False only inside `for_tpu`
    or on a TPU. Sums are float32. Raises ValueError for other shapes and tiles.
    """
    jax = _jax()
    rows, inner, columns = _checked(x, w, tile)
    from jax.experimental import pallas

    steps = rows // tile, columns // tile, inner // tile
    return pallas.pallas_call(
        _multiply,
        grid=steps,  # the last one goes round fastest: a tile of sums stays
        in_specs=[
            pallas.BlockSpec((tile, tile), lambda i, j, step: (i, step)),
            pallas.BlockSpec((tile, tile), lambda i, j, step: (step, j)),
        ],
        out_specs=pallas.BlockSpec((tile, tile), lambda i, j, step: (i, j)),
        out_shape=jax.ShapeDtypeStruct((rows, columns), jax.numpy.float32),
        interpret=interpret,
    )(x, w)


def stablehlo(f: Callable[..., Any], *shapes: Shape) -> str:
    """Return the StableHLO text of a function of float32 arrays of these shapes."""
    return _lowered(f, shapes, "cpu").as_text()


def for_tpu(f: Callable[..., Any], *shapes: Shape) -> str:
    """Return the text of a function lowered for a TPU, without one.

    A Pallas kernel in it, called with interpret=False, is a `tpu_custom_call`. Nothing
    runs. Raises ValueError where it cannot be lowered, with the compiler's reason.
    """
    return _lowered(f, shapes, "tpu").as_text()


def cost(f: Callable[..., Any], *shapes: Shape) -> "Cost":
    """Return FLOPs and bytes of a function by XLA's own analysis of what it compiled.

    It is the analysis of the program that XLA made for this processor.
    """
    from llmlab.core.model import Cost  # which imports torch

    return Cost(*counted(f, *shapes))


def counted(f: Callable[..., Any], *shapes: Shape) -> tuple[int, int]:
    """Return the FLOPs and the bytes of `cost`, without torch in the process."""
    analysis = _lowered(f, shapes, "cpu").compile().cost_analysis() or {}
    if isinstance(analysis, list):  # one for each device in older versions
        analysis = analysis[0]
    return int(analysis.get("flops", 0)), int(analysis.get("bytes accessed", 0))


def version() -> str:
    """Return the version of JAX; ValueError where it is not installed."""
    return _jax().__version__


def _multiply(x: Any, w: Any, out: Any) -> None:
    """Add the product of two tiles to a tile of sums: the kernel of `matmul`."""
    import jax
    from jax.experimental import pallas

    @pallas.when(pallas.program_id(2) == 0)
    def _clear() -> None:
        out[...] = jax.numpy.zeros_like(out)

    out[...] += jax.numpy.dot(x[...], w[...], preferred_element_type=jax.numpy.float32)


def _lowered(f: Callable[..., Any], shapes: Sequence[Shape], platform: str) -> Any:
    jax = _jax()
    arguments.function("f", f, way="hand in a function of arrays")
    inputs = [_input(f"shapes[{i}]", shape) for i, shape in enumerate(shapes)]
    try:
        return jax.jit(f).trace(*inputs).lower(lowering_platforms=(platform,))
    except Exception as error:  # of many kinds: the compiler's and the function's own
        said = " ".join(str(error).split())
        raise ValueError(
            f"f cannot be lowered for a {platform.upper()} with shapes {shapes}: "
            f"{said[:300]}"
        ) from error


def _input(name: str, shape: Shape) -> Any:
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        raise ValueError(
            f"{name}={shape!r:.60} is no shape; give a tuple, such as (64, 256)."
        )
    sizes = [arguments.whole(f"{name}[{i}]", n, least=1) for i, n in enumerate(shape)]
    jax = _jax()
    return jax.ShapeDtypeStruct(tuple(sizes), jax.numpy.float32)


def _checked(x: Any, w: Any, tile: int) -> tuple[int, int, int]:
    """Return M, K, N; ValueError for what has no product in tiles."""
    for name, array in (("x", x), ("w", w)):
        if len(getattr(array, "shape", ())) != 2:
            raise ValueError(f"{name}={array!r:.60} is no matrix of two dimensions.")
    (rows, inner), (below, columns) = x.shape, w.shape
    if inner != below:
        raise ValueError(
            f"x is {x.shape} and w {w.shape}; w must have {inner} rows, one for each "
            "column of x."
        )
    arguments.whole("tile", tile, least=1)
    if any(size % tile for size in (rows, inner, columns)):
        raise ValueError(
            f"tile={tile} does not divide {rows}, {inner} and {columns}; choose a "
            "divisor of all three, or pad the matrices by zeros."
        )
    return rows, inner, columns


@functools.cache
def _jax() -> Any:
    """Import JAX; ValueError where it is not installed."""
    if not is_here():
        raise ValueError(
            f"jax is not installed, and this room runs on it; {INSTALL} brings it."
        )
    import jax

    return jax
