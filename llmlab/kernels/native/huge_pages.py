"""Weights side by side in large pages of memory, in the order in which they are read.

A processor remembers where some thousand pages lie. In pages of 4 kB that is a few
megabytes, and each step would look up all others anew; in pages of 2 MB it is all of a
small model. The system gives them where it is asked to and can; else nothing is lost.
"""

import dataclasses
import mmap
from typing import Any

import torch
from torch import Tensor

from llmlab.kernels.native.matrices import Laid
from llmlab.kernels.native.weights import PARTS, Layer, Weights

PAGE, LINE = 2**21, 64  # bytes: of a large page, and of what a cache reads at once


def side_by_side(weights: Weights, way: str) -> Weights:
    """Return the same weights laid out for a way, in one piece of memory.

    A layer that stands in several places is copied once. Raises ValueError for what
    that way does not read.
    """
    layers = {id(layer): layer for layer in weights.layers}
    matrices = [getattr(layer, part) for layer in layers.values() for part in PARTS]
    matrices.append(weights.head)
    laid = {id(matrix): matrix.laid(way) for matrix in matrices}
    sizes = [-(-one.weight.numel() // LINE) * LINE for one in laid.values()]
    memory, start = _memory(sum(sizes)), 0
    for (number, one), size in zip(laid.items(), sizes, strict=True):
        place = memory[start : start + one.weight.numel()].view(one.weight.shape)
        laid[number] = dataclasses.replace(one, weight=place.copy_(one.weight))
        start += size
    new = {number: _with(layer, laid) for number, layer in layers.items()}
    return dataclasses.replace(
        weights,
        layers=tuple(new[id(layer)] for layer in weights.layers),
        head=laid[id(weights.head)],
    )


def _with(layer: Layer, copies: dict[int, Laid]) -> Layer:
    parts: dict[str, Any] = {part: copies[id(getattr(layer, part))] for part in PARTS}
    return dataclasses.replace(layer, **parts)


def _memory(size: int) -> Tensor:
    """Return so many bytes that begin where a large page does, if there are any."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(size, dtype=torch.int8)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    mapped = mmap.mmap(-1, size + 2 * PAGE, flags=flags)
    try:
        mapped.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        pass  # a system without them
    whole = torch.frombuffer(mapped, dtype=torch.int8)  # keeps the mapping alive
    start = -whole.data_ptr() % PAGE
    return whole[start : start + size]
