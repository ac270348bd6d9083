"""Batches of snippets: code with a module's name masked, and which module it was.

Every batch holds each module equally often, so that rare ones are learnt too, and is a
function of its step alone: a training that starts again sees what it would have seen.
`texts.masking` cuts snippets from programs.

Shapes: B sequences, T tokens.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llmlab.texts import Snippet
from llmlab.texts.masking import MODULES

DEALT = 16  # steps whose snippets are dealt out by length


def batches(
    tokenizer: Any,
    chosen: Sequence[Snippet],
    *,
    rows: int,
    hidden: float = 0.0,
    seed: int = 1,
    dealt: int = DEALT,
) -> Callable[[int], Tensor]:
    """Return the batch of each step (B, 1 + T): the module's number, then tokens.

    Each holds every module equally often, its snippets in a new order each time around.
    Those of `dealt` steps are dealt out by length, to pad little. hidden: the share of
    tokens that are padded over, so that no single one is learnt by heart. Raises
    ValueError for a module without a snippet and for rows that the modules cannot
    share.
    """
    if rows < 1 or rows % len(MODULES):
        raise ValueError(
            f"rows={rows} cannot hold each of {len(MODULES)} modules equally often; "
            f"choose a multiple of {len(MODULES)}."
        )
    by_module = _by_module(tokenizer, chosen)
    share = rows // len(MODULES)

    @functools.cache
    def order(label: int, time_around: int) -> np.ndarray:
        dice = np.random.default_rng((seed, label, time_around))
        return dice.permutation(len(by_module[label]))

    def row(label: int, number: int) -> list[int]:
        time_around, place = divmod(number, len(by_module[label]))
        return [label, *by_module[label][order(label, time_around)[place]]]

    @functools.lru_cache(maxsize=1)
    def dealt_out(number: int) -> list[list[list[int]]]:
        """Return the rows of each step of a round."""
        places = range(number * dealt * share, (number + 1) * dealt * share)
        sorted_rows = [
            sorted((row(label, place) for place in places), key=len)
            for label in range(len(by_module))
        ]
        return [
            [row for mine in sorted_rows for row in mine[n * share : (n + 1) * share]]
            for n in np.random.default_rng((seed, number)).permutation(dealt)
        ]

    def batch(step: int) -> Tensor:
        number, place = divmod(step, dealt)
        shown = padded(dealt_out(number)[place], tokenizer.pad_token_id)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        over = torch.rand(shown.shape, generator=generator) < hidden
        over[:, :2] = False  # the label and [CLS]
        return shown.masked_fill(over, tokenizer.pad_token_id)

    return batch


def encoded(tokenizer: Any, chosen: Sequence[Snippet]) -> list[list[int]]:
    """Return the token ids of each snippet, cut where the tokenizer's context ends."""
    codes = [snippet.code for snippet in chosen]
    return tokenizer(codes, truncation=True)["input_ids"]


def padded(rows: Sequence[Sequence[int]], pad: int) -> Tensor:
    """Return rows of different lengths as one tensor, padded at their ends."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])


def _by_module(tokenizer: Any, chosen: Sequence[Snippet]) -> list[list[list[int]]]:
    """Return the token ids of each module's snippets."""
    by_module: list[list[list[int]]] = [[] for _ in MODULES]
    for snippet, ids in zip(chosen, encoded(tokenizer, chosen), strict=True):
        by_module[MODULES.index(snippet.module)].append(ids)
    if missing := [MODULES[n] for n, snippets in enumerate(by_module) if not snippets]:
        raise ValueError(
            f"no snippet uses {', '.join(missing)}; train on more files, so that each "
            "module is used in one at least."
        )
    return by_module
