"""One matrix of integers: what C reads of it, and a product with it.

Shapes: M rows of activations, O output features, I input features, G groups of a row.
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import machine
from llmlab.kernels.native import structures, tiles
from llmlab.kernels.native.library import Library
from llmlab.kernels.native.structures import address

FEW, STRIP = 4, 8  # as in integers.h
LINE = 64  # integers of a row of activations begin at multiples of it
TOKENS = 32  # rows that AMX reads at once, whether there are so many or not


@dataclass(frozen=True, eq=False)
class Matrix:
    """Integers (O, I) and scales (O, G), a bias (O,) where there is one.

    Of 4 bits they have zero points (O, G), whole numbers, and go from -8 to 7.
    """

    integers: Tensor
    scales: Tensor
    bias: Tensor | None = None
    zero_points: Tensor | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for tensors that C would read wrongly."""
        rows, columns = len(self.integers), self.integers.shape[-1]
        groups = self.scales.shape[-1]
        check("integers", self.integers, (rows, columns), torch.int8)
        check("scales", self.scales, (rows, groups))
        if columns % groups:
            raise ValueError(f"{groups} groups do not divide {columns} columns.")
        if self.bias is not None:
            check("bias", self.bias, (rows,))
        if self.zero_points is not None:
            check("zero_points", self.zero_points, (rows, groups))

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.integers.shape
        return rows, columns

    @property
    def bits(self) -> int:
        return 8 if self.zero_points is None else 4

    @property
    def group(self) -> int:
        """Columns that share a scale."""
        return self.shape[1] // self.scales.shape[1]

    def laid(self, way: str) -> "Laid":
        """Return it as a way of `compilers.WAYS` reads it; ValueError where none does.

        Plain C reads 8 bits as they lie. Tiles are a copy, with the scales among them.
        """
        if way == "plain":
            if self.bits != 8:
                raise ValueError(
                    "plain C multiplies weights of 8 bits, and these have 4; a "
                    "processor with AVX2 or AVX-512 multiplies both."
                )
            return Laid(
                self.integers, self.scales, self.bias, self.shape, self.group, self.bits
            )
        weight = tiles.pack(self.integers, self.scales, self.zero_points)
        group = tiles.padded(self.group)
        strip = self._strip() if way == "amx" else 0
        return Laid(weight, None, self.bias, self.shape, group, self.bits, strip)

    def _strip(self) -> int:
        if self.bits == 4 or self.group < min(LINE, self.shape[1]):
            return 0
        chunks = self.scales.shape[1] * -(-self.group // LINE)
        return STRIP * tiles.ROWS * chunks * LINE


@dataclass(frozen=True, eq=False)
class Laid:
    """A matrix as one of the ways of products.h reads it."""

    weight: Tensor  # int8, or bytes of tiles
    scales: Tensor | None  # None: they lie among the weights
    bias: Tensor | None
    shape: tuple[int, int]
    group: int
    bits: int
    strip: int = 0  # bytes of a strip of it in AMX's order; 0: AMX does not multiply it

    @property
    def bytes(self) -> int:
        """What a product reads."""
        return self.weight.nbytes + (0 if self.scales is None else self.scales.nbytes)

    def structure(self) -> structures.Matrix:
        """Return what C takes; it is good as long as the tensors are."""
        parts = address(self.weight), address(self.scales), address(self.bias)
        return structures.Matrix(*parts, *self.shape, self.group, self.bits)


def check(
    name: str, tensor: Tensor, shape: tuple, dtype: torch.dtype = torch.float32
) -> None:
    """Raise ValueError unless a tensor has this shape and dtype, in rows, on the CPU.

    What is handed over by its address must be all there: C cannot see a shape.
    """
    right = tuple(tensor.shape) == shape and tensor.dtype == dtype
    if not right or tensor.device.type != "cpu" or not tensor.is_contiguous():
        order = "" if tensor.is_contiguous() else ", not in rows"
        raise ValueError(
            f"{name} is {tuple(tensor.shape)} in {tensor.dtype} on {tensor.device}"
            f"{order}; a native call reads {shape} in {dtype} on the CPU, in rows."
        )


def rows_of_integers(tokens: int, threads: int, strip: int) -> int:
    """Return how many rows of integers a call needs, with a strip or none.

    AMX reads rows by 32, and 64 columns at a time, which may end behind the last row.
    """
    read = -(-tokens // TOKENS) * TOKENS + 1 if strip else tokens
    return max(read, FEW * threads)


def width_of(columns: int) -> int:
    """Return how far apart rows of integers begin: an odd number of lines.

    Rows of a power of two would meet in a few places of the nearest cache.
    """
    return (-(-columns // LINE) | 1) * LINE


def multiply(
    library: Library, matrix: Matrix | Laid, x: Tensor, *, threads: int | None = None
) -> Tensor:
    """Return the product (M, O) of activations (M, I), rounded to 13 bits a token.

    matrix: a Matrix is laid out first, which takes longer than the product.
    """
    laid = matrix if isinstance(matrix, Laid) else matrix.laid(library.way)
    tokens, (rows, columns) = len(x), laid.shape
    check("x", x, (tokens, columns))
    threads = library.threads(threads or machine.threads())
    width = width_of(columns)
    most = rows_of_integers(tokens, threads, laid.strip)
    integers = torch.empty(most, width, dtype=torch.int16)
    factors, y = torch.empty(len(integers)), torch.empty(tokens, rows)
    sums = torch.empty(len(integers), width // tiles.SHORT) if laid.bits == 4 else None
    strip = torch.empty(threads, laid.strip, dtype=torch.int8) if laid.strip else None
    room = structures.Room(
        integers=address(integers), factors=address(factors), sums=address(sums),
        strip=address(strip), columns=width, strip_bytes=laid.strip,
    )  # fmt: skip
    library.multiply(laid.structure(), address(x), tokens, room, address(y), threads)
    return y


def bandwidth(library: Library, *, size: int = 4096, threads: int | None = None):
    """Return bytes of weights a second that one-row products read, the best of many."""
    ones = torch.ones(size, size, dtype=torch.int8)
    laid = Matrix(ones, torch.ones(size, 1)).laid(library.way)
    x, best = torch.ones(1, size), float("inf")
    for _ in range(20):
        start = time.perf_counter()
        multiply(library, laid, x, threads=threads)
        best = min(best, time.perf_counter() - start)
    return laid.bytes / best
