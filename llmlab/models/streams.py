"""Text as a stream of tokens, cut into windows, in an order that a seed decides.

Texts stand one behind the other, each ended by the tokenizer's end token where it has
one. A batch is a function of its place alone, and each window comes once an epoch: a
training that starts again sees what it would have seen. Tokens are read from a file as
they are needed. `library` is such a stream for any model with a tokenizer: encoded
once, then kept.

Shapes: B sequences, T tokens.
"""

import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from llmlab.core import atomic, machine, progress
from llmlab.texts import corpus

WINDOW = 1024  # tokens
TOGETHER = 64  # texts handed to a tokenizer at once
DIGEST = 32  # bytes of SHA-256 before the tokens of a kept file


@dataclass(frozen=True)
class Stream:
    """Batches (B, T + 1) drawn from a stream of tokens, each window once an epoch."""

    tokens: np.ndarray  # (tokens,) uint16 or uint32
    seed: int
    window: int = WINDOW

    @classmethod
    def open(cls, path: Path, *, seed: int, window: int = WINDOW) -> "Stream":
        """Read a file of 16-bit integers as it is needed."""
        return cls(np.memmap(path, dtype=np.uint16, mode="r"), seed, window)

    @property
    def size(self) -> int:
        return len(self.tokens)

    @property
    def windows(self) -> int:
        return (len(self.tokens) - 1) // self.window

    def batch(self, first_token: int, *, rows: int, length: int) -> Tensor:
        """Return rows x (length + 1) tokens from place `first_token` of the training.

        rows * length and first_token are multiples of the window, and length divides
        it, so that phases of different lengths share one order of windows.
        """
        parts = self.window // length
        first = first_token // self.window
        starts = [
            self._place(number) * self.window + part * length
            for number in range(first, first + rows // parts)
            for part in range(parts)
        ]
        chunks = [self.tokens[s : s + length + 1].astype(np.int64) for s in starts]
        return torch.from_numpy(np.stack(chunks))

    def _place(self, number: int) -> int:
        epoch, place = divmod(number, self.windows)
        return int(_order(self.windows, self.seed + epoch)[place])


@functools.lru_cache(maxsize=4)
def _order(windows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(windows)


def encode(tokenizer: Any, texts: Iterable[str]) -> Iterator[np.ndarray]:
    """Yield the tokens of texts, of a few at a time, each with the end token behind.

    tokenizer: transformers' own. The integers are of 16 bits where its vocabulary
    allows it, or else of 32; ValueError for one that is larger still.
    """
    kind = _integers(tokenizer)
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    waiting = iter(texts)
    while some := list(itertools.islice(waiting, TOGETHER)):
        rows = tokenizer(some, add_special_tokens=False, verbose=False)["input_ids"]
        yield np.array([token for row in rows for token in (*row, *end)], dtype=kind)


def _integers(tokenizer: Any) -> type[np.unsignedinteger]:
    for kind in (np.uint16, np.uint32):
        if len(tokenizer) <= np.iinfo(kind).max + 1:
            return kind
    raise ValueError(
        f"the vocabulary of this tokenizer, {len(tokenizer):,}, is beyond integers of "
        "32 bits, in which tokens are kept; choose a model with a smaller one."
    )


def library(
    model: nn.Module, *, rows: int, length: int, seed: int = 0
) -> Callable[[int], Tensor]:
    """Return the batch (rows, length + 1) of each step, from the standard library.

    Of its training files that say no other terms (`texts.corpus`), in the model's own
    tokens, in windows of `length`. They are encoded once, which takes some seconds, and
    kept in the cache folder. Raises ValueError for a model without a tokenizer, for
    rows, length or a seed out of range, and where the texts hold too few tokens.
    """
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None:
        raise ValueError(
            f"model {getattr(model, 'name', '')!r} has no tokenizer to read texts "
            "with; set model.tokenizer, or hand the training batches of your own."
        )
    context = getattr(model, "context", length)
    if rows < 1 or not 1 <= length <= context or seed < 0:
        raise ValueError(
            f"rows={rows}, length={length}, seed={seed}: choose at least 1 row, 1 to "
            f"{context} tokens, and a seed from 0."
        )
    stream = Stream(_kept(tokenizer), seed, window=length)
    if stream.windows < rows:
        raise ValueError(
            f"rows={rows}, length={length}: the standard library's training files hold "
            f"{stream.size:,} tokens here; ask for fewer or shorter rows."
        )
    return lambda step: stream.batch(step * rows * length, rows=rows, length=length)


def _kept(tokenizer: Any) -> np.ndarray:
    """Return the library's tokens from their file, made if it is missing or damaged."""
    kind, listed = _integers(tokenizer), corpus.library()
    name = f"{_version(tokenizer)}-{_listing(listed)}.{np.dtype(kind).name}"
    path = machine.cache_folder() / "tokens" / name
    stream = _read(path, kind)
    if stream is None:
        chosen = [f for f in corpus.usable(listed) if f.split == "training"]
        every = (file.read() for file in progress.track(chosen, "encoding"))
        parts = [np.empty(0, kind), *encode(tokenizer, every)]
        data = np.concatenate(parts).tobytes()
        atomic.write(path, hashlib.sha256(data).digest() + data)
        stream = _read(path, kind)
    return np.empty(0, kind) if stream is None else stream


def _read(path: Path, kind: type[np.unsignedinteger]) -> np.ndarray | None:
    """Return the tokens of a kept file, None unless they are what was written."""
    try:
        tokens = np.memmap(path, dtype=kind, mode="r", offset=DIGEST)
        with open(path, "rb") as file:
            whole = file.read(DIGEST) == hashlib.sha256(tokens.data).digest()
    except (OSError, ValueError):  # none there, or half of one
        return None
    return tokens if whole else None


def _version(tokenizer: Any) -> str:
    """Return a name for what this tokenizer makes of texts."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        content: Any = [type(tokenizer).__name__, tokenizer.get_vocab()]
    else:  # as it was when it was loaded, whatever it was last asked to cut or fill up
        content = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    text = json.dumps([content, tokenizer.eos_token_id], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _listing(listed: Iterable[corpus.TextFile]) -> str:
    """Return a name for these files and for the rules by which some are left out."""
    parts = [file.sha256 for file in listed] + [Path(corpus.__file__).read_text()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
