"""A teacher that runs once: its likeliest tokens are kept, for any number of students.

A teacher's pass costs more than a student's step. If several students learn from the
same batches, it need be paid once: of each token's distribution the k likeliest tokens
stay, with the rest as one lump. That is a few hundred bytes a token in place of V
numbers, and exact but for how the rest is spread.

Shapes: B sequences, T tokens, V vocabulary; k tokens kept.
Source: offline distillation as in DistilBERT's and Gemma's reports, 2019 and 2024.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, progress
from llmlab.distillation import asking, losses, pairing
from llmlab.distillation.losses import Kept
from llmlab.models import precision
from llmlab.models.precision import Autocast

CHUNK = 16  # steps that share a block of memory
Keep = Callable[[Tensor, int], Any]  # (logits (tokens, V), k): as `losses.keep`


@dataclass(frozen=True)
class KeptLogits:
    """What a teacher said in each step of a training: `kept[step]`, one `Kept` each."""

    steps: tuple[Kept, ...]  # indices in as few bytes as they need
    batches: tuple[str, ...]  # a fingerprint of each step's tokens
    vocabulary: int
    k: int

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, step: int) -> Kept:
        kept = self.steps[step]
        return kept._replace(indices=kept.indices.long())

    def __iter__(self) -> Iterator[Kept]:
        return (self[step] for step in range(len(self)))

    @property
    def bytes(self) -> int:
        """Memory that the kept numbers take, in bytes."""
        return sum(tensor.nbytes for kept in self.steps for tensor in kept)

    @property
    def tokens(self) -> int:
        """Over how many tokens the teacher was asked."""
        return sum(kept.rest.numel() for kept in self.steps)

    def of(self, step: int, tokens: Tensor) -> Kept:
        """Return what was kept of a step; ValueError if its batch was another one."""
        if not 0 <= step < len(self) or self.batches[step] != fingerprint(tokens):
            raise ValueError(
                f"kept holds {len(self)} steps, and step {step} of this training reads "
                "other tokens than the teacher did; hand the same batch to keep_logits "
                "and to train, and as many steps."
            )
        return self[step]


def keep_logits(
    teacher: nn.Module,
    batch: Callable[[int], Tensor],
    steps: int,
    *,
    k: int = 32,
    keep: Keep = losses.keep,
    ask: asking.Ask = asking.next_tokens,
    autocast: Autocast = "fastest",
) -> KeptLogits:
    """Run a teacher over the batches of a training and keep its k likeliest tokens.

    batch: the tokens of a step by its number. keep: what stays of logits (tokens, V),
    one of your own. ask, autocast: as in `train`. The teacher stays as it is. Raises
    ValueError for a k beyond the vocabulary, steps below 1, and what `keep` gives if it
    does not fit.
    """
    arguments.function("batch", batch, way="batch(step) gives the tokens of a step")
    arguments.function("keep", keep, way="keep(logits, k) gives what stays of them")
    arguments.function("ask", ask, way="ask(model, batch) gives logits and labels")
    arguments.whole("steps", steps, least=1)
    arguments.whole("k", k, least=1)
    frozen = pairing.frozen(teacher)
    dtype = precision.chosen(autocast, frozen)
    made: list[Kept] = []
    seen, vocabulary, blocks = [], 0, _Blocks(steps)
    with torch.no_grad():
        for step in progress.track(range(steps), "asking the teacher"):
            tokens = batch(step)
            pairing.check_tokens({"teacher": frozen}, tokens)
            logits = _logits(frozen, tokens, ask, dtype)
            vocabulary = logits.shape[-1]
            arguments.whole("k", k, least=1, most=vocabulary)
            small = _small(losses.checked_kept(keep(logits, k)), logits, k)
            made.append(blocks.put(small))
            seen.append(fingerprint(tokens))
    return KeptLogits(tuple(made), tuple(seen), vocabulary, k)


def fingerprint(tokens: Tensor) -> str:
    """Return a name for these very tokens."""
    content = tokens.detach().cpu().long().contiguous().numpy().tobytes()
    return hashlib.sha256(repr(tuple(tokens.shape)).encode() + content).hexdigest()


def _logits(
    teacher: nn.Module, tokens: Tensor, ask: asking.Ask, dtype: torch.dtype | None
) -> Tensor:
    here = pairing.device(teacher)
    with torch.autocast(here.type, dtype=dtype, enabled=dtype is not None):
        logits, _ = ask(teacher, tokens.to(here))
    return losses.wide(logits).flatten(0, -2)  # (tokens, V)


def _small(kept: Kept, logits: Tensor, k: int) -> Kept:
    """Return what was kept in as few bytes as it needs, off the accelerator."""
    rows, vocabulary = logits.shape
    if kept.indices.shape != (rows, k):
        raise ValueError(
            f"keep gave indices of {tuple(kept.indices.shape)} for {rows} tokens and "
            f"k={k}; it must give the k likeliest of each, ({rows}, {k})."
        )
    kind = torch.int16 if vocabulary <= torch.iinfo(torch.int16).max else torch.int32
    return Kept(
        kept.probabilities.detach().float().cpu(),
        kept.indices.to(kind).cpu(),
        kept.rest.detach().float().cpu(),
    )


class _Blocks:
    """Room for the small tensors of all steps, one block for those of one size.

    Tensors of their own would lie between the large ones that come and go with each
    step, and hold their memory: lab 06 took a third more of it from time to time.
    """

    def __init__(self, steps: int):
        self.left = steps  # that may still come, this one included
        self.free: dict[Any, list[Kept]] = {}

    def put(self, small: Kept) -> Kept:
        """Return a copy of what was kept of the next step, in its place."""
        key = tuple((one.shape, one.dtype) for one in small)
        places = self.free.setdefault(key, [])
        if not places:
            count = min(self.left, CHUNK)
            block = Kept(*(one.new_empty(count, *one.shape) for one in small))
            places += [Kept(*parts) for parts in zip(*block, strict=True)]
        self.left -= 1
        place = places.pop(0)
        return Kept(*(to.copy_(one) for to, one in zip(place, small, strict=True)))
