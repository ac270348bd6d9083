"""A short training that goes on from good weights: AdamW, seeded, up and down again.

What fine-tuning of a pruned model and quantization-aware training share: one rate for
all weights, a short rise and a long fall, and a seed of its own for what the model
draws as it learns.

Shapes: B sequences, T new tokens.
Source: AdamW, Loshchilov & Hutter, ICLR 2019.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from llmlab.models import training, training_arguments


def tune(
    model: nn.Module,
    batch: Callable[[int], Tensor],
    *,
    steps: int,
    rate: float,
    weight_decay: float = 0.0,
    schedule: Callable[[int], float] | None = None,
    loss: Callable[[nn.Module, Tensor], Tensor] = training.next_token_loss,
    autocast: training.Autocast = "fastest",
    clip: float | None = 1.0,
    folder: Path | str | None = None,
    checkpoint_every: int = 200,
    log_every: int = 20,
    seed: int = 0,
    optimizers: Callable[[nn.Module], Iterable[torch.optim.Optimizer]] | None = None,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    evaluate_every: int = 200,
    stop_after: int | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    in_place: bool = False,
) -> training.Trained:
    """Train a copy of a model by AdamW; return it with its log.

    rate, weight_decay: of AdamW. schedule: the rate's factor by step, by default a rise
    for a tenth of the steps and a fall for the last half. seed: of what the model draws
    as it learns (dropout); torch's own state stays. optimizers: others than AdamW,
    which have rates of their own. The rest, and the errors, are those of
    `training.train`.
    """
    training_arguments.check_numbers({"steps": steps}, clip=clip, stop_after=None)
    if schedule is None:
        schedule = training.constant_then_decay(
            steps, warmup=steps // 10, decay=steps // 2
        )

    def adamw(part: nn.Module) -> list[torch.optim.Optimizer]:
        weights = part.parameters()
        return [
            torch.optim.AdamW(
                weights, lr=rate, weight_decay=weight_decay, foreach=False
            )
        ]

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return training.train(
            model,
            batch,
            steps=steps,
            optimizers=optimizers or adamw,
            loss=loss,
            schedule=schedule,
            autocast=autocast,
            clip=clip,
            folder=folder,
            checkpoint_every=checkpoint_every,
            log_every=log_every,
            evaluate=evaluate,
            evaluate_every=evaluate_every,
            stop_after=stop_after,
            after_step=after_step,
            in_place=in_place,
        )
