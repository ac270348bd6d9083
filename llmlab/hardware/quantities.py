"""What the facts of lab 11 are called, beside those of `core` and `measure`."""

from llmlab.core.quantities import register

# Tiles: a linear on the roofline, a product in tiles, a chain in chunks.
LINEAR_RATE = register(
    "rate of a linear", "FLOP/s", better="higher", keys=("tokens", "intensity")
)
KNEE = register("tokens at the knee", "token", keys=("intensity",))
KNEE_RATIO = register("knee, measured over expected", "×")
TILE_LOADED = register("elements loaded", "element", better="lower", keys=("tile",))
TILE_STORED = register("elements stored", "element", better="lower", keys=("tile",))
TILE_FEWER = register(
    "tiles, times fewer elements loaded", "×", better="higher", keys=("tile",)
)
TILE_TIME = register(
    "least time of a product", "s", better="lower", keys=("tile", "bound")
)
TILE_RATE = register(
    "rate that tiles allow", "FLOP/s", better="higher", keys=("tile", "intensity")
)
CHAIN_TIME = register("time of the chain", "s", better="lower", keys=("bytes",))
CHAIN_GAIN = register(
    "chunks, times as fast", "×", better="higher", keys=("bytes", "verdict")
)
# Arrays of cells, and few bits.
ARRAY_CLOCKS = register(
    "clocks of an array", "clock", better="lower", keys=("size", "rows")
)
BUSY = register(
    "busy cells", "1", better="higher", is_share=True, keys=("size", "rows")
)  # fmt: skip
ACCUMULATOR_BITS = register("bits of an accumulator", "bit", better="lower")
FIXED_ERROR = register(
    "error in fixed point", "1", better="lower", is_share=True,
    keys=("bits", "fraction"),
)  # fmt: skip
# The machine: threads, formats, libraries, energy.
THREADS_TIME = register("time by threads", "s", better="lower", keys=("threads",))
THREADS_GAIN = register(
    "threads, times as fast",
    "×",
    better="higher",
    keys=("threads", "cores", "verdict"),
)
THREADS_SAME = register(
    "tokens as on one thread", "1", better="higher", keys=("threads",), is_share=True
)
FORMAT_TIME = register(
    "linear by format", "s", better="lower", keys=("tokens", "instructions")
)
FORMAT_GAIN = register(
    "format, times as fast as fp32", "×", better="higher", keys=("tokens", "verdict")
)
FORMAT_ERROR = register(
    "error of a format", "1", better="lower", keys=("tokens",), is_share=True
)
LIBRARY_CALLS = register(
    "calls of a library", "call", keys=("library", "work", "implementation", "formats")
)
LIBRARY_SHARE = register(
    "products in oneDNN", "1", keys=("products", "onednn", "mkl"), is_share=True
)
CALL_ENERGY = register("energy of a call", "J", better="lower", keys=("calls",))
TOKEN_ENERGY = register(
    "energy per token", "J/token", better="lower", keys=("batch", "watts")
)
MILLION_ENERGY = register(
    "energy of a million tokens", "kWh", better="lower", keys=("batch", "watts")
)
TOKEN_COST = register(
    "price of a million tokens", "1", better="lower", keys=("batch", "price", "busy")
)
# GPU, recorded. `size` counts rows of a square product, `bytes` a working set.
GPU_ROWS = register("rows recorded on a GPU", "row", keys=("stages",))
GPU_PEAK = register("peak of a GPU", "FLOP/s", better="higher", keys=("size",))
GPU_BANDWIDTH = register(
    "bandwidth of a GPU", "B/s", better="higher", keys=("bytes",)
)  # fmt: skip
GPU_LINEAR = register(
    "linear layer on a GPU", "FLOP/s", better="higher",
    keys=("tokens", "inputs", "outputs"),
)  # fmt: skip
GPU_ATTENTION = register(
    "attention on a GPU", "s", better="lower",
    keys=("tokens", "heads", "width", "cudnn", "dtype"),
)  # fmt: skip
GPU_CHUNKS = register(
    "chain in chunks on a GPU", "s", better="lower", keys=("bytes", "of", "operators")
)
_GPU_CALL = ("model", "dtype", "batch", "cached", "tokens", "way")
GPU_STEP = register("decode step on a GPU", "s", better="lower", keys=_GPU_CALL)
GPU_PREFILL = register("prefill on a GPU", "s", better="lower", keys=_GPU_CALL)
GPU_SHARE = register(
    "share of the memory roofline", "1", better="higher", keys=_GPU_CALL, is_share=True
)
GPU_SAME = register(
    "tokens as in eager mode", "1", better="higher", keys=_GPU_CALL, is_share=True
)
GPU_LAUNCHES = register(
    "launches a step", "call", better="lower", keys=_GPU_CALL
)  # fmt: skip
GPU_KERNELS = register("kernels a step", "kernel", better="lower", keys=_GPU_CALL)
GPU_BUILT = register("time to build a step", "s", better="lower", keys=_GPU_CALL)
GPU_ENERGY = register("energy per token of a GPU", "J", better="lower", keys=_GPU_CALL)
GPU_TESTS = register(
    "tests passed on a GPU", "test", better="higher", keys=("failed", "skipped")
)

# What a compiler for tensors makes of a layer, and what its machine would run.
TPU_ERROR = register(
    "error of the tile product", "1", better="lower", keys=("size", "tile", "jax")
)
TPU_TEXT = register("StableHLO of a layer", "line", keys=("text", "shapes", "jax"))
TPU_LOWERED = register("lowered for a TPU", "line", keys=("text", "tile", "jax"))
TPU_FLOPS = register("FLOPs by XLA", "FLOP", better="lower", keys=("jax", "shapes"))
TPU_BYTES = register("bytes by XLA", "B", better="lower", keys=("jax", "shapes"))
