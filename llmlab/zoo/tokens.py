"""From files to a file of tokens: the tokenizer of `coder`, and all text in its words.

The tokenizer is a byte-level BPE (Sennrich et al. 2016), so every text can be written
in it. Files stand one behind the other, each ended by `<|end|>`, as `models.streams`
reads them.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from llmlab.core import atomic, progress
from llmlab.models import streams
from llmlab.zoo import shapes

END = "<|end|>"


def train_tokenizer(texts: Iterable[str], *, vocabulary: int) -> Tokenizer:
    """Learn a byte-level BPE of `vocabulary` tokens; token 0 is `<|end|>`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode_files(tokenizer: Tokenizer, files: list, path: Path) -> None:
    """Write the tokens of all files, each ended by `<|end|>`, as 16-bit integers."""
    read = (file.read() for file in progress.track(files, "encoding"))
    with atomic.replacing(path) as beside, open(beside, "wb") as out:
        for part in streams.encode(wrap(tokenizer), read):
            part.astype(np.uint16).tofile(out)


def words(path: Path) -> dict:
    """Return the tokens and merges of a tokenizer's file."""
    return json.loads(path.read_text())["model"]


def wrap(tokenizer: Tokenizer):
    """Return the tokenizer as transformers reads it, with `<|end|>` as its end."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        model_max_length=shapes.CONTEXT,
        clean_up_tokenization_spaces=False,
    )
