"""Magnitude pruning: the weights nearest to zero go, wherever they lie.

The first thing to try, and what every method must beat. No text is needed, only the
weights. What is compared with what matters more than it seems: layers differ in the
size of their weights, so that one threshold for the whole model empties some of them.
Zeros make nothing faster by themselves: a dense product multiplies by them, too.

Shapes: O output features, I input features.
Source: Han et al., NeurIPS 2015.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

import torch
from torch import Tensor

from llmlab.core import progress
from llmlab.core.arguments import shown
from llmlab.core.model import Model
from llmlab.models import experts, surgery
from llmlab.pruning import masks, targets
from llmlab.pruning.targets import Sparsities, Target

Scope = Literal["layer", "row", "model"]
Mask = Callable[[Tensor, float], Tensor]  # (weight (O, I), sparsity): true where kept


def prune(
    model: Model,
    *,
    sparsity: Sparsities | None = None,
    scope: Scope = "layer",
    pattern: str | None = None,
    mask: Mask | None = None,
    skip: Collection[str] | None = None,
) -> Model:
    """Return a new model whose smallest weights are zero.

    sparsity: share of the weights that go, of all layers or by name; layers without a
    name stay as they are. scope: what is compared: the weights of a layer, of one of
    its rows, or of all these layers together. pattern: "2:4" keeps two of every four
    neighbours in a row; it says how many go, so it stands in the place of sparsity and
    scope. mask: of your own, in the place of scope and pattern. skip: see
    `surgery.linear_layers`; None: the head stays dense. Weights that were zero stay
    zero. A tied head that is pruned is no longer tied. Raises ValueError for what
    `masks` and `targets.layer_targets` refuse, naming the layer.
    """
    model = experts.separate(model)
    chosen = targets.layer_targets(model, sparsity, pattern, skip)
    _check_scope(scope, sparsity)
    targets.checked_part("mask", mask)
    layers = surgery.linear_layers(model)
    weights = {name: surgery.weight_of(layers[name]) for name in chosen}
    if scope == "model" and pattern is None and mask is None:
        kept = _over_the_model(weights, next(iter(chosen.values())).sparsity)
    else:
        kept = {}
        for name, target in progress.track(list(chosen.items()), "pruning"):
            with surgery.naming(name):
                kept[name] = _mask(weights[name], target, scope, mask)
    pruned = {name: targets.without(weights[name], kept[name]) for name in kept}
    word = targets.sparse_word(chosen, pruned)
    return experts.join(targets.with_weights(model, pruned, word))


def _mask(weight: Tensor, target: Target, scope: Scope, mask: Mask | None) -> Tensor:
    if mask is not None:
        masks.checked_score(weight)
        made = mask(weight.clone(), target.sparsity)  # it may work in place
        return masks.checked_mask(made, weight, mask)
    if target.pattern is not None or scope == "row":
        return target.by_row(weight.abs())
    return masks.whole(weight.abs(), target.sparsity)


def _over_the_model(
    weights: Mapping[str, Tensor], sparsity: float
) -> dict[str, Tensor]:
    """Return the masks of weights that are compared over all layers at once."""
    scores = {name: weight.abs() for name, weight in weights.items()}
    for name, score in scores.items():
        with surgery.naming(name):
            masks.checked_score(score)
    flat = torch.cat([score.flatten() for score in scores.values()])
    kept = masks.without_lowest(flat, round(len(flat) * sparsity))
    parts = kept.split([score.numel() for score in scores.values()])
    pairs = zip(scores.items(), parts, strict=True)
    return {name: part.view(score.shape) for (name, score), part in pairs}


def _check_scope(scope: str, sparsity: Sparsities | None) -> None:
    if scope not in ("layer", "row", "model"):
        raise ValueError(
            f'scope={shown(scope)} is none of "layer", "row" and "model"; choose what '
            "the weights are compared over."
        )
    if scope == "model" and isinstance(sparsity, Mapping):
        raise ValueError(
            'scope="model" compares all layers at once and takes one sparsity; choose '
            'scope="layer" for a sparsity of each.'
        )
