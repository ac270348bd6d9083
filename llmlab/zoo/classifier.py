"""The recipe of `classifier`: a 1.2 M parameter BERT that tells standard modules apart.

It reads a snippet of code with the module's name masked (`zoo.snippets`) and says which
of twelve modules that was (BERT: Devlin et al. 2019, here without its pre-training).
It starts with what `coder` knows of its tokens. Matrices of the layers are trained with
Muon (Jordan 2024), the rest with AdamW.

Shapes: B sequences, T tokens, C modules.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab import models
from llmlab.core import machine, records, writing
from llmlab.core.texts import Snippet
from llmlab.models import classification, training
from llmlab.zoo import curve, rivals, rows, snippets

STEPS, DECAY_SHARE, WARMUP_STEPS = 2400, 0.5, 50
RATE = 2e-3
SPREAD = 0.04  # of the embedding at the start
SMOOTHING = 0.1
EVALUATIONS, EXAM = 16, 256  # how often, and of how many held-out snippets
SHAPE = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "hidden_dropout_prob": 0.0,  # tokens are hidden instead, which costs nothing
    "attention_probs_dropout_prob": 0.0,
}


@dataclass(frozen=True)
class Plan:
    """How long to train: steps in all, the last of which decay; minutes if asked so."""

    steps: int
    decay: int
    minutes: float | None = None

    @classmethod
    def of(cls, steps: int, *, minutes: float | None = None) -> "Plan":
        return cls(steps, round(DECAY_SHARE * steps), minutes)

    @property
    def between(self) -> int:
        """Steps from one evaluation to the next."""
        return max(1, self.steps // EVALUATIONS)


def fresh(words) -> nn.Module:
    """Return the untrained model: random weights, drawn from torch's generator, but for
    the tokens that `coder` knows, whose places among each other are taken from it."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(words),
        max_position_embeddings=rows.CONTEXT,
        type_vocab_size=1,
        pad_token_id=words.pad_token_id,
        id2label=dict(enumerate(snippets.MODULES)),
        label2id={module: n for n, module in enumerate(snippets.MODULES)},
        **SHAPE,
    )
    model = BertForSequenceClassification(config)
    known = main_directions(models.load("coder").embedding.weight, config.hidden_size)
    table = model.bert.embeddings.word_embeddings.weight
    with torch.no_grad():
        table[: len(known)] = known * (SPREAD / known.std())
    return model


def main_directions(table: Tensor, width: int) -> Tensor:
    """Return a table (V, D) in its `width` main directions: (V, width)."""
    centred = table.float() - table.float().mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:width].T


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the tables and the head."""
    inside = [
        p for n, p in model.named_parameters() if "encoder.layer" in n and p.dim() == 2
    ]
    chosen = {id(p) for p in inside}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            inside, lr=RATE, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(rest, lr=RATE, betas=(0.9, 0.98), weight_decay=0.05),
    ]


def loss(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of a batch (B, 1 + T) of labels, tokens."""
    labels, tokens = batch[:, 0], batch[:, 1:]
    seen = (tokens != model.config.pad_token_id).long()
    logits = model(input_ids=tokens, attention_mask=seen).logits  # (B, C)
    return F.cross_entropy(logits.float(), labels, label_smoothing=SMOOTHING)


def answers(model: nn.Module, words, asked: Sequence[Snippet]) -> list[str]:
    """Return the module that the model names for each snippet."""
    codes = [snippet.code for snippet in asked]
    return classification.classify(model, codes, tokenizer=words)


def held_out_exam(words, chosen: Sequence[Snippet]) -> curve.Evaluate:
    """Return a function that gives the accuracy on some held-out snippets."""
    chosen = chosen[:EXAM]  # they stand in random order

    def evaluate(model: nn.Module) -> dict[str, float]:
        right = rivals.hits(answers(model, words, chosen), chosen)
        return {"held_out_accuracy": round(sum(right) / len(right), 4)}

    return evaluate


def train(
    folder: Path, plan: Plan, *, device: str = "cpu", stop_after: int | None = None
) -> nn.Module:
    """Train, or go on training, in `folder`; return the model with its tokenizer."""
    words, found = rows.tokenizer(), rows.prepare(folder)
    torch.manual_seed(rows.SEED)
    exam = held_out_exam(words, found["held out"])
    before = [r["held_out_accuracy"] for r in log(folder) if "held_out_accuracy" in r]
    times = -(-min(plan.steps, stop_after or plan.steps) // plan.between)
    with curve.live(exam, "held_out_accuracy", times=times, before=before) as evaluate:
        trained = training.train(
            fresh(words).to(device),
            rows.batches(words, found["training"]),
            steps=plan.steps,
            optimizers=optimizers,
            loss=loss,
            schedule=training.constant_then_decay(
                plan.steps, warmup=min(WARMUP_STEPS, plan.steps // 10), decay=plan.decay
            ),
            folder=folder,
            checkpoint_every=plan.between,
            evaluate=evaluate,
            evaluate_every=plan.between,
            stop_after=stop_after,
        )
    trained.model.tokenizer = words
    return trained.model


def log(folder: Path) -> list[dict[str, float]]:
    """Return the rows of a training's log, none before it began."""
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def plan_of(folder: Path, *, minutes: float | None = None, device: str = "cpu") -> Plan:
    """Return the plan of this folder: its own where it has one, else a new one.

    minutes: as many steps as this machine does in that time, measured on a few.
    Raises ValueError for minutes that are none, or other than the folder's.
    """
    path = folder / "plan.json"
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes={minutes} must be above 0, such as 3.")
    if not path.exists():
        steps = STEPS if minutes is None else _steps_in(60 * minutes, folder, device)
        plan = Plan.of(steps, minutes=minutes)
        writing.write(path, json.dumps(asdict(plan)) + "\n")
    plan = Plan(**json.loads(path.read_text()))
    if plan.minutes != minutes:
        raise ValueError(
            f"minutes={minutes}, but the training in {folder} was planned with "
            f"minutes={plan.minutes}; ask for as many to go on with it, or choose "
            "another folder."
        )
    return plan


def _steps_in(seconds: float, folder: Path, device: str) -> int:
    """Measure a few steps and an exam, and return how many steps fit into the time."""
    words, found = rows.tokenizer(), rows.prepare(folder)
    batch, rest = rows.batches(words, found["training"]), {"optimizers": optimizers}
    model = fresh(words).to(device)
    model = training.train(model, batch, steps=3, loss=loss, **rest).model  # warm up
    start = time.monotonic()
    training.train(model, batch, steps=rows.DEALT, loss=loss, **rest)
    per_step = (time.monotonic() - start) / rows.DEALT
    start = time.monotonic()
    held_out_exam(words, found["held out"])(model)
    exams = EVALUATIONS * (time.monotonic() - start)
    return max(EVALUATIONS, int((seconds - exams) / per_step))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    parser.add_argument(
        "--minutes",
        type=float,
        help=f"train as many steps as fit into this time, instead of {STEPS:,}",
    )
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")


def run(options: argparse.Namespace) -> None:
    """Train the model, say how well it does, and publish it where asked."""
    from llmlab.zoo import classifier_card  # it needs this recipe

    folder, device = options.folder, str(machine.device(options.device))
    plan = plan_of(folder, minutes=options.minutes, device=device)
    model = train(folder, plan, device=device, stop_after=options.stop_after)
    done = min(plan.steps, options.stop_after or plan.steps)
    shares = [r["held_out_accuracy"] for r in log(folder) if "held_out_accuracy" in r]
    print(f"trained {done} of {plan.steps} steps in {folder}")
    print(f"held-out accuracy while training: {curve.sparkline(shares)}")
    print(records.table(classifier_card.quick(model, rows.prepare(folder)["held out"])))
    if options.publish:
        target = classifier_card.publish(model, folder, options.publish, plan)
        print(f"written {target}")
