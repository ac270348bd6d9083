"""What the recipes of the two small models share: plan, training, live curve, command.

A folder keeps the plan that it began with, so the same command goes on with it after a
pause or a kill. What is a model's own (its batches, its loss, its exam) comes in as a
`Recipe`.
"""

import argparse
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llmlab import show
from llmlab.core import atomic, clock, machine
from llmlab.core.records import Record
from llmlab.models import training
from llmlab.zoo import curve

EVALUATIONS, WARMUP_STEPS = 20, 100
MEASURED = 16  # steps, to learn how long one takes


@dataclass(frozen=True)
class TrainingPlan:
    """How long to train: steps in all, the last of which decay; minutes if asked so."""

    steps: int
    decay: int
    minutes: float | None = None
    started_from: str | None = None  # version of weights that the start took over

    @property
    def between(self) -> int:
        """Steps from one exam, and one checkpoint, to the next."""
        return max(1, self.steps // EVALUATIONS)


@dataclass(frozen=True)
class Recipe:
    """What is a model's own in its training."""

    steps: int  # where no time is asked for
    decay_share: float
    seed: int
    score: str  # what of an exam the curve shows, a share
    exam: curve.Evaluate
    tokenizer: Any
    fresh: Callable[[], nn.Module]  # random weights, from torch's generator
    batch: Callable[[int], Tensor]
    loss: Callable[[nn.Module, Tensor], Tensor]
    optimizers: Callable[[nn.Module], list[torch.optim.Optimizer]]
    autocast: training.Autocast  # what the published weights were trained in
    started_from: str | None = None

    def warm(self, model: nn.Module, *, steps: int) -> training.Trained:
        """Run a few steps of this recipe, to see how long they take."""
        return training.train(
            model,
            self.batch,
            steps=steps,
            optimizers=self.optimizers,
            loss=self.loss,
            autocast=self.autocast,
        )


Make = Callable[[Path], Recipe]


def train(
    made: Recipe,
    folder: Path,
    plan: TrainingPlan,
    *,
    device: str = "cpu",
    stop_after: int | None = None,
) -> nn.Module:
    """Train, or go on training, in `folder`; return the model with its tokenizer."""
    torch.manual_seed(made.seed)
    warmup = min(WARMUP_STEPS, plan.steps // 10)
    times = -(-min(plan.steps, stop_after or plan.steps) // plan.between)
    before = scores(folder, made.score)
    with curve.live(made.exam, made.score, times=times, before=before) as evaluate:
        trained = training.train(
            made.fresh().to(device),
            made.batch,
            steps=plan.steps,
            optimizers=made.optimizers,
            loss=made.loss,
            autocast=made.autocast,
            schedule=training.constant_then_decay(
                plan.steps, warmup=warmup, decay=plan.decay
            ),
            folder=folder,
            checkpoint_every=plan.between,
            evaluate=evaluate,
            evaluate_every=plan.between,
            stop_after=stop_after,
        )
    trained.model.tokenizer = made.tokenizer
    return trained.model


def log(folder: Path) -> list[dict[str, float]]:
    """Return the rows of a training's log, none before it began."""
    return training.read_log(folder / "log.jsonl")


def scores(folder: Path, score: str) -> list[float]:
    """Return what the exams of a training gave so far, none before it began."""
    return [row[score] for row in log(folder) if score in row]


def plan_of(
    make: Make, folder: Path, *, minutes: float | None = None, device: str = "cpu"
) -> TrainingPlan:
    """Return the plan of this folder: its own where it has one, else a new one.

    minutes: as many steps as this machine does in that time, measured on a few.
    Raises ValueError for minutes that are none, or other than the folder's.
    """
    path = folder / "plan.json"
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes={minutes} must be above 0, such as 3.")
    if not path.exists():
        made = make(folder)
        steps = made.steps if minutes is None else steps_in(60 * minutes, made, device)
        plan = TrainingPlan(
            steps, round(made.decay_share * steps), minutes, made.started_from
        )
        atomic.write(path, json.dumps(asdict(plan)) + "\n")
    plan = TrainingPlan(**json.loads(path.read_text()))
    if plan.minutes != minutes:
        raise ValueError(
            f"minutes={minutes}, but the training in {folder} was planned with "
            f"minutes={plan.minutes}; ask for as many to go on with it, or choose "
            "another folder."
        )
    return plan


def steps_in(seconds: float, made: Recipe, device: str = "cpu") -> int:
    """Measure a few steps and an exam, and return how many steps fit into the time.

    It gives way to busy neighbours and says so: what fits beside them is planned.
    """
    with clock.given_way() as ran_on:
        model = made.warm(made.fresh().to(device), steps=3).model  # warm up
        watch = clock.Host()
        start = watch.look()
        model = made.warm(model, steps=MEASURED).model
        middle = watch.look()
        model.tokenizer = made.tokenizer
        made.exam(model)
        exams = EVALUATIONS * watch.seconds(middle, watch.look())
    if ran_on.note:
        print(f"planning: {ran_on.note}")
    step = watch.seconds(start, middle) / MEASURED
    return max(EVALUATIONS, int((seconds - exams) / step))


def add_arguments(parser: argparse.ArgumentParser, steps: int) -> None:
    """Add what such a recipe can be told besides what every recipe can."""
    parser.add_argument(
        "--minutes",
        type=float,
        help=f"train as many steps as fit into this time, instead of {steps:,}",
    )
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")


def run(
    make: Make,
    options: argparse.Namespace,
    *,
    judge: Callable[[nn.Module, Path], Sequence[Record]],
    publish: Callable[[nn.Module, Path, Path, TrainingPlan], Path],
) -> None:
    """Train the model, say how well it does, and publish it where asked."""
    make = functools.cache(make)
    folder, device = options.folder, str(machine.device(options.device))
    plan = plan_of(make, folder, minutes=options.minutes, device=device)
    made = make(folder)
    if plan.started_from not in (None, made.started_from):
        raise ValueError(
            f"the training in {folder} began with weights {plan.started_from}, and now "
            f"{made.started_from} stand there; choose another --folder."
        )
    model = train(made, folder, plan, device=device, stop_after=options.stop_after)
    done = min(plan.steps, options.stop_after or plan.steps)
    bars = curve.sparkline(scores(folder, made.score))
    print(f"trained {done} of {plan.steps} steps in {folder}")
    print(f"{made.score.replace('_', ' ')} while training: {bars}")
    print(show.table(judge(model, folder)))
    if options.publish:
        print(f"written {publish(model, folder, options.publish, plan)}")
