"""Wanda: a small weight may matter if what it is multiplied with is large.

The score of a weight is its size times the norm of its input over some real text, and
it is compared within its row: each output gives up the same share. No gradients, no
solving, one look at a few thousand tokens.

Shapes: O output features, I input features.
Source: Wanda, Sun et al., ICLR 2024.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from torch import Tensor

from llmlab.core import progress
from llmlab.core.model import Model
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch
from llmlab.pruning import masks, targets
from llmlab.pruning.targets import Sparsities

# (weight (O, I), norms of its inputs (I,), sparsity): true where kept.
Mask = Callable[[Tensor, Tensor, float], Tensor]


def prune(
    model: Model,
    data: Iterable[Batch],
    *,
    sparsity: Sparsities | None = None,
    pattern: str | None = None,
    mask: Mask | None = None,
    skip: Collection[str] | None = None,
) -> Model:
    """Return a new model without the weights that do least on batches of text.

    data: see `calibration.collect`. Layers are done in the order of the model, so that
    each sees what those before it now give. An input that is zero on all of the data
    loses its weights first. mask: of your own, in the place of score and pattern. The
    other arguments and errors are those of `unstructured.prune`; every row loses the
    same share.
    """
    chosen = targets.layer_targets(model, sparsity, pattern, skip)
    targets.checked_part("mask", mask)
    work, weights = surgery.share(model), {}
    with progress.task("Wanda", len(chosen)) as step:
        for name, seen in calibration.by_stage(work, data, chosen):
            layer: Any = work.get_submodule(name)
            weight = surgery.weight_of(layer)
            with surgery.naming(name):
                norms = seen.gram.diagonal().sqrt()
                if mask is None:
                    kept = chosen[name].by_row(score(weight, norms))
                else:
                    made = mask(weight.clone(), norms, chosen[name].sparsity)
                    kept = masks.checked_mask(made, weight, mask)
            weights[name] = targets.without(weight, kept)
            surgery.set_weight(layer, weights[name])
            step()
    return targets.with_weights(model, weights, targets.sparse_word(chosen, weights))


def score(weight: Tensor, norms: Tensor) -> Tensor:
    """Return what each weight (O, I) counts: its size times the norm of its input.

    norms: (I,), of each input over all tokens. Raises ValueError for another length.
    """
    masks.checked_score(weight)
    if not isinstance(norms, Tensor) or norms.shape != (weight.shape[1],):
        raise ValueError(
            f"norms has the shape {tuple(getattr(norms, 'shape', ()))} and the weight "
            f"{tuple(weight.shape)}; hand in one norm for each of its columns."
        )
    return weight.abs() * norms.to(weight)
