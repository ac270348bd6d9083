"""Groups of heads: a key/value head goes with all the queries that share it.

In grouped-query attention N query heads share K key/value heads. To leave out a whole
group keeps every other query at its own key/value head; the cache shrinks along with
the weights. Single query heads would leave groups of unequal size, which no
configuration can name.

Shapes: N query heads, K key/value heads, H head width, D model width.
Source: grouped queries, Ainslie et al., EMNLP 2023.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core.arguments import is_whole, shown
from llmlab.core.model import Model
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch
from llmlab.pruning import llama, targets
from llmlab.pruning.neurons import most_important
from llmlab.pruning.resized import resized

Importance = Mapping[str, Tensor]  # by attention, (K,): the name of its output layer


def importance(model: nn.Module, data: Iterable[Batch]) -> dict[str, Tensor]:
    """Return how much each group adds to the stream, (K,) by the name of its attention.

    An attention is named as its output layer: "layers.0.attention.output". A group's
    score is the size of what its heads hand to that layer, times the size of the
    columns that read it. data: see `calibration.collect`. Raises ValueError for a model
    that is none of the Llama family.
    """
    targets.check_plain(model)
    names = llama.places(model, "attention.output")
    groups, head = _groups(model), llama.head_width(model)
    seen = calibration.collect(model, data, names)
    scores = {}
    for name in names:
        layer: Any = model.get_submodule(name)
        columns = surgery.weight_of(layer).float().square().sum(0)  # (N H,)
        strength = seen[name].mean_square * columns
        by_head = strength.unflatten(0, (groups, -1, head)).sum((1, 2))
        scores[name] = by_head.sqrt()  # (K,)
    return scores


def prune(model: Model, *, keep: int, importance: Importance) -> Model:
    """Return a new model whose attentions keep their `keep` most important groups.

    importance: by attention, as `importance` gives it, or scores of your own; of equal
    ones the first go. Raises ValueError for a number that leaves nothing or is more
    than there are, for scores that do not fit, and for a model that is none of the
    Llama family.
    """
    targets.check_plain(model)
    names = llama.places(model, "attention.output")
    groups = _groups(model)
    _check(names, groups, keep, importance)
    tensors: dict[str, Tensor] = {}
    for name in names:
        tensors |= _cut(model, name, most_important(importance[name], keep))
    shape = llama.shape(model)
    settings = {
        "num_attention_heads": int(keep) * shape.heads // shape.kv_heads,
        "num_key_value_heads": int(keep),
        "head_dim": shape.head_width,
    }
    return targets.say(resized(model, tensors, settings), model, f"{keep}-groups")


def _groups(model: nn.Module) -> int:
    """Return how many key/value heads the attentions have at least."""
    head = llama.head_width(model)
    layers: list[Any] = [
        model.get_submodule(name) for name in llama.places(model, "attention.key")
    ]
    return min(layer.out_features // head for layer in layers)


def _check(names: list[str], groups: int, keep: int, importance: Importance) -> None:
    if not is_whole(keep) or not 1 <= keep <= groups:
        raise ValueError(
            f"keep={shown(keep)} groups is none of 1 to {groups}, the key/value heads "
            "that there are; choose fewer."
        )
    for name in names:
        scores = targets.scores_of(importance, name)
        if scores is None or scores.shape != (groups,) or not scores.isfinite().all():
            shape = None if scores is None else tuple(scores.shape)
            raise ValueError(
                f"importance of {name!r} is {shape}; hand in one finite score for each "
                f"of its {groups} groups: groups.importance(model, data)."
            )


def _cut(model: nn.Module, name: str, kept: Tensor) -> dict[str, Tensor]:
    """Return the tensors of an attention with some of its groups alone, by name."""
    output: Any = model.get_submodule(name)
    head = llama.head_width(model)
    columns = output.in_features
    tensors = {}
    for part in ("query", "key", "value", "output"):
        layer_name = llama.beside(model, name, part)
        layer: Any = model.get_submodule(layer_name)
        width = columns if part in ("query", "output") else layer.out_features
        each = width // _count(model, name)  # features of a group
        places = _features(kept, each)
        weight = layer.weight.detach()
        weight = weight[:, places] if part == "output" else weight[places]
        tensors[f"{layer_name}.weight"] = weight.contiguous()
        if layer.bias is not None and part != "output":
            tensors[f"{layer_name}.bias"] = layer.bias.detach()[places]
    assert all(len(t) % head == 0 for n, t in tensors.items() if "output" not in n)
    return tensors


def _count(model: nn.Module, name: str) -> int:
    key: Any = model.get_submodule(llama.beside(model, name, "key"))
    return key.out_features // llama.head_width(model)


def _features(kept: Tensor, each: int) -> Tensor:
    """Return the places of all features of these groups, of `each` a group."""
    return (kept[:, None] * each + torch.arange(each, device=kept.device)).flatten()
