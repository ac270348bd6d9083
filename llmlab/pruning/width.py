"""The width of the stream: channels that every layer reads and writes.

A channel goes from the embedding, from every norm, from what each layer reads and
writes, and from the head, so that all matrices shrink at once. RMSNorm divides by the
mean over channels, and the mean over fewer is another one: the norms' weights take the
factor √(D/D'), their epsilon D/D', and the smaller model gives what the larger one
would give with these channels at zero. LayerNorm, which takes the mean away first, has
no such way.

Shapes: D model width, V vocabulary, T tokens.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import progress
from llmlab.core.arguments import is_whole, shown
from llmlab.core.model import Model
from llmlab.models import calibration
from llmlab.models.calibration import Batch
from llmlab.models.listening import hearing
from llmlab.pruning import llama, targets
from llmlab.pruning.neurons import most_important
from llmlab.pruning.resized import resized

NORMS = ("attention_norm", "mlp_norm")
READS = ("attention.query", "attention.key", "attention.value", "mlp.gate", "mlp.up")
WRITES = ("attention.output", "mlp.down")


def importance(model: nn.Module, data: Iterable[Batch]) -> Tensor:
    """Return the mean magnitude of each channel of the normed stream, (D,) float32.

    It is what the layers read, averaged over all norms and tokens. data: see
    `calibration.collect`. Raises ValueError for a model that is none of the Llama
    family, and without data.
    """
    targets.check_plain(model)
    names = [*_norms(model)]
    sums: dict[str, Tensor] = {}

    def hear(name: str, x: Tensor) -> None:
        x = x.detach().float().abs().flatten(0, -2)
        sums[name] = sums.get(name, 0) + x.mean(0)

    batches = targets.batches_of(data)
    with torch.inference_mode(), hearing(model, names, hear, outputs=True):
        for batch in progress.track(batches, "looking at channels"):
            calibration.run(model, batch)
    return torch.stack(list(sums.values())).mean(0) / len(batches)


def prune(model: Model, *, keep: int, importance: Tensor) -> Model:
    """Return a new model whose stream keeps its `keep` most important channels.

    importance: (D,), as `importance` gives it, or scores of your own. Raises ValueError
    for a number that leaves nothing, that is more than there are or that the heads do
    not divide, for scores that do not fit, and for a model of another family.
    """
    targets.check_plain(model)
    shape = llama.shape(model)
    _check(shape, keep, importance)
    kept = most_important(importance, keep)
    tensors = _cut(model, kept, math.sqrt(shape.width / keep))
    settings = {
        "hidden_size": int(keep),
        "head_dim": shape.head_width,
        "rms_norm_eps": shape.epsilon * shape.width / keep,
    }
    return targets.say(resized(model, tensors, settings), model, f"{keep}-wide")


def _check(shape: Any, keep: int, importance: Tensor) -> None:
    fits = is_whole(keep) and 1 <= keep <= shape.width
    if not fits or keep % shape.heads:
        least = max(shape.heads, shape.width * 3 // 4 // shape.heads * shape.heads)
        raise ValueError(
            f"keep={shown(keep)} channels is no multiple of the {shape.heads} heads "
            f"from {shape.heads} to {shape.width}; choose one, such as {least}."
        )
    size = tuple(getattr(importance, "shape", ()))
    if size != (shape.width,) or not torch.as_tensor(importance).isfinite().all():
        raise ValueError(
            f"importance is {size}; hand in one finite score for "
            f"each of the {shape.width} channels: width.importance(model, data)."
        )


def _norms(model: nn.Module) -> list[str]:
    inside = [name for norm in NORMS for name in llama.places(model, norm)]
    return [*inside, llama.place(model, "norm")]


def _cut(model: nn.Module, kept: Tensor, factor: float) -> dict[str, Tensor]:
    """Return every tensor with some channels alone, by name."""
    tensors: dict[str, Tensor] = {}

    def weight(name: str) -> Tensor:
        module: Any = model.get_submodule(name)
        return module.weight.detach()

    for name in _norms(model):
        tensors[f"{name}.weight"] = weight(name)[kept] * factor
    for part in READS:
        for name in llama.places(model, part):
            tensors[f"{name}.weight"] = weight(name)[:, kept]
    for part in WRITES:
        for name in llama.places(model, part):
            tensors[f"{name}.weight"] = weight(name)[kept]
            layer: Any = model.get_submodule(name)
            if layer.bias is not None:
                tensors[f"{name}.bias"] = layer.bias.detach()[kept]
    for name in ("embedding", "head"):
        place = llama.place(model, name)
        tensors[f"{place}.weight"] = weight(place)[:, kept]
    return tensors
