"""Half of the weights go, in six ways: three methods, anywhere or two of every four.

Two of the methods are functions handed in, such as the learner's; SparseGPT, which
moves the weights that stay, is the package's.

Shapes: O output features, I input features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.pruning import sparsegpt
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.masked import Model, masked, masks_of
from llmlab.pruning.experiments.scoring import Dense
from llmlab.pruning.experiments.shares import Mask
from llmlab.pruning.quantities import LEFT

HALF, PATTERN = 0.5, "2:4"
METHODS = ("magnitude", "wanda", "sparsegpt")

Wanda = Callable[[Tensor, Tensor, float], Tensor]  # with the norms of inputs (I,)
Pattern = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Ways:
    """What is lost by half of the weights, by method and pattern, and the models."""

    facts: tuple[Record, ...]
    models: Mapping[str, Any] = field(repr=False)

    def __getitem__(self, name: str) -> Any:
        """Return the model of a method without a pattern; ValueError for others."""
        if name not in self.models:
            raise ValueError(f"{name!r} is none of {list(self.models)}.")
        return self.models[name]

    def records(self) -> list[Record]:
        """Return the bits per byte added; subjects are methods."""
        return list(self.facts)

    def lost(self, name: str, pattern: str = "") -> Record:
        """Return the share of bits per byte that a method adds."""
        return scoring.find(self.facts, name, pattern=pattern)

    def left(self, name: str, *, of: str) -> Record:
        """Return the loss of one method as a share of another's, both anywhere."""
        share = self.lost(name).value / self.lost(of).value
        return records.measured(LEFT, share, subject=f"{name} over {of}")


def ways(dense: Dense, *, magnitude: Mask, wanda: Wanda, pattern: Pattern) -> Ways:
    """Prune half of all linear layers but the head in each way, and score the model.

    magnitude: (weight, sparsity) -> mask; wanda: (weight, input norms (I,), sparsity)
    -> mask; pattern: weight -> mask with two of every four. Wanda with a pattern hands
    its scores to `pattern`. ValueError: a mask that is none.
    """
    model, norms, data = dense.model, dense.norms, dense.prompts
    made = {
        ("magnitude", ""): lambda: _by(
            model, lambda _, weight: magnitude(weight, HALF), "magnitude", "50%"
        ),
        ("wanda", ""): lambda: _by(
            model, lambda name, weight: wanda(weight, norms[name], HALF), "wanda", "50%"
        ),
        ("sparsegpt", ""): lambda: sparsegpt.prune(model, data, sparsity=HALF),
        ("magnitude", PATTERN): lambda: _by(
            model, lambda _, weight: pattern(weight), "pattern", PATTERN
        ),
        ("wanda", PATTERN): lambda: _by(
            model,
            lambda name, weight: pattern(weight.abs() * norms[name]),
            "pattern",
            PATTERN,
        ),
        ("sparsegpt", PATTERN): lambda: sparsegpt.prune(model, data, pattern=PATTERN),
    }
    facts, models = [], {}
    for (method, word), prune in progress.track(list(made.items()), "pruning half"):
        pruned = prune()
        details = {"sparsity": HALF, "pattern": word}
        facts.append(dense.lost(pruned, subject=method, details=details))
        if not word:
            models[method] = pruned
        del pruned  # before the next one is made
    return Ways(tuple(facts), models)


def _by(model: Model, mask_of: Callable, name: str, word: str) -> Model:
    return masked(model, masks_of(model, mask_of, name=name), f"{word}-sparse")
