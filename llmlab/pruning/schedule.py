"""Prune a little, fine-tune a little: the rest learns to do without, bit by bit.

Most goes early, while much is superfluous, and little at the end, where every weight
that goes hurts: sparsity rises along a cubic.

Source: Zhu & Gupta, 2017.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from llmlab.core import arguments
from llmlab.core.arguments import is_number, is_whole, shown, whole
from llmlab.core.model import Model
from llmlab.models import training, training_arguments
from llmlab.pruning import masks, targets, unstructured
from llmlab.pruning.finetuning import finetune

Prune = Callable[[Any, float], Any]  # (model, sparsity): the pruned model
Schedule = Callable[[int, int, float], float]  # (round, rounds, final): the sparsity


def sparsity_at(step: float, *, steps: int, final: float, start: float = 0.0) -> float:
    """Return the sparsity at a step: from `start` at 0 to `final` from `steps` on.

    Raises ValueError for sparsities that are none, and for steps below 1.
    """
    masks.checked_sparsity(start, name="start")
    masks.checked_sparsity(final, name="final")
    steps = whole("steps", steps, least=1, way="as many as there are")
    if not is_number(step):
        raise ValueError(f"step={shown(step)} is no number; count from 0 to {steps}.")
    done = min(max(step / steps, 0.0), 1.0)
    left = (1 - done) ** 3
    return final * (1 - left) + start * left  # both ends exactly


def iterative(
    model: Model,
    batch: Callable[[int], Tensor],
    *,
    sparsity: float,
    steps: int,
    rounds: int = 4,
    prune: Prune | None = None,
    schedule: Schedule | None = None,
    rate: float = 5e-4,
    loss: Callable[[nn.Module, Tensor], Tensor] = training.next_token_loss,
    autocast: training.Autocast = "fastest",
    clip: float | None = 1.0,
    folder: Path | str | None = None,
    log_every: int = 20,
    seed: int = 0,
) -> training.Trained:
    """Prune in rounds along the cubic, and fine-tune after each; zeros stay zeros.

    steps: of all rounds together; each gets its share. batch: of a step, counted over
    all rounds. prune: how to reach a sparsity from a model, by default by magnitude
    within layers. schedule: the sparsity after a round, counted from 1, by default
    `sparsity_at`. The log counts steps and tokens over all rounds. The rest is as in
    `finetuning.finetune`. Raises ValueError unless each round gets a step.
    """
    masks.checked_sparsity(sparsity)
    most = training_arguments.MOST_STEPS
    steps = whole("steps", steps, least=1, most=most, way="one for each round at least")
    if not is_whole(rounds) or not 1 <= rounds <= steps:
        raise ValueError(
            f"rounds={shown(rounds)} of steps={steps}; choose 1 to {steps} rounds, so "
            "that each has a step to learn."
        )
    arguments.function("batch", batch, way="batch(step) gives the tokens of a step")
    for name, part in (("prune", prune), ("schedule", schedule)):
        targets.checked_part(name, part)
    prune = prune or (lambda model, share: unstructured.prune(model, sparsity=share))
    rows: list[dict[str, Any]] = []
    ends = [steps * (number + 1) // rounds for number in range(rounds)]
    for number, (first, end) in enumerate(zip([0, *ends], ends, strict=False), 1):
        share = (schedule or _cubic)(number, rounds, sparsity)
        learnt = finetune(
            prune(model, share),
            partial(_later, batch, first),
            steps=end - first,
            rate=rate,
            loss=loss,
            autocast=autocast,
            clip=clip,
            folder=Path(folder) / f"round-{number}" if folder else None,
            log_every=log_every,
            seed=seed,
        )
        model = learnt.model  # type: ignore[assignment]  # a copy of the same class
        rows += _counted(learnt.log, first, rows)
    return training.Trained(model, tuple(rows))


def _cubic(number: int, rounds: int, final: float) -> float:
    return sparsity_at(number, steps=rounds, final=final)


def _later(batch: Callable[[int], Tensor], first: int, step: int) -> Tensor:
    return batch(first + step)


def _counted(log, first: int, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a round with steps and tokens of the earlier ones added."""
    tokens = max((row.get("tokens", 0) for row in before), default=0)
    rows = []
    for row in log:
        row = row | {"step": row["step"] + first}
        if "tokens" in row:
            row["tokens"] += tokens
        rows.append(row)
    return rows
