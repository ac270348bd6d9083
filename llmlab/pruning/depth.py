"""Whole layers: each only adds to the stream, so the rest works on without it.

A layer that hardly turns the stream may be left out. Block influence is one minus the
cosine between what comes in and what goes out, averaged over tokens: a forecast of one
removal, made in one pass, and no promise for two. What goes saves its time whole.

Shapes: B sequences, T tokens, D model width.
Source: ShortGPT, Men et al., 2024.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from llmlab.core import arguments, progress
from llmlab.core.arguments import is_whole, shown
from llmlab.core.model import Model
from llmlab.models import calibration, stacks
from llmlab.models.calibration import Batch
from llmlab.models.decoder import Decoder
from llmlab.models.listening import listening
from llmlab.pruning import targets
from llmlab.pruning.resized import resized

Influence = Callable[[Tensor, Tensor], Any]  # streams (B, T, D) before and after: ()


def influence(before: Tensor, after: Tensor) -> Tensor:
    """Return one minus the mean cosine of streams (B, T, D) before and after, ()."""
    for name, stream in (("before", before), ("after", after)):
        arguments.tensor(name, stream)
    cosines = functional.cosine_similarity(before.double(), after.double(), dim=-1)
    return 1 - cosines.mean()


def block_influence(
    model: nn.Module,
    data: Iterable[Batch],
    *,
    stack: str | None = None,
    measure: Influence = influence,
) -> list[float]:
    """Return how much each layer turns the stream on batches of text, in their order.

    stack: "encoder" or "decoder" of a model that has both. measure: of the streams
    before and after a layer, one of your own. data: see `calibration.collect`. Raises
    ValueError for a model without layers in a row, and without data.
    """
    name, layers = stacks.stack(model, stack)
    names = [f"{name}.{index}" for index in range(len(layers))]
    batches = targets.batches_of(data)
    arguments.function("measure", measure, way="depth.influence is one")
    totals = [0.0] * len(names)
    with torch.inference_mode():
        for batch in progress.track(batches, "looking at layers"):
            with listening(model, names) as given:
                with listening(model, names, outputs=True) as gives:
                    calibration.run(model, batch)
            pairs = [(given[one], gives[one]) for one in names]
            _check_widths(pairs)
            values = [float(measure(*pair)) for pair in pairs]
            totals = [sum(both) for both in zip(totals, values, strict=True)]
    return [total / len(batches) for total in totals]


def drop(model: Model, *, layers: Collection[int], stack: str | None = None) -> Model:
    """Return a new model without some of its layers.

    layers: their places, counted from 0. stack: "encoder" or "decoder" of a model that
    has both. Raises ValueError for a place where no layer is, for all of them, and for
    a model whose layers cannot go one by one.
    """
    targets.check_plain(model)
    name, held = stacks.stack(model, stack)
    gone = _checked(layers, len(held))
    kept = [index for index in range(len(held)) if index not in gone]
    tensors = _moved(model, name, kept)
    new = resized(model, tensors, _settings(model, name, held, kept))
    if isinstance(model, Decoder) and isinstance(new, Decoder):
        for layer, index in zip(new.layers, kept, strict=True):
            layer.window = model.layers[index].window
    return targets.say(new, model, f"{len(kept)}-layers")


def _checked(layers: Collection[int], count: int) -> set[int]:
    places = set(layers) if isinstance(layers, Collection) else {layers}
    wrong = [one for one in places if not is_whole(one) or not 0 <= one < count]
    if wrong:
        raise ValueError(
            f"layers={shown(layers)}: there is no layer {shown(wrong[0])} of {count}; "
            f"choose places from 0 to {count - 1}."
        )
    if len(places) == count:
        raise ValueError(
            f"layers={shown(layers)} are all {count} that there are; keep one at least."
        )
    return places


def _moved(model: nn.Module, name: str, kept: list[int]) -> dict[str, Tensor]:
    """Return the tensors of the layers that stay, by the names of their new places."""
    tensors: dict[str, Tensor] = {}
    for place, index in enumerate(kept):
        layer = model.get_submodule(f"{name}.{index}")
        for path, tensor in layer.state_dict().items():
            tensors[f"{name}.{place}.{path}"] = tensor
    first = model.get_submodule(f"{name}.0").state_dict()
    for path, tensor in first.items():
        if "relative_attention_bias" in path:  # T5 keeps it in its first layer, for all
            tensors[f"{name}.0.{path}"] = tensor
    return tensors


def _settings(
    model: Any, name: str, held: nn.ModuleList, kept: list[int]
) -> dict[str, Any]:
    config = model.config
    word = "num_hidden_layers"
    if getattr(config, "is_encoder_decoder", False) and "decoder" in name.split("."):
        word = "num_decoder_layers"
    settings: dict[str, Any] = {word: len(kept)}
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and len(kinds) == len(held):
        settings["layer_types"] = [kinds[index] for index in kept]
    return settings


def _check_widths(pairs: list[tuple[Tensor, Tensor]]) -> None:
    for place, (before, after) in enumerate(pairs):
        if before.shape != after.shape:
            raise ValueError(
                f"layer {place} takes {tuple(before.shape)} and gives "
                f"{tuple(after.shape)}; what changes its width is no part of a stream."
            )
