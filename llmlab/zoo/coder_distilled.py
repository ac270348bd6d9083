"""The recipe of `coder-distilled`: cut from `coder`, and taught by it to write for it.

A draft for `coder` must be quick, so it has few layers of the full width; and it must
foretell what `coder` says, not what is right. So it learns from all of the teacher's
logits in place of labels (Hinton et al. 2015), and it begins with layers of the teacher
(Sanh et al. 2019): the first and the last, with the half of their neurons that answers
most strongly (Muralidharan et al. 2024). The text is that of `coder`, a sixth of it, in
the same order; Muon and AdamW as there.

`--resume FOLDER` begins with weights instead: of this shape, at step 0.
"""

import argparse
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from llmlab import distillation, models
from llmlab.core import machine
from llmlab.distillation import students
from llmlab.models import files, training
from llmlab.models.decoder import Decoder
from llmlab.zoo import coder, recipe, shapes, start

TEACHER, NAME = "coder", "coder-distilled"
RATE = 2e-3
MILLION_TOKENS, DECAY_MILLION = 8.192, 3.2768
WARMUP_STEPS = 50
PROMPTS, ROWS = 4, 16  # batches, and sequences of each, by which neurons are chosen
EVERY = 50  # steps from one exam, and one checkpoint, to the next


@dataclass(frozen=True)
class Student:
    """What of the teacher a student begins with."""

    layers: tuple[int, ...]
    neurons: int  # in each layer's MLP


STUDENTS = {"two": Student((0, 4), 512), "one": Student((0,), 1024)}


def cut(teacher: Decoder, batch: Callable[[int], Tensor], student: str) -> Decoder:
    """Return the student before its first step, a plain model with its own weights.

    batch: the training's, the first of which show which neurons answer.
    """
    chosen = STUDENTS[student]
    data = [batch(step)[:ROWS, :-1] for step in range(PROMPTS)]
    hidden = chosen.neurons if chosen.neurons < teacher.shape.hidden else None
    smaller = students.from_pruned(teacher, data, layers=chosen.layers, hidden=hidden)
    plain = Decoder(smaller.config)  # no change of `coder` any more: one of its kin
    plain.load_state_dict(smaller.state_dict())
    plain.tokenizer = teacher.tokenizer
    plain.name = NAME
    return plain.eval()


def held_out_exam(folder: Path, teacher: nn.Module) -> Callable[[nn.Module], dict]:
    """Return a function that gives the loss on held-out text, and the agreement.

    Agreement: the share of places where student and teacher choose the same token.
    """
    rows, score = coder.held_out_rows(folder), coder.held_out_loss(folder)

    def choices(model: nn.Module) -> list[Tensor]:
        device = next(model.parameters()).device
        return [model(row[:, :-1].to(device)).argmax(-1) for row in rows]

    taught = functools.cache(lambda: choices(teacher))

    def evaluate(model: nn.Module) -> dict[str, float]:
        pairs = zip(choices(model), taught(), strict=True)
        same = [(ours == theirs).float().mean().item() for ours, theirs in pairs]
        return {**score(model), "agreement": round(sum(same) / len(same), 4)}

    return evaluate


def train(
    folder: Path,
    plan: coder.TokenPlan,
    *,
    student: str = "two",
    resume: Path | None = None,
    stop_after: int | None = None,
    device: str = "cpu",
) -> nn.Module:
    """Train, or go on training, a student of `coder` in `folder`; return it.

    resume: weights of this shape to begin with, at step 0. A checkpoint in the folder
    goes first. Raises ValueError where it was taught by other weights of `coder`.
    """
    home = files.find(TEACHER)
    teacher: Any = models.load(TEACHER)
    coder.prepare(folder, tokenizer=home / "tokenizer.json")
    batch = coder.batches(folder, plan)
    model = cut(teacher, batch, student)
    begun = (folder / "training.safetensors").exists()
    if resume and not begun:
        begin: Any = models.load(resume)
        shapes.check_like(begin, model, f"{NAME} --student {student}")
        model = begin
    _begin(folder, resume or home, begun=begun)
    teacher = teacher.to(device)
    trained = distillation.train(
        model.to(device),
        teacher,
        batch,
        steps=plan.steps,
        optimizers=lambda part: training.muon_and_adamw(part, rate=RATE),
        schedule=training.constant_then_decay(
            plan.steps,
            warmup=min(WARMUP_STEPS, plan.constant),
            decay=plan.decay,
            floor=0.02,
        ),
        autocast=torch.bfloat16,  # as the published weights, whatever is fastest here
        folder=folder,
        checkpoint_every=EVERY,
        log_every=10,
        evaluate=held_out_exam(folder, teacher),
        evaluate_every=EVERY,
        stop_after=stop_after,
        seed=coder.SEED,
    )
    return trained.model


def _begin(folder: Path, weights: Path, *, begun: bool) -> None:
    """Remember the weights that it all began with; refuse a folder of other ones."""
    version = files.fingerprint(files.weight_files(weights))
    if not begun:
        start.begin(folder, weights)
    elif start.before(folder) is None:
        start.remember(folder, weights)
    known = start.started_from(start.before(folder))
    if known != version:
        raise ValueError(
            f"the training in {folder} began with weights {known}, and {weights} holds "
            f"{version}; hand in the same --resume, or choose another --folder."
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    parser.add_argument("--tokens", type=float, help="millions of tokens in all")
    parser.add_argument(
        "--decay",
        type=float,
        default=DECAY_MILLION,
        help="millions of them in the decay",
    )
    parser.add_argument(
        "--student",
        choices=[*STUDENTS],
        default="two",
        help="layers of coder that it begins with: the first and the last with half of "
        "their neurons (two, the default), or the first, whole (one)",
    )
    parser.add_argument(
        "--resume",
        help="begin with these weights of the student's shape, a folder or a bundled "
        "name, instead of layers of coder (step 0 of this plan)",
    )
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")


def run(options: argparse.Namespace, *, card: ModuleType) -> None:
    """Train a student; publish it with its card where asked.

    card: the module that writes it. It measures by this recipe, so it is handed in.
    """
    folder = options.folder
    plan = coder.TokenPlan.from_tokens(
        options.tokens or MILLION_TOKENS, decay_million=options.decay
    )
    last = min(plan.steps, options.stop_after or plan.steps)
    if options.publish and last < plan.steps:
        raise ValueError(
            f"--publish wants the end, step {plan.steps:,}, and --stop-after is "
            f"{last:,}; leave one of them out."
        )
    model = train(
        folder,
        plan,
        student=options.student,
        resume=files.find(options.resume) if options.resume else None,
        stop_after=options.stop_after,
        device=str(machine.device(options.device)),
    )
    done = max(row["step"] for row in recipe.log(folder))
    print(f"trained {done} of {plan.steps} steps in {folder}")
    if options.publish:
        written = card.publish(model, folder, options.publish, plan, options.student)
        print(f"written {written}")
