"""Slots: where the tokens of a call lie on pages, worked out once for all layers.

Slot 0 lies on the null page, which is read wherever a row has no token.

Shapes: B rows, T new tokens, S tokens attended to, P pages of the longest table.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmlab.caching import parts
from llmlab.caching.parts import PageSlots
from llmlab.models.caches.attention import Mask


class Step(NamedTuple):
    """Where the tokens of one call lie."""

    start: int | Tensor
    new: Tensor  # (B, T) slots to write
    seen: Tensor  # (B, S) slots to read
    masks: dict[int | None, Mask]  # by window


def opened(slots: Tensor, start: int | Tensor, tokens: int, reach: int) -> Step:
    """Return where T tokens behind `start` lie, of the slots (B, places) of the rows.

    reach: what the longest row holds with them.
    """
    seen = slots[:, :reach]
    if isinstance(start, int):
        return Step(start, seen[:, start:], seen, {})
    device = slots.device
    new = start[:, None] + torch.arange(tokens, device=device)  # (B, T)
    ends = start[:, None] + tokens
    seen = seen.where(torch.arange(reach, device=device) < ends, 0)
    return Step(start, slots.gather(1, new), seen, {})


def of(tables: Sequence[Sequence[int]], page_size: int, device: torch.device) -> Tensor:
    """Return the slots of all places of these tables, (B, P page size)."""
    most = max(map(len, tables))
    padded = [[*table, *[0] * (most - len(table))] for table in tables]
    pages = torch.tensor(padded, dtype=torch.int64, device=device)[:, :, None]
    return (pages * page_size + torch.arange(page_size, device=device)).flatten(1)


def asked(
    part: PageSlots,
    tables: Sequence[Sequence[int]],
    page_size: int,
    device: torch.device,
) -> Tensor:
    """Return what `of` does, as a part handed in says it, row by row."""
    most = max(map(len, tables)) * page_size
    slots = torch.zeros(len(tables), most, dtype=torch.int64, device=device)
    for row, table in enumerate(tables):
        found = parts.checked_slots(part, list(table), page_size, device)
        slots[row, : len(found)] = found
    return slots
