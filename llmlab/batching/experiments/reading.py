"""Padded prompts in transformers: the learner's tokens, mask and positions, or less.

The checkpoint is read by its own class of transformers, which wants padding on the
left. Each batch is compared with every prompt alone, by the same class.

Shapes: B prompts, T tokens, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.batching import padding
from llmlab.batching.experiments import workloads
from llmlab.batching.experiments.workloads import Answers, Model
from llmlab.batching.quantities import AS_ALONE
from llmlab.caching.experiments import scoring
from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.models import files, from_config

OWN, NO_MASK = "as you pad", "without the mask"
NO_POSITIONS, RIGHT = "without the positions", "padded on the right"
LENGTHS, NEW = (61, 40, 16, 3), 24

PadLeft = Callable[[list[list[int]], int], tuple[Tensor, Tensor, Tensor]]
Batch = tuple[Tensor, Tensor, Tensor]  # tokens, mask, positions, (B, T) each


@dataclass(frozen=True)
class Padded:
    """Shares of tokens that are those of each prompt alone, by what was handed in."""

    facts: tuple[Record, ...]

    def same(self, name: str = OWN) -> Record:
        """Return the share of equal tokens; ValueError names what was tried."""
        shares = {fact.subject: fact for fact in self.facts}
        if name not in shares:
            raise ValueError(f"{name!r} was not tried; choose of {', '.join(shares)}.")
        return shares[name]

    @property
    def said(self) -> str:
        """Say whether the learner's batch wrote what each prompt gets alone."""
        share = self.same().value
        tokens = "all tokens" if share == 1 else f"only {share:.0%} of the tokens"
        return (
            f"{len(LENGTHS)} prompts padded on the left: {tokens} are those of each "
            "prompt alone."
        )

    def records(self) -> list[Record]:
        """Return the share of equal tokens for each way to pad."""
        return list(self.facts)


def padded(model: Model, pad_left: PadLeft, *, new: int = NEW) -> Padded:
    """Let transformers write on from a padded batch, and from each prompt alone.

    pad_left: (prompts, pad) -> (tokens, mask, positions). new: tokens of each answer.
    Besides, the same without mask, without positions, and with padding on the right.
    ValueError says where the function's tensors have another form.
    """
    from transformers import AutoModelForCausalLM

    folder = files.find(model.name)
    with from_config.no_bars():
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    theirs.eval()
    ids = scoring.some_texts(model, count=len(LENGTHS), length=max(LENGTHS)).tolist()
    prompts = [row[:length] for row, length in zip(ids, LENGTHS, strict=True)]
    right = [_written(theirs, _even([prompt]), new)[0] for prompt in prompts]
    tokens, mask, positions = _checked(pad_left([list(p) for p in prompts], 0), prompts)
    counted = torch.arange(tokens.shape[1]).expand_as(tokens)
    ways = {
        OWN: (tokens, mask, positions),
        NO_MASK: (tokens, torch.ones_like(mask), positions),
        NO_POSITIONS: (tokens, mask, counted),
        RIGHT: _on_the_right(prompts),
    }
    facts = []
    for name, batch in ways.items():
        share = _share(_written(theirs, batch, new), right)
        details = {"requests": len(prompts)}
        facts.append(records.measured(AS_ALONE, share, subject=name, details=details))
    return Padded(tuple(facts))


def _even(prompts: Sequence[Sequence[int]]) -> Batch:
    tokens = torch.tensor(prompts)
    return tokens, torch.ones_like(tokens), torch.arange(tokens.shape[1])[None]


def _on_the_right(prompts: Sequence[Sequence[int]]) -> Batch:
    tokens, lengths = padding.right(prompts)
    places = torch.arange(tokens.shape[1]).expand_as(tokens)
    return tokens, (places < torch.tensor(lengths)[:, None]).long(), places


@torch.inference_mode()
def _written(theirs: Any, batch: Batch, new: int) -> Answers:
    """Return the greedy tokens, each chosen behind the last column."""
    tokens, mask, positions = batch
    positions, cache, columns = positions.expand_as(tokens), None, []
    for _ in range(new):
        output = theirs(
            input_ids=tokens, attention_mask=mask, position_ids=positions,
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        cache = output.past_key_values
        tokens = output.logits[:, -1].argmax(-1, keepdim=True)  # (B, 1)
        mask = torch.cat([mask, torch.ones_like(tokens)], 1)
        positions = positions[:, -1:] + 1
        columns.append(tokens)
    return torch.cat(columns, 1).tolist()


def _share(answers: Answers, right: Answers) -> float:
    same = sum(
        workloads.first_difference(answer, own)
        for answer, own in zip(answers, right, strict=True)
    )
    return same / sum(map(len, right))


def _checked(answer: Any, prompts: Sequence[Sequence[int]]) -> Batch:
    """Return the learner's tensors; a sentence where transformers could not take them.

    Whether the values are right, the tokens show.
    """
    size = len(prompts), max(map(len, prompts))
    try:
        tokens, mask, positions = (torch.as_tensor(each).long() for each in answer)
    except (TypeError, ValueError):
        raise ValueError(
            f"pad_left gave {arguments.shown(answer)}; return (tokens, mask, "
            "positions)."
        ) from None
    for name, each in (("tokens", tokens), ("mask", mask), ("positions", positions)):
        if tuple(each.shape) != size:
            raise ValueError(
                f"pad_left gave {name} of shape {tuple(each.shape)}; {size[0]} prompts "
                f"of up to {size[1]} tokens make {size}."
            )
    return tokens, mask, positions
