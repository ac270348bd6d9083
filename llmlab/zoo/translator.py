"""The recipe of `translator`: a 1.4 M parameter T5, English number words to French.

Number translation, not translation: numbers 0 to 999,999 as `core.numbers` spells them,
less the bands that are held out (`core.bands`), drawn as `zoo.words` says. Trained with
Muon (Jordan 2024) for the matrices of the layers and AdamW for the rest; T5: Raffel et
al. 2020.

Shapes: B pairs, T tokens.
"""

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from llmlab.core import bands, machine, records, writing
from llmlab.measure import quality
from llmlab.models import training
from llmlab.models.translation import translate
from llmlab.zoo import curve, words

STEPS, DECAY_SHARE = 3000, 0.3
EVALUATIONS = 24
RATE = 3e-3
WARMUP_STEPS = 100
EXAM = 250  # held-out numbers asked now and then while training
MATCH = "held_out_exact_match"
SHAPE = {
    "d_model": 128,
    "d_kv": 32,
    "num_heads": 4,
    "d_ff": 512,
    "num_layers": 3,
    "num_decoder_layers": 3,
}


@dataclass(frozen=True)
class Plan:
    """How long to train: steps in all, of which the last ones decay."""

    steps: int
    decay: int

    @classmethod
    def of(cls, steps: int) -> "Plan":
        return cls(steps, round(DECAY_SHARE * steps))

    @property
    def between(self) -> int:
        """Steps from one evaluation to the next."""
        return max(1, self.steps // EVALUATIONS)


def fresh() -> nn.Module:
    """Return the model with random weights, drawn from torch's generator."""
    from transformers import GenerationConfig, T5Config, T5ForConditionalGeneration

    ends = {
        "decoder_start_token_id": words.PAD_ID,
        "pad_token_id": words.PAD_ID,
        "eos_token_id": words.END_ID,
    }
    config = T5Config(
        vocab_size=words.VOCABULARY,
        dropout_rate=0.0,  # new pairs come all the time
        tie_word_embeddings=True,
        **SHAPE,
        **ends,
    )
    model = T5ForConditionalGeneration(config)
    model.generation_config = GenerationConfig(max_new_tokens=words.TARGET, **ends)
    return model


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the tables and norms."""
    tables = {
        id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)
    }
    everything = list(model.parameters())
    inside = [p for p in everything if p.dim() == 2 and id(p) not in tables]
    rest = [p for p in everything if p.dim() != 2 or id(p) in tables]
    return [
        torch.optim.Muon(
            inside, lr=RATE, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(rest, lr=RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of the target's tokens, padding aside."""
    source = _trimmed(tokens[:, : words.SOURCE])
    target = _trimmed(tokens[:, words.SOURCE :])
    return model(
        input_ids=source,
        attention_mask=(source != words.PAD_ID).long(),
        labels=target.masked_fill(target == words.PAD_ID, -100),
    ).loss


def _trimmed(tokens: Tensor) -> Tensor:
    """Drop the columns that hold padding only."""
    longest = int((tokens != words.PAD_ID).sum(1).max())
    return tokens[:, :longest]


def held_out_exam(tokenizer) -> curve.Evaluate:
    """Return a function that asks held-out numbers: exact match, and loss in nats."""
    chosen = random.Random(words.SEED).sample(bands.held_out_numbers(), EXAM)
    asked = [bands.pair(number) for number in chosen]
    tokens = words.packed(tokenizer, [pair[1:] for pair in asked])

    def evaluate(model: nn.Module) -> dict[str, float]:
        model.tokenizer = tokenizer
        answers = translate(model, [pair.english for pair in asked])
        match = quality.exact_match(answers, [pair.french for pair in asked])
        value = loss(model, tokens.to(model.device)).item()
        return {MATCH: match.value, "held_out_loss": round(value, 6)}

    return evaluate


def train(
    folder: Path, plan: Plan, *, device: str = "cpu", stop_after: int | None = None
) -> nn.Module:
    """Train, or go on training, in `folder`; return the model with its tokenizer."""
    tokenizer = words.prepare(folder)
    torch.manual_seed(words.SEED)
    exam, before = held_out_exam(tokenizer), shares(folder)
    times = min(plan.steps, stop_after or plan.steps) // plan.between
    with curve.live(exam, MATCH, times=times, before=before) as evaluate:
        trained = training.train(
            fresh().to(device),
            words.batches(tokenizer),
            steps=plan.steps,
            optimizers=optimizers,
            loss=loss,
            schedule=training.constant_then_decay(
                plan.steps, warmup=min(WARMUP_STEPS, plan.steps // 10), decay=plan.decay
            ),
            autocast=torch.bfloat16,
            folder=folder,
            checkpoint_every=plan.between,
            evaluate=evaluate,
            evaluate_every=plan.between,
            stop_after=stop_after,
        )
    trained.model.tokenizer = tokenizer
    return trained.model


def shares(folder: Path) -> list[float]:
    """Return the exact match on held-out numbers so far, none before training."""
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return [row[MATCH] for row in rows if MATCH in row]


def plan_of(folder: Path, *, minutes: float | None = None, device: str = "cpu") -> Plan:
    """Return the plan of this folder: its own where it has one, else a new one.

    minutes: as many steps as this machine does in that time, measured on a few.
    """
    path = folder / "plan.json"
    if not path.exists():
        if minutes is not None and not minutes > 0:
            raise ValueError(f"minutes={minutes} must be above 0, such as 3.")
        steps = STEPS if minutes is None else _steps_in(60 * minutes, device)
        writing.write(path, json.dumps(asdict(Plan.of(steps))) + "\n")
    return Plan(**json.loads(path.read_text()))


def _steps_in(seconds: float, device: str) -> int:
    """Measure a few steps and an exam, and return how many steps fit into the time."""
    tokenizer = words.made()
    run = {"optimizers": optimizers, "loss": loss, "autocast": torch.bfloat16}
    model, batch = fresh().to(device), words.batches(tokenizer)
    model = training.train(model, batch, steps=3, **run).model  # warm up
    start = time.monotonic()
    training.train(model, batch, steps=15, **run)
    middle = time.monotonic()
    held_out_exam(tokenizer)(model)
    exams = EVALUATIONS * (time.monotonic() - middle)
    return max(EVALUATIONS, int((seconds - exams) / ((middle - start) / 15)))


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
    from llmlab.zoo import translator_card  # it needs this recipe

    folder, device = options.folder, str(machine.device(options.device))
    plan = plan_of(folder, minutes=options.minutes, device=device)
    model = train(folder, plan, device=device, stop_after=options.stop_after)
    done = min(plan.steps, options.stop_after or plan.steps)
    print(f"trained {done} of {plan.steps} steps in {folder}")
    print(f"held-out exact match while training: {curve.sparkline(shares(folder))}")
    print(records.table([translator_card.quick(model)]))
    if options.publish:
        path = translator_card.publish(model, folder, options.publish, plan)
        print(f"written {path}")
