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
FIXED_ERROR = register(
    "error in fixed point", "1", better="lower", is_share=True,
    keys=("bits", "fraction"),
)  # fmt: skip
