"""From numbers to batches of tokens: the words that `translator` learns from.

The tokenizer is a byte-level BPE (Sennrich et al. 2016): bytes, and parts of number
words of both languages, so every text can be written in it. Whole words would leave
nothing to spell, and bytes would make answers three times as long. Capitals are read as
small letters. Token 0 pads and starts an answer, token 1 ends every text.

Pairs are made as they are needed, a batch is a function of its number alone, and no
held-out number comes in one. Short and round numbers come far more often than they
would by chance: the rules live there.

Shapes: B pairs.
"""

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import Tensor

from llmlab.core import bands, numbers, writing

PAD, END = "<pad>", "</s>"
PAD_ID, END_ID = 0, 1
VOCABULARY = 320
SEED = 1
LEARNT_FROM = 20_000  # numbers, by the tokenizer
BATCH = 128  # pairs a step
SOURCE, TARGET = 40, 40  # tokens; the longest texts need 33 and 34
BRITISH_SHARE = 0.25  # of the training pairs have `and` in their English
ROUND_SHARE = 0.25  # of the numbers have each digit turned to 0 with chance 1/2


def made():
    """Learn the tokenizer anew, and return it as transformers reads it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, END_ID)]
    )
    return _wrapped(tokenizer)


def prepare(folder: Path):
    """Return the tokenizer that stands in `folder`, learnt and written if none does."""
    path = folder / "tokenizer.json"
    if path.exists():
        return _wrapped(Tokenizer.from_file(str(path)))
    tokenizer = made()
    writing.write(path, tokenizer.backend_tokenizer.to_str(pretty=True))
    return tokenizer


def draw(dice: np.random.Generator, count: int) -> list[int]:
    """Draw numbers that may be learnt from: of up to 1, 2, ... 6 digits as often."""
    drawn: list[int] = []
    while len(drawn) < count:
        digits = dice.integers(10, size=(2 * count, 6))
        lengths = dice.integers(1, 7, size=(2 * count, 1))
        digits *= np.arange(6) < lengths  # the ones come first
        rounded = dice.random((2 * count, 1)) < ROUND_SHARE
        digits *= 1 - (rounded & (dice.random(digits.shape) < 0.5))
        found = (digits @ 10 ** np.arange(6)).tolist()
        drawn += [number for number in found if not bands.is_held_out(number)]
    return drawn[:count]


def batches(tokenizer) -> Callable[[int], Tensor]:
    """Return the batch of each step: rows of SOURCE tokens, then TARGET tokens."""

    def batch(step: int) -> Tensor:
        dice = np.random.default_rng((SEED, step))
        chosen = draw(dice, BATCH)
        british = dice.random(BATCH) < BRITISH_SHARE
        pairs = [
            (numbers.english(number, conjunction=bool(also)), numbers.french(number))
            for number, also in zip(chosen, british, strict=True)
        ]
        return packed(tokenizer, pairs)

    return batch


def packed(tokenizer, pairs: list[tuple[str, str]]) -> Tensor:
    """Return the tokens of pairs (B, SOURCE + TARGET), each part padded at its end."""
    sides = zip(zip(*pairs, strict=True), (SOURCE, TARGET), strict=True)
    parts = [
        tokenizer(list(side), padding="max_length", max_length=width)["input_ids"]
        for side, width in sides
    ]
    return torch.cat([torch.tensor(part) for part in parts], dim=1)


def _texts():
    """Yield numbers in both languages, among them every one below a hundred."""
    dice = random.Random(SEED)
    drawn = (dice.randrange(bands.LIMIT) for _ in itertools.count())
    allowed = (number for number in drawn if not bands.is_held_out(number))
    chosen = itertools.chain(range(100), itertools.islice(allowed, LEARNT_FROM))
    for number in chosen:
        yield numbers.english(number)
        yield numbers.french(number)


def _wrapped(tokenizer: Tokenizer):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        model_max_length=512,  # a mere warning: places are relative, in T5
        model_input_names=["input_ids", "attention_mask"],  # T5 knows no others
        clean_up_tokenization_spaces=False,
    )
