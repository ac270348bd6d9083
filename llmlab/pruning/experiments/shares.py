"""How quality falls with sparsity, and what is compared with what.

The mask of a layer is a function handed in, such as the learner's. Beside it stand as
many zeros at random, and one count for the whole model, in which layers compete.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from llmlab.core import arguments, progress
from llmlab.core.records import Record
from llmlab.pruning import masks, targets, unstructured
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.scoring import Dense

SPARSITIES = (0.3, 0.5, 0.7)
LAYER, CHANCE, WHOLE = "each layer", "at random", "whole model"

Mask = Callable[[Tensor, float], Tensor]  # weight (O, I), sparsity -> mask (O, I)


@dataclass(frozen=True)
class BySparsity:
    """What is lost by sparsity, by what goes: the smallest of a layer, any, of all."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return the bits per byte added, by sparsity; subjects are the ways."""
        return list(self.facts)

    def lost(self, subject: str, sparsity: float) -> Record:
        """Return the share of bits per byte that is added; ValueError for others."""
        return scoring.find(self.facts, subject, sparsity=sparsity)


def by_sparsity(
    dense: Dense, magnitude_mask: Mask, *, sparsities: Sequence[float] = SPARSITIES
) -> BySparsity:
    """Prune all linear layers but the head at each sparsity, and score the model.

    dense: what `dense` gives. magnitude_mask: (weight (O, I), sparsity) -> mask of
    torch.bool, True where a weight stays. Raises ValueError for a mask that is none.
    """
    model, facts = scoring.checked(dense).model, []
    way = "magnitude_mask(weight, sparsity) gives true where a weight stays"
    arguments.function("magnitude_mask", magnitude_mask, way=way)
    for share in progress.track(targets.listed(sparsities), "pruning by magnitude"):
        dice = torch.Generator().manual_seed(0)
        ways = {
            LAYER: partial(unstructured.prune, mask=magnitude_mask),
            CHANCE: partial(unstructured.prune, mask=partial(_by_chance, dice)),
            WHOLE: partial(unstructured.prune, scope="model"),
        }
        for name, prune in ways.items():
            pruned = prune(model, sparsity=share)
            facts.append(dense.lost(pruned, subject=name, details={"sparsity": share}))
            del pruned  # before the next one is made
    return BySparsity(tuple(facts))


def _by_chance(dice: torch.Generator, weight: Tensor, sparsity: float) -> Tensor:
    return masks.whole(torch.rand(weight.shape, generator=dice), sparsity)
