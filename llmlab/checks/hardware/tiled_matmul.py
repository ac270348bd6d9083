"""Exercise 2: multiply matrices tile by tile, in a memory that counts."""

from functools import partial

import numpy

from llmlab.checks.exercise import Case, Exercise, Value
from llmlab.checks.hardware import arrays, tiles
from llmlab.checks.hardware.tiles import knobs
from llmlab.hardware.tiling import Scratch

# A mistake stands in one line or two, as in a table.
# fmt: off

EDGE = "the last tiles may be smaller: min(tile, m - i) rows, min(tile, n - j) " \
       "columns."
NARROW = "a and b may be int8, their product is not: out = np.zeros((m, n))."
FREE = "nothing more fits: free the two tiles as soon as they are multiplied, and " \
       "the sums when they are stored."
UNLOADED = "slow memory does not multiply: whatever you multiply is a block that " \
           "memory.load returned."
ONCE = "sums stay in fast memory until their last step: store them once, behind the " \
       "loop over k."
TWICE = "a step needs one tile of a and one of b, each loaded once."


def observed(answer, a, b, tile, memory):
    """Return the product, what was loaded and stored, and what lay there at once.

    More than what one step needs may lie there, but never less.
    """
    m, n, k = (min(tile, size) for size in (len(a), b.shape[1], len(b)))
    needed = m * n + (m + n) * k
    return arrays.read(answer), memory.loaded, memory.stored, min(memory.most, needed)


def _example():
    a = numpy.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    b = numpy.array([[1, 0, 2, 0], [0, 3, 0, 1], [-1, 0, 1, 0], [0, 2, 0, -2]])
    return a, b, 2, Scratch(12)


def _opening():
    lines = (
        "a = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])",
        "b = np.array([[1, 0, 2, 0], [0, 3, 0, 1], [-1, 0, 1, 0], [0, 2, 0, -2]])",
        "memory = check.Scratch(12)",
    )
    return Case(_example, setup="\n".join(lines),
                sources={"a": "a", "b": "b", "memory": "memory"})


def _shown(product):
    """Return the product and the memory as it is behind the example."""
    given = _example()
    tiles.right_answer(*given)
    return product, given[-1]


def _drawn(seed, m, k, n, tile, kind="whole", about=""):
    dice = numpy.random.default_rng(seed)
    a, b = _factor(dice, kind, m, k), _factor(dice, kind, k, n)
    return Case(lambda: (a.copy(), b.copy(), tile, Scratch(3 * tile * tile)),
                about=about)


def _factor(dice, kind, rows, columns):
    if kind == "float":
        return dice.normal(size=(rows, columns))
    if kind == "int8":
        return dice.integers(40, 128, (rows, columns), dtype=numpy.int8)
    return dice.integers(-9, 10, (rows, columns))


def _cases():
    yield _opening()
    yield _drawn(1, 6, 9, 3, 3)
    yield _drawn(2, 4, 6, 8, 1)
    yield _drawn(3, 5, 7, 4, 3, about=EDGE)
    yield _drawn(4, 2, 3, 5, 4, about=EDGE)  # a tile is more than there is
    yield _drawn(5, 4, 6, 6, 2, "int8", about=NARROW)
    yield _drawn(6, 8, 12, 4, 4, "float")
    yield _drawn(7, 7, 10, 9, 4, "float", about=EDGE)
    yield _drawn(8, 1, 11, 13, 5, about=EDGE)
    yield _drawn(9, 6, 4, 10, 2)
    yield _drawn(10, 9, 1, 6, 3)  # one step only


EXERCISE = Exercise(
    name="tiled_matmul",
    right=tiles.right_answer,
    gives=(
        Value("the product"),
        Value("the elements loaded",
              promise="tiled_matmul loads a tile of a and one of b for each step"),
        Value("the elements stored",
              promise="tiled_matmul stores each element of the product once"),
        Value("what is held", promise="tiled_matmul holds what it multiplies"),
    ),
    cases=lambda: [*_cases()],
    covers="in whole tiles and ragged ones, every load and store counted",
    hints=(
        "Three loops: over the rows of tiles, over their columns, and within these "
        "over the steps along k. Which of the three blocks stays while the steps go "
        "by?",
        "For each tile of the result: zeros, then at each step load a tile of a and "
        "one of b, add their product with sums += left @ right, and free both. Behind "
        "the steps store the sums and free them.",
        "for i in range(0, m, tile): for j in range(0, n, tile): sums = memory.zeros("
        "min(tile, m - i), min(tile, n - j)); for p in range(0, k, tile): left = "
        "memory.load(a[i : i + tile, p : p + tile]), right = memory.load(b[p : p + "
        "tile, j : j + tile]), sums += left @ right, memory.free(left, right); then "
        "memory.store(sums, out, i, j) and memory.free(sums).",
    ),
    hint="for each tile of the result: the sums stay, a tile of a and one of b come "
         "and go at each step, and the sums are stored once.",
    observe=observed,
    written="{}, memory",
    shows=_shown,
    writes=("memory",),
    mistakes={
        ONCE: (
            knobs(store="each"), tiles.partial_sums, tiles.kept_left,
            partial(tiles.kept_left, loads=False),
        ),
        UNLOADED: (tiles.unloaded, tiles.directly),
        "b is not loaded: the slice of b lies in slow memory.":
            partial(tiles.unloaded, which="b"),
        "a is not loaded: the slice of a lies in slow memory.":
            partial(tiles.unloaded, which="a"),
        TWICE: tuple(partial(tiles.loaded_twice, which=which)
                     for which in ("ab", "a", "b")),
        "free comes behind the product: what is multiplied must lie there.":
            (tiles.freed_early, knobs(free="early")),
        "the result is written by memory.store, which counts what goes out.":
            tiles.stored_by_hand,
        "the sums are never stored: memory.store(sums, out, i, j) behind the steps.":
            knobs(store="none"),
        FREE: (
            knobs(free="none"), knobs(free="factors"),
            knobs(free="none", store="each"), knobs(free="factors", store="each"),
        ),
        "the last tile of a row or column is missing where it is not whole: range(0, "
        "m, tile) begins it, and the slice ends by itself.":
            knobs(starts=tiles.whole_only),
        EDGE: knobs(size=lambda tile, rest: tile),
        "the sums of the steps are added up, +=; here the last step alone stays.":
            knobs(add=tiles.overwritten),
        "here the first step alone counts: go along k to its end.":
            knobs(depth=lambda steps: 1),
        "the last step along k is missing.": knobs(depth=lambda steps: steps - 1),
        "products are added to the sums, not taken away.":
            knobs(add=tiles.subtracted),
        NARROW: (
            lambda a, b, *rest: _narrow(a, b, *rest, dtype=numpy.int8),
            lambda a, b, *rest: _narrow(a, b, *rest, dtype=a.dtype),
            lambda a, b, *rest: _narrow(a, b, *rest, dtype=numpy.int16),
        ),
        "a product of floats is no whole number: out = np.zeros((m, n)).":
            lambda a, b, *rest: _narrow(a, b, *rest, dtype=numpy.int64),
        "a tile of the result goes to row i and column j, in this order.":
            knobs(place=tiles.swapped),
        "each tile of the result has its place: memory.store(sums, out, i, j).":
            knobs(place=tiles.origin),
        "whole rows of a do not fit; a step needs a[i : i + tile, p : p + tile].":
            knobs(left=tiles.whole_rows),
        "whole columns of b do not fit; a step needs b[p : p + tile, j : j + tile].":
            knobs(right=tiles.whole_columns),
        "the tile of b lies at row p and column j: b[p : p + tile, j : j + tile].":
            knobs(right=tiles.turned),
        "a whole factor does not fit; load a tile at a time.": (
            knobs(left=tiles.everything), knobs(right=tiles.everything),
        ),
        "this goes number by number; tiles of tile x tile need fewer loads.":
            tiles.singly,
        "tiles are smaller than they may be: tile x tile.": tiles.half_tile,
        "this is the product turned: row i of a times column j of b stands at (i, j).":
            lambda *given: tiles.right_answer(*given).T,
    },
)


def _narrow(a, b, tile, memory, *, dtype):
    """Return the product in a dtype that does not hold it."""
    with numpy.errstate(invalid="ignore"):
        return tiles.tiled_matmul(a, b, tile, memory, dtype=dtype)
