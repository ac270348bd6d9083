"""From files to a stream of tokens: the tokenizer, and batches that need no memory.

The tokenizer is a byte-level BPE (Sennrich et al. 2016), so every text can be written
in it. Files stand one behind the other, each ended by `<|end|>`. A batch is a function
of its number alone: a training that starts again at step n sees what it would have
seen.

Shapes: B sequences, T tokens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from llmlab.core import progress, writing

END = "<|end|>"
WINDOW = 1024  # tokens; shorter sequences are equal parts of a window


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
    end = tokenizer.token_to_id(END)
    with writing.replacing(path) as beside, open(beside, "wb") as out:
        for start in progress.track(range(0, len(files), 256), "encoding"):
            texts = [file.read() for file in files[start : start + 256]]
            for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
                np.array([*encoding.ids, end], dtype=np.uint16).tofile(out)


def wrap(tokenizer: Tokenizer):
    """Return the tokenizer as transformers reads it, with `<|end|>` as its end."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        model_max_length=WINDOW,
        clean_up_tokenization_spaces=False,
    )


@dataclass(frozen=True)
class Stream:
    """Batches (B, T + 1) drawn from a stream of tokens, each window once an epoch."""

    tokens: np.ndarray  # (tokens,) uint16
    seed: int

    @classmethod
    def open(cls, path: Path, *, seed: int) -> "Stream":
        return cls(np.memmap(path, dtype=np.uint16, mode="r"), seed)

    @property
    def size(self) -> int:
        return len(self.tokens)

    @property
    def windows(self) -> int:
        return (len(self.tokens) - 1) // WINDOW

    def batch(self, first_token: int, *, rows: int, length: int) -> Tensor:
        """Return rows x (length + 1) tokens from place `first_token` of the training.

        rows * length and first_token are multiples of WINDOW, and length divides it,
        so that phases of different lengths share one order of windows.
        """
        parts = WINDOW // length
        first = first_token // WINDOW
        numbers = range(first, first + rows // parts)
        starts = [
            self._window(n) * WINDOW + part * length
            for n in numbers
            for part in range(parts)
        ]
        chunks = [self.tokens[s : s + length + 1].astype(np.int64) for s in starts]
        return torch.from_numpy(np.stack(chunks))

    def _window(self, number: int) -> int:
        epoch, place = divmod(number, self.windows)
        return int(_order(self.windows, self.seed + epoch)[place])


_orders: dict[tuple[int, int], np.ndarray] = {}


def _order(windows: int, seed: int) -> np.ndarray:
    key = windows, seed
    if key not in _orders:
        _orders.clear()  # one epoch at a time
        _orders[key] = np.random.default_rng(seed).permutation(windows)
    return _orders[key]
