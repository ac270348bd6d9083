"""Tiles: work on a small part at a time, in the fast memory, while it is there.

A product of matrices reads each number many times. From slow memory that costs a load
each time; a tile that lies in fast memory is read there instead, so that tiles of
t x t need t times fewer loads than single numbers. A chain of elementwise operators
gains likewise, in chunks that stay in cache from the first operator to the last.

`Scratch` is such a fast memory, simulated: it counts what comes and goes, and refuses
more than fits. It costs code that knows sizes, and ragged edges.

Letters: m x k times k x n, tile t. Sources: Hong, Kung, I/O complexity, STOC 1981;
Lam, Rothberg, Wolf, Blocked algorithms, ASPLOS 1991.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llmlab.core import arguments
from llmlab.core.model import Cost

MOST = 2**31  # of a size, and of words: more is a slip


class Scratch:
    """A fast memory of so many words, simulated; it counts what moves.

    A word holds one element. `held`, `loaded`, `stored` and `most` (the largest
    `held` so far) are in elements; factors and results lie outside, in slow memory.
    Raises ValueError for words below 1.
    """

    def __init__(self, words: int):
        way = "such as the elements of three tiles"
        self.words = arguments.whole("words", words, least=1, most=MOST, way=way)
        self.held = self.loaded = self.stored = self.most = 0
        self._blocks: dict[int, np.ndarray] = {}  # by id, which a kept one never loses

    def load(self, x: Any) -> np.ndarray:
        """Copy a part of an array into fast memory, and return the block held.

        Whole numbers come as int64, others as float64. Raises ValueError for what has
        not two axes, and for more than fits.
        """
        block = self._keep(_matrix("x", x), "load")
        self.loaded += block.size
        return block

    def zeros(self, rows: int, columns: int) -> np.ndarray:
        """Return a block of zeros (float64) for sums, which nothing is loaded for.

        Raises ValueError for sizes below 1, and for more than fits.
        """
        arguments.whole("rows", rows, least=1, most=MOST)
        arguments.whole("columns", columns, least=1, most=MOST)
        self._room(rows * columns, f"zeros of {rows} x {columns}")
        return self._keep(np.zeros((rows, columns)), "zeros")

    def store(self, block: np.ndarray, out: np.ndarray, i: int, j: int) -> None:
        """Write a held block into `out` from row i and column j on; it stays held.

        Raises ValueError for what is not held, and where it would reach beyond `out`.
        """
        self._check_held(block)
        if not isinstance(out, np.ndarray) or out.ndim != 2:
            raise ValueError(
                f"out={arguments.shown(out)} is no array of two axes; make it once: "
                "np.zeros((m, n))."
            )
        arguments.whole("i", i)
        arguments.whole("j", j)
        rows, columns = block.shape
        if i + rows > out.shape[0] or j + columns > out.shape[1]:
            raise ValueError(
                f"i={i}, j={j}: a block of {_shape(block)} reaches beyond out, which "
                f"is {_shape(out)}; cut the last tile of a row or column."
            )
        out[i : i + rows, j : j + columns] = block
        self.stored += block.size

    def free(self, *blocks: np.ndarray) -> None:
        """Make room again, and lose what lay there; ValueError for what is not held."""
        for block in blocks:
            self._check_held(block)
            del self._blocks[id(block)]
            self.held -= block.size
            block.fill(0)  # what was let go is lost

    def _keep(self, block: np.ndarray, what: str) -> np.ndarray:
        self._room(block.size, f"{what} of {_shape(block)}")
        self._blocks[id(block)] = block
        self.held += block.size
        self.most = max(self.most, self.held)
        return block

    def _room(self, size: int, what: str) -> None:
        if self.held + size > self.words:
            raise ValueError(
                f"{what} does not fit: {self.held} of {self.words} words are held, "
                f"and it needs {size} more; free blocks first, or take a smaller tile."
            )

    def _check_held(self, block: Any) -> None:
        if self._blocks.get(id(block)) is not block or block is None:
            what = _shape(block) if isinstance(block, np.ndarray) else "this"
            raise ValueError(
                f"block={what} is not held in fast memory; hand in what load or zeros "
                "returned and free has not let go, changed in place: sums += …"
            )

    def __repr__(self) -> str:
        return (
            f"Scratch of {self.words} words: {self.held} held, {self.loaded} elements "
            f"loaded, {self.stored} stored"
        )


def matmul(a: Any, b: Any, *, tile: int, memory: Scratch) -> np.ndarray:
    """Return the product (m, n) of a (m, k) and b (k, n), tile by tile.

    Only `memory` touches the factors. A tile of the result stays there until all its
    sums are done, so it is stored once. Raises ValueError for shapes that do not
    match, and for a tile of which three do not fit into the memory.
    """
    a, b = _matrix("a", a), _matrix("b", b)
    (m, depth), n = a.shape, b.shape[1]
    if depth != b.shape[0]:
        raise ValueError(
            f"a is {_shape(a)} and b is {_shape(b)}; b needs {depth} rows, as many as "
            "a has columns."
        )
    _check_tile(tile, memory, (m, n, depth))
    out = np.zeros((m, n))
    for i in range(0, m, tile):
        for j in range(0, n, tile):
            sums = memory.zeros(min(tile, m - i), min(tile, n - j))
            for p in range(0, depth, tile):
                left = memory.load(a[i : i + tile, p : p + tile])
                right = memory.load(b[p : p + tile, j : j + tile])
                sums += left @ right
                memory.free(left, right)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


def elements(m: int, n: int, k: int, tile: int) -> tuple[int, int]:
    """Return the elements that a product in tiles loads and stores (estimated).

    Each row of tiles of the result reads all of b, each column all of a: at whole tiles
    2 m n k / tile. Raises ValueError for sizes below 1.
    """
    for name, size in {"m": m, "n": n, "k": k, "tile": tile}.items():
        arguments.whole(name, size, least=1, most=MOST)
    rows, columns = -(-m // tile), -(-n // tile)  # of tiles, the ragged one included
    return m * k * columns + k * n * rows, m * n


def traffic(m: int, n: int, k: int, tile: int, *, element_bytes: int = 4) -> Cost:
    """Return arithmetic and bytes of a product in tiles (estimated), as `elements`."""
    loaded, stored = elements(m, n, k, tile)
    arguments.whole("element_bytes", element_bytes, least=1, most=16)
    return Cost(2 * m * n * k, element_bytes * (loaded + stored))


def in_chunks(
    chain: Iterable[Callable[[Tensor], object]], x: Tensor, *, size: int
) -> Tensor:
    """Run a chain of elementwise operators over chunks of x, in place; return x.

    chain: functions that change a tensor in place, such as `torch.Tensor.relu_`; each
    element of the result may depend on that element alone. size: elements of a chunk;
    the last one may be shorter. Raises ValueError for a tensor that is not contiguous.
    """
    listed = _functions(chain)
    x = arguments.tensor("x", x)
    if not x.is_contiguous():
        raise ValueError(
            f"x of shape {tuple(x.shape)} is not contiguous, so chunks of it would be "
            "copies; hand in x.contiguous()."
        )
    arguments.whole("size", size, least=1, most=2**62, way="such as 2**18")
    for chunk in x.view(-1).split(size):
        for operator in listed:
            operator(chunk)
    return x


def _functions(chain: Any) -> list[Callable[[Tensor], object]]:
    listed = list(chain) if isinstance(chain, Iterable) else []
    if not listed or not all(map(callable, listed)):
        raise ValueError(
            f"chain={arguments.shown(chain)} is no list of functions; hand in some, "
            "such as [torch.Tensor.relu_, torch.Tensor.tanh_]."
        )
    return listed


def _matrix(name: str, value: Any) -> np.ndarray:
    """Return a copy, int64 or float64, with two axes; ValueError for all else."""
    value = value.detach().cpu() if isinstance(value, torch.Tensor) else value
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        array = np.empty(0, dtype=object)
    if array.ndim != 2 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{name}={arguments.shown(value)} is no matrix of numbers; hand in an "
            "array of two axes, such as a[i:i + tile, k:k + tile]."
        )
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


def _check_tile(tile: int, memory: Any, sizes: tuple[int, int, int]) -> None:
    if not isinstance(memory, Scratch):
        raise ValueError(
            f"memory={arguments.shown(memory)} is no fast memory; make one: "
            "tiling.Scratch(words)."
        )
    arguments.whole("tile", tile, least=1, most=MOST, way="such as 8")
    m, n, k = (min(tile, size) for size in sizes)
    if (needs := m * n + (m + n) * k) > memory.words - memory.held:
        raise ValueError(
            f"tile={tile} needs {needs} words for a tile of a, of b and of the sums, "
            f"and {memory.words - memory.held} are free; take a smaller tile."
        )


def _shape(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))
