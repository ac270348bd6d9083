"""The three steps of a paged cache, which a learner can hand in as parts.

page_slots    where the tokens of a row lie in memory
resize_table  take pages for a row that grows, give back those of one that shrinks
extend_pages  write the new tokens' keys and values, read all that the rows hold

What a part of somebody else returns is checked before it counts: a page must not get
lost, nor be handed out twice, and nothing may be written outside a row's own pages.

Shapes: B rows, T new tokens, S tokens attended to, P pages of a row, K key/value heads,
H head width.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

PageSlots = Callable[[Tensor, int, Tensor], Tensor]
ResizeTable = Callable[
    [list[int], int, int, list[int]], tuple[Sequence[int], Sequence[int]]
]
ExtendPages = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def page_slots(pages: Tensor, page_size: int, positions: Tensor) -> Tensor:
    """Return the slots (S,) of the tokens at `positions`, for a row's pages (P,)."""
    return pages[positions // page_size] * page_size + positions % page_size


def resize_table(
    pages: list[int], tokens: int, page_size: int, free: list[int]
) -> tuple[list[int], list[int]]:
    """Return a row's pages for this many tokens, and the pages that are free then.

    Pages are taken from the front of `free`; the last ones go back to its end. Raises
    ValueError where too few are free.
    """
    wanted = -(-tokens // page_size)
    missing = wanted - len(pages)
    if missing > len(free):
        raise ValueError(
            f"free={free} lacks pages: {tokens} tokens take {missing} more of "
            f"{page_size}; make a larger pool, or release a row."
        )
    if missing > 0:
        return [*pages, *free[:missing]], free[missing:]
    return pages[:wanted], [*free, *pages[wanted:]]


def extend_pages(
    memory: Tensor, new_slots: Tensor, all_slots: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor]:
    """Write (B, K, T, H) to the slots (B, T); return those of (B, S), (B, K, S, H).

    memory: (slots, 2, K, H), written in place. What comes back are views of one copy.
    """
    new = torch.stack((keys, values), 2).permute(0, 3, 2, 1, 4)  # (B, T, 2, K, H)
    memory.index_copy_(0, new_slots.flatten(), new.flatten(0, 1))
    read = memory.index_select(0, all_slots.flatten())  # (B S, 2, K, H)
    read = read.view(*all_slots.shape, *memory.shape[1:]).transpose(1, 3)
    return read[:, :, 0], read[:, :, 1]


def checked_table(
    part: ResizeTable, pages: list[int], tokens: int, page_size: int, free: list[int]
) -> tuple[list[int], list[int]]:
    """Return what a part makes of a table; ValueError where pages go wrong."""
    answer: Any = part(list(pages), tokens, page_size, list(free))
    try:
        new, left = (list(map(int, one)) for one in answer)
    except (TypeError, ValueError):
        raise _wrong(
            "resize_table", f"{answer!r:.60}", "return (pages, free)"
        ) from None
    wanted = -(-tokens // page_size)
    kept = min(wanted, len(pages))
    known, both = {*pages, *free}, [*new, *left]
    if len(new) != wanted:
        fault = f"{len(new)} pages for {tokens} tokens"
        raise _wrong("resize_table", fault, f"pages of {page_size} make it {wanted}")
    if new[:kept] != pages[:kept]:
        fault = f"{new} for a row of {pages}"
        raise _wrong("resize_table", fault, "pages that hold tokens keep their place")
    if strange := [page for page in both if page not in known]:
        fault = f"page {strange[0]}"
        raise _wrong("resize_table", fault, f"choose pages of free={free}")
    if len(set(both)) < len(both):
        page = next(page for page in both if both.count(page) > 1)
        raise _wrong("resize_table", f"page {page} twice", "take it out of free")
    if lost := known.difference(both):
        fault = f"nowhere page {min(lost)}"
        raise _wrong("resize_table", fault, "a page is in the table or in free")
    return new, left


def checked_slots(
    part: PageSlots, pages: list[int], page_size: int, device: torch.device
) -> Tensor:
    """Return the slots of all places of a row; ValueError for one outside its pages."""
    positions = torch.arange(len(pages) * page_size, device=device)
    slots: Any = part(torch.tensor(pages, device=device), page_size, positions)
    if not isinstance(slots, Tensor) or slots.shape != positions.shape:
        shape = tuple(getattr(slots, "shape", ())) or f"{slots!r:.60}"
        way = f"return one slot for each of {len(positions)} positions"
        raise _wrong("page_slots", f"{shape}", way)
    slots = slots.to(torch.int64)
    strange = ~torch.isin(slots // page_size, torch.tensor(pages, device=device))
    if strange.any():
        fault = f"slot {int(slots[strange][0])}"
        raise _wrong("page_slots", fault, f"stay within the pages {pages}")
    if len(slots.unique()) < len(slots):
        raise _wrong("page_slots", "a slot twice", "no two tokens share one")
    return slots


def checked_extend(
    part: ExtendPages, memory: Tensor, new: Tensor, seen: Tensor, *both: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what a part reads; ValueError for another shape, and nothing written."""
    answer: Any = part(memory, new, seen, *both)
    batch, heads, _, width = both[0].shape
    shape = (batch, heads, seen.shape[1], width)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise _wrong("extend_pages", f"{answer!r:.60}", "return (keys, values)")
    for one in answer:
        if getattr(one, "shape", None) != shape:
            fault = f"the shape {tuple(getattr(one, 'shape', ()))}"
            raise _wrong("extend_pages", fault, f"keys and values are {shape}")
    last = memory[new[:, -1]]  # (B, 2, K, H)
    for place, one in enumerate(both):
        if not torch.equal(last[:, place], one[:, :, -1]):
            way = "write the new ones to new_slots in memory itself, with index_copy_"
            raise _wrong("extend_pages", "with other numbers in memory", way)
    return answer[0], answer[1]


def _wrong(name: str, fault: str, way: str) -> ValueError:
    return ValueError(f"{name} came back with {fault}; {way}.")
