"""Fine-tuning back: let the weights that stayed learn what the others did.

A few thousand tokens bring back most of what crude pruning lost. What was zero must
stay zero: after each step of the optimizer it is set to zero again. To mask gradients
would not do, since the optimizer's momentum moves weights without any. A dense model
has no zeros to keep, so the same function heals one with fewer neurons or layers.

Source: Han et al., NeurIPS 2015.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from llmlab.core import machine
from llmlab.core.model import Model
from llmlab.models import (
    experts,
    surgery,
    training,
    training_arguments,
    tuning,
)
from llmlab.pruning import targets


def finetune(
    model: Model,
    batch: Callable[[int], Tensor],
    *,
    steps: int,
    rate: float = 5e-4,
    weight_decay: float = 0.0,
    schedule: Callable[[int], float] | None = None,
    loss: Callable[[nn.Module, Tensor], Tensor] = training.next_token_loss,
    autocast: training.Autocast = "fastest",
    clip: float | None = 1.0,
    folder: Path | str | None = None,
    checkpoint_every: int = 200,
    log_every: int = 20,
    seed: int = 0,
) -> training.Trained:
    """Train a copy of a pruned model; zeros of its linear layers stay zeros.

    The arguments are those of `tuning.tune`. Raises ValueError for weights in less than
    float32, and for stored layers.
    """
    targets.check_plain(model)
    training_arguments.check_rates(rate, (0.9, 0.95), weight_decay)
    model = experts.separate(model)
    zeros = _zeros(model)

    def keep_zeros(part: nn.Module) -> None:
        with torch.no_grad():
            for name, places in zeros.items():
                part.get_parameter(name).masked_fill_(places, 0)

    trained = tuning.tune(
        model,
        batch,
        steps=steps,
        rate=rate,
        weight_decay=weight_decay,
        schedule=schedule,
        loss=loss,
        autocast=autocast,
        clip=clip,
        folder=folder,
        checkpoint_every=checkpoint_every,
        log_every=log_every,
        seed=seed,
        after_step=keep_zeros,
    )
    return dataclasses.replace(trained, model=experts.join(trained.model))


def _zeros(model: nn.Module) -> dict[str, Tensor]:
    """Return where the weights of linear layers are zero, by the parameter's name."""
    zeros = {}
    for name, layer in surgery.linear_layers(model).items():
        weight = layer.weight.detach()
        if weight.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{name} has weights in {machine.dtype_name(weight.dtype)}, where the "
                "small steps of a training are lost; load the model in float32."
            )
        places = weight == 0
        if places.any():
            zeros[f"{name}.weight" if name else "weight"] = places
    return zeros
