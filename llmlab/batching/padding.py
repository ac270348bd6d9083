"""Prompts of unequal length in one tensor: padding on the right or on the left.

Our models take padding at the end of a row and are told how many tokens are real.
transformers wants it in front, so that the last column is the last token of all rows;
then a mask hides the padding, and positions count from the first real token.

Shapes: B prompts, T tokens of the longest.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from llmlab.batching.quantities import PADDING
from llmlab.core import arguments, records
from llmlab.core.records import Record


def right(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, list[int]]:
    """Return tokens (B, T), zeros behind the shorter prompts, and their lengths."""
    lengths = _lengths(prompts)
    tokens, _ = filled([list(prompt) for prompt in prompts], torch.device("cpu"))
    return tokens, lengths


def filled(
    rows: Sequence[list[int]], device: torch.device
) -> tuple[Tensor, list[int] | None]:
    """Return tokens (B, T), zeros behind the shorter rows, some of which may be empty.

    Second come their lengths, None where all are alike.
    """
    counts = [len(row) for row in rows]
    width = max(counts)
    tokens = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return tokens.to(device), None if min(counts) == width else counts


def left(prompts: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, mask and positions, (B, T) each; `pad` stands before the shorter.

    The mask is 1 where a token is real. Padding has position 0.
    """
    lengths = _lengths(prompts)
    width = max(lengths)
    missing = torch.tensor([width - length for length in lengths])[:, None]
    rows = [[*[pad] * (width - len(prompt)), *prompt] for prompt in prompts]
    places = torch.arange(width)
    mask = (places >= missing).long()
    return torch.tensor(rows), mask, (places - missing).clamp(min=0)


def waste(lengths: Sequence[int], batch: int) -> Record:
    """Return the share of padding in batches of `batch`, taken in this order.

    lengths: tokens of each request. Raises ValueError for no lengths.
    """
    batch = arguments.whole("batch", batch, least=1)
    if not lengths:
        raise ValueError("lengths is empty; give the tokens of at least one request.")
    groups = [lengths[start : start + batch] for start in range(0, len(lengths), batch)]
    rows = sum(max(group) * len(group) for group in groups)
    share = 1 - sum(lengths) / rows if rows else 0.0
    return records.make(PADDING, share, kind="estimated", details={"batch": batch})


def _lengths(prompts: Sequence[Sequence[int]]) -> list[int]:
    lengths = [len(prompt) for prompt in prompts]
    if not lengths or not min(lengths):
        raise ValueError(
            f"prompts have lengths {lengths}; give at least one prompt, of at least "
            "one token."
        )
    return lengths
