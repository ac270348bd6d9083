"""SparseGPT: set a weight to zero, and let the rest of its row make up for it.

It is GPTQ's column loop with zeros in the place of rounding. Which weights go is
decided by stretch of columns, when all that was passed on from the left has arrived:
those whose loss costs least, w² / d², where d is what the loop divides errors by.

Shapes: O output features, I input features.
Source: SparseGPT, Frantar & Alistarh, ICML 2023; after Optimal Brain Surgeon, 1993.
"""

from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import Tensor

from llmlab.core import progress
from llmlab.core.model import Model
from llmlab.models import calibration, column_loop, surgery
from llmlab.models.calibration import Batch
from llmlab.models.column_loop import objective
from llmlab.pruning import masks, targets
from llmlab.pruning.targets import Sparsities, Target

STRETCH = 128  # columns whose mask is chosen at once


def prune(
    model: Model,
    data: Iterable[Batch],
    *,
    sparsity: Sparsities | None = None,
    pattern: str | None = None,
    damping: float = 0.01,
    skip: Collection[str] | None = None,
) -> Model:
    """Return a new model whose remaining weights make up for those that went.

    data: see `calibration.collect`. Layers are done in the order of the model, so that
    each sees what those before it now give. damping: share of the mean that is added to
    the Gram matrix' diagonal. The other arguments and errors are those of
    `unstructured.prune`.
    """
    chosen = targets.layer_targets(model, sparsity, pattern, skip)
    work, weights = surgery.share(model), {}
    with progress.task("SparseGPT", len(chosen)) as step:
        for name, seen in calibration.by_stage(work, data, chosen):
            layer: Any = work.get_submodule(name)
            with surgery.naming(name):
                weights[name] = _solved(
                    surgery.weight_of(layer), seen.gram, chosen[name], damping
                )
            surgery.set_weight(layer, weights[name])
            step()
    return targets.with_weights(model, weights, targets.sparse_word(chosen, weights))


def solve(
    weight: Tensor,
    gram: Tensor,
    *,
    sparsity: float | None = None,
    pattern: str | None = None,
    damping: float = 0.01,
) -> Tensor:
    """Return a weight (O, I) with zeros, in float32, whose answers moved least.

    gram: (I, I), the sum of x xᵀ. A row in which the same zeros without making up for
    them would do better on these inputs keeps that. Errors are those of `masks`,
    and ValueError for a Gram matrix of another size.
    """
    if (sparsity is None) == (pattern is None):
        raise ValueError(
            f"sparsity={sparsity!r} and pattern={pattern!r}: hand in one of them."
        )
    if pattern is None:
        return _solved(weight, gram, Target(masks.checked_sparsity(sparsity)), damping)
    n, m = masks.read_pattern(pattern)
    return _solved(weight, gram, Target(1 - n / m, (n, m)), damping)


def _solved(weight: Tensor, gram: Tensor, target: Target, damping: float) -> Tensor:
    weight = masks.checked_score(weight).float()
    shape = tuple(getattr(gram, "shape", ()))
    if shape != (weight.shape[1],) * 2 or not torch.isfinite(gram).all():
        raise ValueError(
            f"gram is {shape} and the weight {tuple(weight.shape)}; hand "
            "in one finite row and column for each input: calibration.collect(...)."
        )
    choice = _Choice(weight, gram, target)
    factor = column_loop.inverse_factor(gram, damping=damping)
    solved = column_loop.pass_on(
        weight,
        factor,
        choice.change,
        stretch=STRETCH if target.pattern is None else target.pattern[1],
        begin=lambda start, now: choice.begin(start, now, factor),
    )
    plain = targets.without(weight, choice.mask)
    better = objective(weight, solved, gram) <= objective(weight, plain, gram)
    return torch.where(better[:, None], solved, plain)


class _Choice:
    """The mask of a weight, chosen by stretch while the loop runs."""

    def __init__(self, weight: Tensor, gram: Tensor, target: Target):
        self.mask = torch.ones_like(weight, dtype=torch.bool)
        self.unseen = gram.diagonal() == 0  # inputs that were zero on all tokens
        self.target = target
        if target.pattern is not None:
            masks.n_of_m(weight, n=target.pattern[0], m=target.pattern[1])  # fits?

    def begin(self, start: int, now: Tensor, factor: Tensor) -> None:
        """Choose what goes in the columns from `start` on, (O, C) as they now are."""
        end = start + now.shape[1]
        score = (now / factor.diagonal()[start:end]).square()
        score[:, self.unseen[start:end]] = 0
        self.mask[:, start:end] = self._of(score, start, end)

    def change(self, column: int, now: Tensor) -> Tensor:
        return targets.without(now, self.mask[:, column : column + 1])

    def _of(self, score: Tensor, start: int, end: int) -> Tensor:
        if self.target.pattern is not None:
            return self.target.by_row(score)
        # Counted from the left, so that the sum over stretches is exact.
        rows, share = len(score), self.target.sparsity
        count = round(rows * end * share) - round(rows * start * share)
        return masks.without_lowest(score, min(count, score.numel()))
