"""One int8 matrix with a scale a row: what C reads of it, and a product with it.

Shapes: M rows of activations, O output features, I input features.
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import machine
from llmlab.kernels.native import structures
from llmlab.kernels.native.library import Library
from llmlab.kernels.native.structures import address

FEW = 4  # rows that every thread rounds for itself, as in pass.c
LINE = 32  # integers of a row of activations begin at multiples of it


@dataclass(frozen=True, eq=False)
class Matrix:
    """Integers (O, I), scales (O,), and a bias (O,) where there is one."""

    integers: Tensor
    scales: Tensor
    bias: Tensor | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for tensors that C would read wrongly."""
        rows = len(self.integers)
        check("integers", self.integers, (rows, self.integers.shape[-1]), torch.int8)
        check("scales", self.scales, (rows,))
        if self.bias is not None:
            check("bias", self.bias, (rows,))

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.integers.shape
        return rows, columns

    @property
    def bytes(self) -> int:
        """What a product reads of it."""
        return self.integers.nbytes + self.scales.nbytes

    def structure(self) -> structures.Matrix:
        """Return what C takes; it is good as long as the tensors are."""
        parts = address(self.integers), address(self.scales), address(self.bias)
        return structures.Matrix(*parts, *self.shape)


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


def multiply(
    library: Library, matrix: Matrix, x: Tensor, *, threads: int | None = None
) -> Tensor:
    """Return the product (M, O) of activations (M, I), rounded to 13 bits a token."""
    tokens, (rows, columns) = len(x), matrix.shape
    check("x", x, (tokens, columns))
    threads = library.threads(threads or machine.threads())
    width = -(-columns // LINE) * LINE
    integers = torch.empty(max(tokens, FEW * threads), width, dtype=torch.int16)
    factors, y = torch.empty(len(integers)), torch.empty(tokens, rows)
    room = structures.Room(
        integers=address(integers), factors=address(factors), columns=width
    )
    library.multiply(matrix.structure(), address(x), tokens, room, address(y), threads)
    return y


def bandwidth(library: Library, *, size: int = 4096, threads: int | None = None):
    """Return bytes of weights a second that one-row products read, the best of many."""
    matrix = Matrix(torch.ones(size, size, dtype=torch.int8), torch.ones(size))
    x, best = torch.ones(1, size), float("inf")
    for _ in range(20):
        start = time.perf_counter()
        multiply(library, matrix, x, threads=threads)
        best = min(best, time.perf_counter() - start)
    return matrix.bytes / best
