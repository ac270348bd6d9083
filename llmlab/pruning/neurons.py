"""Whole neurons of the MLPs: what is left out costs nothing, on any machine.

A neuron goes with its rows in the layers that lead in and its column in the layer that
leads out, so that three smaller matrices are left, as dense as before. Which neurons
matter? The size of their weights says little here; how strongly they answer on real
text, or how much the loss would change without them, says more.

Shapes: B sequences, T tokens, D model width, F hidden width.
Sources: Molchanov et al., ICLR 2017 (Taylor); Wanda, Sun et al., ICLR 2024.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from llmlab.core import progress
from llmlab.core.arguments import is_whole, shown
from llmlab.core.model import Model
from llmlab.models import calibration, stacks, surgery, training
from llmlab.models.calibration import Batch
from llmlab.models.listening import hearing, listening
from llmlab.pruning import parts, targets
from llmlab.pruning.parts import MLP
from llmlab.pruning.resized import as_kept, resized

How = Literal["magnitude", "activation", "wanda", "taylor"]
Importance = Mapping[str, Tensor]  # by MLP, (F,): the name of its layer that leads out
# (weights of what leads in (F, D), of what leads out (D, F), places that stay): the
# smaller weights in the same order.
Cut = Callable[..., Iterable[Tensor]]
Smaller = Callable[..., Iterable[Tensor]]  # (an MLP's name, its weights): the smaller
HOW = ("magnitude", "activation", "wanda", "taylor")


def importance(
    model: nn.Module,
    data: Iterable[Batch] = (),
    *,
    how: How = "activation",
    loss: Callable[[nn.Module, Any], Tensor] = training.next_token_loss,
) -> dict[str, Tensor]:
    """Return how much each neuron matters, (F,) float32 by the name of its MLP.

    An MLP is named as its layer that leads out: "layers.0.mlp.down". how: "magnitude"
    of its weights, without data; "activation", the root of its mean square; "wanda",
    that times the norm of its column; "taylor", how the loss would change without it,
    to first order. data: see `calibration.collect`. loss: of a batch, for "taylor".
    Raises ValueError for another word, no data where it is needed, and no MLPs.
    """
    targets.check_plain(model)
    mlps = parts.mlps(model)
    if how not in HOW:
        raise ValueError(
            f"how={shown(how)} is unknown; choose one of {', '.join(HOW)}."
        )
    if how == "magnitude":
        return {name: _weight_norms(model, mlp) for name, mlp in mlps.items()}
    data = targets.batches_of(data)
    if how == "taylor":
        return _taylor(model, data, mlps, loss)
    sizes = _activations(model, data, mlps)
    if how == "activation":
        return sizes
    return {n: sizes[n] * _column_norms(model, mlp) for n, mlp in mlps.items()}


def prune(
    model: Model, *, keep: int, importance: Importance, cut: Cut | None = None
) -> Model:
    """Return a new model whose MLPs have their `keep` most important neurons left.

    importance: by MLP, as `importance` gives it, or scores of your own; of equal ones
    the first go. cut: how to make an MLP's matrices smaller, one of your own:
    cut(gate, up, down, kept) of a gated MLP, cut(up, down, kept) of a plain one. All
    MLPs get the same width, since a configuration names one. Raises
    ValueError for a number that leaves nothing or is more than there are, and for
    scores that do not fit.
    """
    targets.check_plain(stacks.with_config(model))
    mlps = parts.mlps(model)
    _check(model, mlps, keep, importance)
    targets.checked_part("cut", cut)
    kept = {name: most_important(importance[name], keep) for name in mlps}
    slicing = cut or sliced

    def smaller(name: str, *weights: Tensor) -> Iterable[Tensor]:
        return slicing(*weights, kept[name])

    tensors: dict[str, Tensor] = {}
    for name, mlp in mlps.items():
        tensors |= _weights(model, mlp, smaller, keep, f"cut={slicing!r:.60}")
        tensors |= _biases(model, mlp, kept[name])
    return _with(model, tensors, keep)


def made_smaller(model: Model, smaller: Smaller, *, keep: int, name: str) -> Model:
    """Return a new model whose MLPs a function has made smaller, and chose how.

    smaller: (an MLP's name, weights of what leads in (F, D) each, of what leads out
    (D, F)) -> the same of `keep` neurons. name: of the function, for what is refused.
    Raises ValueError for weights of other shapes, and for MLPs whose neurons have a
    bias, which such a function does not see.
    """
    targets.check_plain(stacks.with_config(model))
    mlps = parts.mlps(model)
    _check_number(model, mlps, keep)
    tensors: dict[str, Tensor] = {}
    for mlp in mlps.values():
        for layer in mlp.into:
            if getattr(model.get_submodule(layer), "bias", None) is not None:
                raise ValueError(
                    f"{layer} has a bias, which {name} does not see; choose neurons by "
                    "pruning.neurons.prune(model, …)."
                )
        tensors |= _weights(model, mlp, smaller, keep, name)
    return _with(model, tensors, keep)


def _with(model: Model, tensors: Mapping[str, Tensor], keep: int) -> Model:
    new = resized(model, tensors, {parts.setting(model): int(keep)})
    return targets.say(new, model, f"{keep}-neurons")


def most_important(scores: Tensor, keep: int) -> Tensor:
    """Return the places of the `keep` highest scores, in their old order."""
    order = scores.float().argsort(stable=True)
    return order[len(order) - keep :].sort().values


def sliced(*weights_and_kept: Tensor) -> list[Tensor]:
    """Return rows of what leads in, (F, D) each, and columns of what leads out."""
    *into, out, kept = weights_and_kept
    return [*(weight[kept] for weight in into), out[:, kept]]


def _weights(
    model: nn.Module, mlp: MLP, smaller: Smaller, keep: int, said: str
) -> dict[str, Tensor]:
    """Return the weights of an MLP with `keep` of its neurons, by name."""
    layers: list[Any] = [model.get_submodule(name) for name in mlp.layers]
    weights = [surgery.weight_of(layer).detach().clone() for layer in layers]
    made = list(smaller(mlp.out, *weights))
    sizes = [(keep, weight.shape[1]) for weight in weights[:-1]]
    sizes.append((weights[-1].shape[0], keep))
    shapes = [tuple(getattr(weight, "shape", ())) for weight in made]
    if shapes != sizes:
        raise ValueError(
            f"{said} gave weights of {shapes} for {mlp.out}; {keep} neurons leave "
            f"{sizes}."
        )
    return {
        f"{name}.weight": as_kept(layer, weight.detach()).contiguous()
        for name, layer, weight in zip(mlp.layers, layers, made, strict=True)
    }


def _biases(model: nn.Module, mlp: MLP, kept: Tensor) -> dict[str, Tensor]:
    """Return the biases of the neurons that stay, where they have any, by name."""
    layers: dict[str, Any] = {name: model.get_submodule(name) for name in mlp.into}
    return {
        f"{name}.bias": layer.bias.detach()[kept]
        for name, layer in layers.items()
        if layer.bias is not None
    }


def _check_number(model: nn.Module, mlps: Mapping[str, MLP], keep: int) -> None:
    least = min(parts.neurons(model, mlp) for mlp in mlps.values())
    if not is_whole(keep) or not 1 <= keep <= least:
        raise ValueError(
            f"keep={shown(keep)} neurons is none of 1 to {least}, which the MLPs have; "
            f"choose fewer than {least}, such as {max(1, least * 3 // 4)}."
        )


def _check(
    model: nn.Module, mlps: Mapping[str, MLP], keep: int, importance: Importance
) -> None:
    _check_number(model, mlps, keep)
    for name, mlp in mlps.items():
        scores = targets.scores_of(importance, name)
        if scores is None or scores.shape != (parts.neurons(model, mlp),):
            shape = None if scores is None else tuple(scores.shape)
            raise ValueError(
                f"importance of {name!r} is {shape}; hand in one score for each of its "
                f"{parts.neurons(model, mlp)} neurons: neurons.importance(model, …)."
            )
        if not torch.isfinite(scores).all():
            raise ValueError(
                f"importance of {name!r} holds NaN or infinite scores, which have no "
                "order; look for what made them."
            )


def _weight_norms(model: nn.Module, mlp: MLP) -> Tensor:
    squares = _column_norms(model, mlp).square()
    for name in mlp.into:
        layer: Any = model.get_submodule(name)
        squares = squares + surgery.weight_of(layer).float().square().sum(1)
    return squares.sqrt()  # (F,)


def _column_norms(model: nn.Module, mlp: MLP) -> Tensor:
    layer: Any = model.get_submodule(mlp.out)
    return surgery.weight_of(layer).float().norm(dim=0)  # (F,)


def _activations(
    model: nn.Module, data: list[Batch], mlps: Mapping[str, MLP]
) -> dict[str, Tensor]:
    """Return the root mean square of each neuron's activation, (F,) by MLP.

    Its mean magnitude would hide the neurons that answer seldom and strongly.
    """
    squares: dict[str, Tensor] = {}
    tokens: dict[str, int] = {}

    def hear(name: str, x: Tensor) -> None:
        x = x.detach().float().flatten(0, -2)  # (tokens, F)
        squares[name] = squares.get(name, 0) + x.square().sum(0)
        tokens[name] = tokens.get(name, 0) + len(x)

    with torch.inference_mode(), hearing(model, list(mlps), hear):
        for batch in progress.track(data, "looking at neurons"):
            calibration.run(model, batch)
    _check_seen(mlps, squares)
    return {name: (squares[name] / tokens[name]).sqrt() for name in mlps}


def _check_seen(mlps: Mapping[str, MLP], seen: Mapping[str, Tensor]) -> None:
    if silent := [name for name in mlps if name not in seen]:
        raise ValueError(
            f"layer {silent[0]!r} saw no input; hand in at least one batch, and for an "
            "encoder-decoder both texts."
        )


def _taylor(
    model: nn.Module,
    data: list[Batch],
    mlps: Mapping[str, MLP],
    loss: Callable[[nn.Module, Any], Tensor],
) -> dict[str, Tensor]:
    """Return the mean of |activation · gradient| of each neuron."""
    work = surgery.share(model)
    work.requires_grad_(False)
    table = next(itertools.chain(_embeddings(work), work.parameters()))
    table.requires_grad_(True)  # so that a gradient reaches every layer
    scores: dict[str, Tensor] = {}
    for batch in progress.track(data, "looking at gradients"):
        with torch.enable_grad(), listening(work, list(mlps)) as heard:
            value = loss(work, batch)
            names = list(heard)
            slopes = torch.autograd.grad(value, [heard[name] for name in names])
        for name, slope in zip(names, slopes, strict=True):
            change = (heard[name] * slope).detach().float().flatten(0, -2)
            scores[name] = scores.get(name, 0) + change.abs().mean(0) / len(data)
    _check_seen(mlps, scores)
    return scores


def _embeddings(model: nn.Module):
    return (m.weight for m in model.modules() if isinstance(m, nn.Embedding))
