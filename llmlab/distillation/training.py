"""Training a student: at each step the teacher answers the same batch, and is matched.

The loss has up to three parts: how far the student's probabilities are from the
teacher's, how surprised it is by the labels, and how far its hidden states are from
those of the teacher. The teacher is frozen, without dropout, and computes no gradients;
it costs a forward pass a step, unless its logits were kept. Projections that the hidden
states need are trained along and thrown away: what comes back is the bare student.

Shapes: B sequences, T new tokens, V vocabulary.
Source: Hinton, Vinyals & Dean, 2015.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments
from llmlab.core.arguments import shown
from llmlab.distillation import asking, pairing
from llmlab.distillation import hidden as states
from llmlab.distillation.hidden import Matched
from llmlab.distillation.kept import KeptLogits
from llmlab.distillation.losses import soft_targets
from llmlab.distillation.objective import Loss, Match, Objective
from llmlab.models import stacks, training, tuning

__all__ = ["Match", "train"]


def train(
    student: nn.Module,
    teacher: nn.Module | None,
    batch: Callable[[int], Tensor],
    *,
    steps: int,
    loss: Loss = soft_targets,
    temperature: float = 1.0,
    labels: float = 0.0,
    hidden: float = 0.0,
    hidden_loss: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
    places: Mapping[int, int] | None = None,
    matches: Sequence[Match] = (),
    logits: float = 1.0,
    kept: KeptLogits | None = None,
    ask: asking.Ask = asking.next_tokens,
    rate: float = 1e-3,
    weight_decay: float = 0.0,
    schedule: Callable[[int], float] | None = None,
    optimizers: Callable[[nn.Module], Iterable[torch.optim.Optimizer]] | None = None,
    autocast: training.Autocast = "fastest",
    clip: float | None = 1.0,
    folder: Path | str | None = None,
    checkpoint_every: int = 200,
    log_every: int = 20,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    evaluate_every: int = 200,
    stop_after: int | None = None,
    seed: int = 0,
) -> training.Trained:
    """Train a copy of a student to answer as its teacher does; return it with its log.

    loss: of (student_logits, teacher_logits, temperature), a scalar. labels: the share
    that the labels' cross-entropy has beside it, 0 to 1; at 1 no teacher is asked.
    hidden: the weight of the mean of hidden_loss(student, teacher, projection) over
    `places`, from layers of the student to those of the teacher (`layer_places`).
    matches: outputs of other modules to be compared, added by their weights. logits:
    the weight of loss and labels beside these, 0 for none. kept: what `keep_logits`
    gives for the same batches, so that the teacher (None, then) does not run; at
    temperature 1. ask: what both models are asked, see `asking`. optimizers: of what is
    trained, a `Matched` where there are hidden states. evaluate: of the bare student.
    The rest, and the other errors, are those of `tuning.tune`. Raises ValueError for
    another vocabulary or tokenizer than the teacher's, a student in few bits, a batch
    beyond a context, and what else cannot be. Source: Hinton et al., 2015.
    """
    pairing.check_student(student)
    _check_numbers(temperature, labels, hidden, logits)
    _check_functions(batch, ask, loss, hidden_loss, evaluate)
    objective = Objective(
        loss=loss, temperature=temperature, labels=labels, hidden=hidden,
        hidden_loss=hidden_loss or states.hidden_loss, matches=tuple(matches),
        logits=logits, kept=kept, ask=ask,
    )  # fmt: skip
    if not logits and not hidden and not matches:
        raise ValueError(
            "logits=0, hidden=0 and no matches leave nothing to learn; give one of "
            "them a weight."
        )
    if objective.asks_teacher:
        objective.teach(student, teacher)
    model: nn.Module = student
    if hidden and teacher is not None:
        objective.places = _places(student, teacher, places)
        wide = states.width(teacher)
        model = Matched(student, dict.fromkeys(objective.places, wide), seed=seed)
    objective.check_kept(student, steps)
    trained = tuning.tune(
        model,
        objective.batches(batch, student),
        steps=steps,
        rate=rate,
        weight_decay=weight_decay,
        schedule=schedule,
        loss=objective,
        autocast=autocast,
        clip=clip,
        folder=folder,
        checkpoint_every=checkpoint_every,
        log_every=log_every,
        seed=seed,
        optimizers=optimizers,
        evaluate=evaluate and (lambda copy: evaluate(bare(copy))),
        evaluate_every=evaluate_every,
        stop_after=stop_after,
    )
    return dataclasses.replace(trained, model=bare(trained.model))


def bare(model: nn.Module) -> nn.Module:
    """Return the student without its projections."""
    return model.student if isinstance(model, Matched) else model


def _check_numbers(temperature: Any, labels: Any, hidden: Any, logits: Any) -> None:
    arguments.number("temperature", temperature, above=0, way="1 changes nothing")
    if not arguments.is_number(labels) or not 0 <= labels <= 1:
        raise ValueError(
            f"labels={shown(labels)} is no share of the loss; choose from 0, the "
            "teacher alone, to 1, the labels alone."
        )
    for name, value in {"hidden": hidden, "logits": logits}.items():
        if not arguments.is_number(value) or value < 0:
            raise ValueError(
                f"{name}={shown(value)} is no weight; choose a number from 0, which "
                "leaves this part out."
            )


def _check_functions(batch, ask, loss, hidden_loss, evaluate) -> None:
    ways = {
        "batch": (batch, "batch(step) gives the tokens of a step"),
        "ask": (ask, "ask(model, batch) gives logits and labels"),
        "loss": (loss, "loss(student_logits, teacher_logits, temperature) is one"),
        "hidden_loss": (hidden_loss, "it takes student, teacher and projection"),
        "evaluate": (evaluate, "evaluate(model) gives numbers by name"),
    }
    for name, (value, way) in ways.items():
        if value is not None or name not in ("hidden_loss", "evaluate"):
            arguments.function(name, value, way=way)


def _places(
    student: nn.Module, teacher: nn.Module, places: Mapping[int, int] | None
) -> Mapping[int, int]:
    """Return which layer of the student matches which of its teacher."""
    mine, theirs = (len(stacks.stack(one)[1]) for one in (student, teacher))
    if places is None:
        return states.layer_places(mine, theirs)
    pairs = list(places.items()) if isinstance(places, Mapping) else []
    fits = (
        arguments.is_whole(at) and 0 <= at < size
        for pair in pairs
        for at, size in zip(pair, (mine, theirs), strict=True)
    )
    if not pairs or not all(fits):
        raise ValueError(
            f"places={shown(places)} must lead from the student's layers, 0 to "
            f"{mine - 1}, to the teacher's, 0 to {theirs - 1}, such as "
            f"{{{mine - 1}: {theirs - 1}}}."
        )
    return dict(places)
