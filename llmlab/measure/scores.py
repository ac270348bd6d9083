"""Scores: what a model makes of a text, token by token, each scored exactly once.

A text longer than the context is cut into windows that overlap, so that a token is
scored with at least half a context before it, apart from the beginning of a text. The
first token follows the tokenizer's start (or end-of-text) token; where there is none,
it is charged what a guess among the whole vocabulary costs.

Shapes: B windows, T tokens, V vocabulary.
"""

import bisect
import dataclasses
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from tokenizers import decoders
from torch import Tensor
from torch.nn import functional

from llmlab.core import arguments, progress, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.measure import labels

STRETCH = 512  # characters that the bootstrap draws as one, at most
STRETCHES = 20  # of a short text, at least, as far as it has characters
ENOUGH = 10  # texts, to draw whole ones
LOGITS = 2**22  # numbers in a batch of logits, at most: 16 MB, and a few times so

Texts = str | Sequence[str] | Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Scores:
    """One entry per token, per part of the texts its bytes, and whose they are."""

    bits: numpy.ndarray  # that the token cost: -log2 of its probability
    hits: numpy.ndarray  # whether it had the highest logit
    choices: numpy.ndarray  # the token that had; -1 for a first one without a start
    tokens: numpy.ndarray  # the token itself
    seen: numpy.ndarray  # tokens of context that it was scored with
    part: numpy.ndarray  # the part of the texts that it begins in
    bytes: numpy.ndarray  # of every part, in UTF-8
    text: numpy.ndarray  # of every part, the text that it belongs to
    unit: str  # what a part is: "text", "stretch"
    subject: str  # the model, such as "coder fp32"
    weights: str | None  # their version
    digest: str  # SHA-256 of the texts that were scored
    lost: str = ""  # why its bits say less than the text; "" where they say all of it

    def sums(self, *values: numpy.ndarray) -> numpy.ndarray:
        """Add values per token up by part: (parts, values)."""
        count = len(self.bytes)
        sums = [numpy.bincount(self.part, value, minlength=count) for value in values]
        return numpy.stack(sums, axis=1)

    def by_text(self) -> "Scores":
        """Return the same scores, with whole texts as their parts."""
        return dataclasses.replace(
            self,
            part=self.text[self.part],
            bytes=numpy.bincount(self.text, self.bytes).astype(int),
            text=numpy.unique(self.text),
            unit="text",
        )


def score(
    model: LanguageModel, text: Texts, *, stride: int | None = None, context: int = 0
) -> Scores:
    """Score every token of one text, of a list of texts, or of a mapping to texts.

    stride: tokens from one window to the next, by default half the context. context:
    a shorter one than the model's. Intervals are drawn over whole texts if there are
    ten or more, or the tokenizer does not say where a token begins, else over
    stretches of up to 512 characters.
    Raises ValueError for no text, a model without a tokenizer, a stride that skips
    tokens, tokens beyond the model's embedding, logits that are not numbers.
    """
    wanted.causal("model", model)
    texts = texts_of(text)
    context = min(model.context, arguments.whole("context", context) or model.context)
    stride = max(1, context // 2) if stride is None else stride
    way = "so that every token is scored choose one up to the context"
    stride = arguments.whole("stride", stride, least=1, most=context, way=way)
    pieces: list[tuple[numpy.ndarray, ...]] = []
    bytes_of_parts: list[int] = []
    text_of_parts: list[int] = []
    tokenizer = wanted.tokenizer("model", model)
    whole = len(texts) >= ENOUGH or not tokenizer.is_fast  # which knows no offsets
    stretch = max(1, min(STRETCH, sum(map(len, texts)) // STRETCHES))
    lost = ""
    for number, document in enumerate(
        progress.track(texts, f"scoring {labels.name(model)}")
    ):
        ids, starts = _encode(model, document)
        lost = lost or _lost(tokenizer, document, ids)
        cuts = [0] if whole else range(0, len(document), stretch)
        places = [bisect.bisect_right(cuts, start) - 1 for start in starts]
        parts = numpy.array(places, dtype=int) + len(bytes_of_parts)
        pieces.append((*_score_ids(model, ids, stride, context), parts))
        ends = [*cuts[1:], len(document)]
        text_of_parts += [number] * len(cuts)
        bytes_of_parts += [
            len(document[a:b].encode()) for a, b in zip(cuts, ends, strict=True)
        ]
    bits, hits, choices, tokens, seen, part = (
        numpy.concatenate(column) for column in zip(*pieces, strict=True)
    )
    return Scores(
        bits,
        hits,
        choices,
        tokens,
        seen,
        part,
        bytes=numpy.array(bytes_of_parts),
        text=numpy.array(text_of_parts),
        unit="text" if whole else "stretch",
        subject=labels.label(model),
        weights=getattr(model, "weights_version", None),
        digest=digest_of(texts),
        lost=lost,
    )


def texts_of(text: Texts) -> list[str]:
    """Return the texts without empty ones; ValueError where nothing is left."""
    if isinstance(text, bytes):
        raise ValueError(f"text={shown(text)} is bytes; decode them: text.decode().")
    texts = arguments.texts("text", [text] if isinstance(text, str) else text)
    texts = [text for text in texts if text]
    if not texts:
        raise ValueError("text is empty; give at least one character to score.")
    return texts


def digest_of(texts: Sequence[str]) -> str:
    """Return a name for exactly these texts, in this order: their SHA-256."""
    digest = hashlib.sha256()
    for text in arguments.texts("texts", texts):
        content = text.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _encode(model: LanguageModel, text: str) -> tuple[list[int], list[int]]:
    """Return the token ids, and the character that each begins at.

    A tokenizer written in Python knows no offsets; all its tokens begin at the first.
    """
    fast = model.tokenizer.is_fast
    encoded = model.tokenizer(
        text, add_special_tokens=False, return_offsets_mapping=fast, verbose=False
    )
    ids = list(encoded["input_ids"])
    if not ids:
        raise ValueError(
            f"text {shown(text)} has no token for this tokenizer; leave it out."
        )
    wanted.tokens("text", ids, model.vocabulary)
    if not fast:
        return ids, [0] * len(ids)
    return ids, [start for start, _ in encoded["offset_mapping"]]


def _lost(tokenizer: Any, text: str, ids: list[int]) -> str:
    """Say where a text does not come back from its tokens; "" where it does.

    It may come back by the tokenizer's own decoder or, where it has none, as its pieces
    say it. A blank at the very beginning, which many tokenizers add or take, does not
    count.
    """
    pieces = tokenizer.convert_ids_to_tokens(ids)
    back = tokenizer.decode(
        ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    joined = "".join(map(str, pieces))
    readings = (back, joined, decoders.ByteLevel().decode([joined]))
    if text.removeprefix(" ") in [reading.removeprefix(" ") for reading in readings]:
        return ""
    pairs = enumerate(zip(back, text, strict=False))
    shorter = min(len(back), len(text))
    place = next((at for at, (a, b) in pairs if a != b), shorter)
    return (
        f"the tokenizer loses a part of this text: {shown(text[place : place + 20])} "
        f"comes back as {shown(back[place : place + 20])}"
    )


def _score_ids(
    model: LanguageModel, ids: list[int], stride: int, context: int
) -> tuple[numpy.ndarray, ...]:
    """Return bits, hits, choices, tokens and context of every token."""
    start = model.tokenizer.bos_token_id
    start = model.tokenizer.eos_token_id if start is None else start
    chain = torch.tensor(ids if start is None else [start, *ids])
    pieces: list[tuple[Any, ...]] = []  # of tensors, or of lists
    if start is None:
        guess = math.log2(model.vocabulary)
        pieces.append(([guess], [False], [-1], ids[:1], [0]))
    for windows, fresh in _batches(len(chain) - 1, stride, context, model.vocabulary):
        inputs = torch.stack([chain[a:b] for a, b in windows])  # (B, T)
        targets = torch.stack([chain[a + 1 : b + 1] for a, b in windows])
        bits, choices = _run(model, inputs, targets)
        for row, first in enumerate(fresh):
            token, choice = targets[row, first:], choices[row, first:]
            seen = torch.arange(first + 1, inputs.shape[1] + 1)
            pieces.append((bits[row, first:], choice == token, choice, token, seen))
    return tuple(
        numpy.concatenate([numpy.asarray(piece) for piece in column])
        for column in zip(*pieces, strict=True)
    )


def _batches(
    count: int, stride: int, context: int, vocabulary: int
) -> Iterator[tuple[list[tuple[int, int]], list[int]]]:
    """Yield windows (from, to) over `count` targets, with where each becomes fresh.

    The last window reaches back to a full context; all of a text are of equal length.
    """
    rows = max(1, LOGITS // (context * vocabulary))
    last = max(0, count - context)
    begins = [*range(0, last, stride), last] if count else []
    windows = [(begin, min(begin + context, count)) for begin in begins]
    done = [0, *(end for _, end in windows)]
    fresh = [old - begin for old, (begin, _) in zip(done, windows, strict=False)]
    for first in range(0, len(windows), rows):
        yield windows[first : first + rows], fresh[first : first + rows]


@torch.inference_mode()
def _run(model: LanguageModel, inputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """Return the bits of each target and the best token at each place, both (B, T)."""
    device = labels.device(model)
    logits = model.forward(inputs.to(device)).float()  # (B, T, V)
    nats = functional.cross_entropy(
        logits.flatten(0, 1), targets.to(device).flatten(), reduction="none"
    )
    if not nats.isfinite().all():
        raise ValueError(
            f"model {model.name!r} gives logits that are not numbers; its weights are "
            "damaged, or too large for their format."
        )
    bits = nats.double().view_as(targets) / math.log(2)
    return bits.cpu(), logits.argmax(-1).cpu()
