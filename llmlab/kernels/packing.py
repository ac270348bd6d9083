"""Small integers, packed into bytes without a gap: four bits put two into each byte.

Eight numbers of b bits fill b bytes exactly, for every b, so packing goes by eights;
the last ones are filled up with zeros. This is how weights stand in a file.
"""

import torch
from torch import Tensor


def pack(integers: Tensor, *, bits: int) -> Tensor:
    """Pack signed integers of any shape into (bytes,) uint8, the first lowest.

    Raises ValueError for a number that `bits` cannot hold.
    """
    middle = 2 ** (bits - 1)
    flat = integers.flatten().to(torch.int16) + middle
    if flat.numel() and not (0 <= flat.min() and flat.max() < 2 * middle):
        raise ValueError(
            f"integers reach from {flat.min() - middle} to {flat.max() - middle}, and "
            f"bits={bits} holds {-middle} to {middle - 1}; choose more bits."
        )
    flat = torch.nn.functional.pad(flat, (0, -flat.numel() % 8)).view(-1, 8)
    words = torch.zeros(len(flat), dtype=torch.int64, device=integers.device)
    for place in range(8):
        words |= flat[:, place].long() << (bits * place)
    parts = [(words >> (8 * place)) & 255 for place in range(bits)]
    return torch.stack(parts, 1).flatten().to(torch.uint8)


def unpack(packed: Tensor, *, bits: int, count: int) -> Tensor:
    """Return the first `count` integers of packed bytes, (count,) int8.

    Raises ValueError when there are not just the bytes for so many.
    """
    if packed.dtype != torch.uint8 or packed.numel() != packed_bytes(count, bits=bits):
        raise ValueError(
            f"packed holds {packed.numel()} numbers of {packed.dtype}, and {count} of "
            f"{bits} bits take {packed_bytes(count, bits=bits)} bytes; the file is "
            "damaged or says the wrong number of bits."
        )
    words = torch.zeros(packed.numel() // bits, dtype=torch.int64, device=packed.device)
    for place, part in enumerate(packed.view(-1, bits).unbind(1)):
        words |= part.long() << (8 * place)
    mask, middle = 2**bits - 1, 2 ** (bits - 1)
    parts = [((words >> (bits * place)) & mask) - middle for place in range(8)]
    return torch.stack(parts, 1).flatten()[:count].to(torch.int8)


def packed_bytes(count: int, *, bits: int) -> int:
    """Return the bytes that `count` numbers take: whole eights of them."""
    return -(-count // 8) * bits
