"""Where a student comes from: from some of its teacher's layers, cut, or from nothing.

A student that starts from its teacher's weights knows most of what it is to learn. Some
layers, evenly spread, are the simplest start; to cut neurons, heads and channels as
well, by what they do on text, leaves a model of any size. Random weights of the same
shape are what both are measured against. Weights that stay share their storage with the
teacher; training copies them first.

Shapes: L layers of the teacher, n of the student.
Sources: Sanh et al., DistilBERT, 2019; Muralidharan et al., Minitron, NeurIPS 2024.
"""

import contextlib
import copy
from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import nn

from llmlab.core import arguments, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import Model
from llmlab.models import from_config, rnn, stacks
from llmlab.models.calibration import Batch
from llmlab.models.decoder import Decoder
from llmlab.models.transformers_model import TransformersModel
from llmlab.pruning import depth, groups, neurons, targets
from llmlab.pruning import width as channels

SAID = ("name", "tokenizer", "generation_config", "format")


def student_layers(teacher_layers: int, student_layers: int) -> list[int]:
    """Return which layers a student takes: evenly spread, first and last among them.

    Place i takes layer i (L - 1) / (n - 1), rounded, halves up; a single one takes the
    last. (12, 6) gives DistilBERT's [0, 2, 4, 7, 9, 11]. Raises ValueError for numbers
    that are no whole ones, and for a student deeper than its teacher.
    """
    arguments.whole("teacher_layers", teacher_layers, least=1)
    arguments.whole("student_layers", student_layers, least=1)
    if student_layers > teacher_layers:
        raise ValueError(
            f"student_layers={student_layers} are more than the teacher's "
            f"{teacher_layers}; choose from 1 to {teacher_layers}."
        )
    if student_layers == 1:
        return [teacher_layers - 1]
    span, steps = teacher_layers - 1, student_layers - 1
    return [(2 * place * span + steps) // (2 * steps) for place in range(steps + 1)]


def from_layers(
    teacher: Model,
    layers: Collection[int],
    *,
    decoder_layers: Collection[int] | None = None,
) -> Model:
    """Return a student that holds some of its teacher's layers, and all else of it.

    layers: their places in rising order, counted from 0; of an encoder-decoder those of
    its encoder. decoder_layers: those of its decoder (None: all). T5's table of
    relative positions, which its first layer holds for all, goes along. Raises
    ValueError for places that are none, for layers that are stored in few bits, and for
    models that have no row of layers.
    """
    wanted.module("teacher", teacher)
    if not _has_both(teacher):
        if decoder_layers is not None:
            raise ValueError(
                f"decoder_layers={shown(decoder_layers)}, and "
                f"{type(teacher).__name__} has no decoder beside an encoder; leave it "
                "out."
            )
        return _with_layers("layers", teacher, layers, None)
    new = _with_layers("layers", teacher, layers, "encoder")
    if decoder_layers is None:
        return new
    return _with_layers("decoder_layers", new, decoder_layers, "decoder")


def from_pruned(
    teacher: Model,
    data: Iterable[Batch],
    *,
    layers: Collection[int] | None = None,
    hidden: int | None = None,
    kv_groups: int | None = None,
    width: int | None = None,
) -> Model:
    """Return a student cut from its teacher by what each part does on text.

    layers: those that stay, in rising order. hidden: how many neurons of the MLPs, the
    ones that answer most strongly; kv_groups: how many key/value heads with their
    queries; width: how many channels of the stream. None leaves a part whole. Parts are
    judged one after the other, each on what the last one left. data: see
    `calibration.collect`. Raises ValueError as `pruning` does, and where nothing is
    left out. Source: Muralidharan et al., 2024.
    """
    if layers is None and hidden is None and kv_groups is None and width is None:
        raise ValueError(
            "layers, hidden, kv_groups and width are all None, which cuts nothing; "
            "choose one at least, such as hidden=512."
        )
    batches = list(data)
    new = teacher if layers is None else from_layers(teacher, layers)
    if hidden is not None:
        scores = neurons.importance(new, batches, how="activation")
        new = neurons.prune(new, keep=hidden, importance=scores)
    if kv_groups is not None:
        new = groups.prune(
            new, keep=kv_groups, importance=groups.importance(new, batches)
        )
    if width is not None:
        new = channels.prune(
            new, keep=width, importance=channels.importance(new, batches)
        )
    return new


def random(model: Model, *, seed: int = 0) -> Model:
    """Return a model of the same shape with fresh weights, as its class draws them.

    torch's own random state stays. Raises ValueError for a bare layer, and for a model
    whose sizes no configuration names.
    """
    arguments.whole("seed", seed, most=2**63 - 1)
    targets.check_plain(stacks.with_config(wanted.module("model", model)))
    with torch.random.fork_rng(devices=[]), from_config.no_bars():
        torch.manual_seed(seed)
        new = _drawn(model)
    old = {name: tensor.shape for name, tensor in model.named_parameters()}
    sizes = {name: tensor.shape for name, tensor in new.named_parameters()}
    if unlike := sorted(name for name in old if sizes.get(name) != old[name]):
        raise ValueError(
            f"model has {unlike[0]} of {tuple(old[unlike[0]])}, and its configuration "
            "says another size; hand in a model whose layers are all cut alike."
        )
    weight = next(model.parameters())
    new = new.to(weight.device, weight.dtype).requires_grad_(weight.requires_grad)
    return new.train(model.training)


def _drawn(model: Any) -> Any:
    if isinstance(model, TransformersModel):
        return _saying(model, TransformersModel(_drawn(model.model)))
    config = copy.deepcopy(model.config)
    if isinstance(model, Decoder | rnn.RecurrentModel):
        new: Any = type(model)(config)
    else:
        new = type(model)._from_config(config)
    if isinstance(model, Decoder):
        for layer, old in zip(new.layers, model.layers, strict=True):
            layer.window = old.window
    return _saying(model, new)


def _saying(model: nn.Module, new: Any) -> Any:
    """Let a fresh model say what the old one says of itself, but for its weights."""
    for name in SAID:
        if name in vars(model):
            with contextlib.suppress(AttributeError):
                setattr(new, name, getattr(model, name))
    return new


def _has_both(model: Any) -> bool:
    return bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))


def _with_layers(
    name: str, model: Model, layers: Collection[int], which: str | None
) -> Model:
    _, held = stacks.stack(model, which)
    way = f"give their places from 0 to {len(held) - 1}, such as [{len(held) - 1}]"
    kept = arguments.wholes(name, layers, most=len(held) - 1, way=way)
    if kept != sorted(set(kept)):
        raise ValueError(
            f"{name}={shown(layers)} must rise, with no layer twice: a student's "
            f"layers work in the order of its teacher's; write {sorted(set(kept))}."
        )
    gone = [place for place in range(len(held)) if place not in kept]
    return depth.drop(model, layers=gone, stack=which)
