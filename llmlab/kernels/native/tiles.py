"""Weights in tiles: sixteen rows side by side, in the order in which C reads them.

tiles.h says what lies where. A column of sixteen rows fills a register, whose lanes are
rows: no sum is folded, and the sixteen answers stand beside each other.

Shapes: O output features, I input features, G groups of C columns.
"""

import torch
from torch import Tensor
from torch.nn import functional

ROWS, STEP = 16, 8  # rows of a tile; columns of a round
SHORT = 32  # columns of a group of weights of 4 bits


def padded(group: int) -> int:
    """Return the columns that a group takes in tiles."""
    return -(-group // STEP) * STEP


def pack(integers: Tensor, scales: Tensor, zero_points: Tensor | None) -> Tensor:
    """Return the bytes of integers (O, I) with scales (O, G): int8, in one row.

    With zero points (O, G) they are of 4 bits, from -8 to 7. Rows and columns that fill
    a tile up are zeros. Raises ValueError for groups that no tile has.
    """
    rows, columns = integers.shape
    group = columns // scales.shape[1]
    if zero_points is None:
        if scales.shape[1] > 1 and group % STEP:
            raise ValueError(
                f"groups of {group} columns are no whole rounds of {STEP}; native "
                "calls read groups of a multiple of it, or one scale a row."
            )
    elif group != SHORT or not torch.equal(scales.bfloat16().float(), scales):
        raise ValueError(
            f"weights of 4 bits in groups of {group} are read natively in groups of "
            f"{SHORT}, with scales that bfloat16 says exactly."
        )
    more = -rows % ROWS
    scales = functional.pad(scales, (0, 0, 0, more))
    tiles = functional.pad(integers.unflatten(1, (-1, group)), (0, 0, 0, 0, 0, more))
    tiles = functional.pad(tiles, (0, -group % STEP))
    if zero_points is None:
        parts = [_bytes(tiles, 2), _side_by_side(scales)]
    else:
        zero_points = functional.pad(zero_points, (0, 0, 0, more))
        whole = _bytes(tiles + 8, 4)  # (…, a pair of pairs, 16 rows, a pair, 2)
        low, high = whole.unflatten(2, (-1, ROWS, 2, 2)).unbind(4)
        parts = [(low | (high << 4)).flatten(2), _side_by_side(scales.bfloat16())]
        parts.append(_side_by_side((zero_points + 8).short()))
    return torch.cat(
        [part.contiguous().view(torch.int8) for part in parts], 2
    ).flatten()


def _bytes(tiles: Tensor, columns: int) -> Tensor:
    """Return (O / 16, G, 16 C): so many columns of a row, then of the next row."""
    parts = tiles.unflatten(0, (-1, ROWS)).unflatten(3, (-1, columns))
    return parts.permute(0, 2, 3, 1, 4).flatten(2)


def _side_by_side(numbers: Tensor) -> Tensor:
    """Return (O / 16, G, 16) of (O, G)."""
    return numbers.unflatten(0, (-1, ROWS)).transpose(1, 2)
