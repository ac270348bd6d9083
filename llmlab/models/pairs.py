"""Batches of number words, English and French: what `translator` learns from.

Pairs are made as they are needed, a batch is a function of its step alone, and no
held-out number comes in one. Short and round numbers come far more often than they
would by chance: the rules live there.

Shapes: B pairs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llmlab.texts import number_bands, number_words

SOURCE, TARGET = 40, 40  # tokens; the longest texts need 33 and 34
BRITISH_SHARE = 0.25  # of the training pairs have `and` in their English
ROUND_SHARE = 0.25  # of the numbers have each digit turned to 0 with chance 1/2


def draw(dice: np.random.Generator, count: int) -> list[int]:
    """Draw numbers that may be learnt from: of up to 1, 2, ... 6 digits as often."""
    drawn: list[int] = []
    while len(drawn) < count:
        digits = dice.integers(10, size=(2 * count, 6))
        lengths = dice.integers(1, 7, size=(2 * count, 1))
        digits *= np.arange(6) < lengths  # the ones come first
        rounded = dice.random((2 * count, 1)) < ROUND_SHARE
        digits *= 1 - (rounded & (dice.random(digits.shape) < 0.5))
        values = (digits @ 10 ** np.arange(6)).tolist()
        drawn += [number for number in values if not number_bands.is_held_out(number)]
    return drawn[:count]


def batches(tokenizer: Any, *, rows: int, seed: int = 1) -> Callable[[int], Tensor]:
    """Return the batch of each step, `rows` pairs (B, SOURCE + TARGET) as `packed`.

    tokenizer: that of `translator`. Raises ValueError for rows below 1.
    """
    if rows < 1:
        raise ValueError(f"rows={rows} holds no pair; choose at least 1.")

    def batch(step: int) -> Tensor:
        dice = np.random.default_rng((seed, step))
        chosen = draw(dice, rows)
        british = dice.random(rows) < BRITISH_SHARE
        pairs = [
            (
                number_words.english(number, conjunction=bool(also)),
                number_words.french(number),
            )
            for number, also in zip(chosen, british, strict=True)
        ]
        return packed(tokenizer, pairs)

    return batch


def packed(tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> Tensor:
    """Return the tokens of pairs (B, SOURCE + TARGET), each part padded at its end."""
    sides = zip(zip(*pairs, strict=True), (SOURCE, TARGET), strict=True)
    parts = [
        tokenizer(list(side), padding="max_length", max_length=width)["input_ids"]
        for side, width in sides
    ]
    return torch.cat([torch.tensor(part) for part in parts], dim=1)
