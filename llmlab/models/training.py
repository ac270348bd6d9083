"""The training loop that every recipe and lab shares.

It trains a copy, logs one JSON line every few steps, and writes everything it would
need to go on (weights, optimizer state, random state, step) into one file that replaces
its older self in one rename. Killed at any moment and started again, it ends with the
same weights: bit by bit on one thread.

Shapes: B sequences, T new tokens, V vocabulary.
"""

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.core import (
    atomic,
    clock,
    machine,
    progress,
    quantities,
    records,
    wanted,
)
from llmlab.core.records import Record
from llmlab.models import precision, resume, surgery, training_arguments
from llmlab.models.precision import Autocast, fastest_autocast

__all__ = ["Trained", "constant_then_decay", "fastest_autocast", "muon_and_adamw"]
__all__ += ["Autocast", "next_token_loss", "read_log", "train"]


@dataclass(frozen=True)
class Trained:
    """A trained copy of the model, and the log of how it got there."""

    model: nn.Module
    log: tuple[dict[str, Any], ...]

    @property
    def dtype(self) -> str:
        """What the last steps were computed in: "bf16", "fp32"."""
        return next(row["dtype"] for row in reversed(self.log) if "dtype" in row)

    def records(self) -> list[Record]:
        """Return the loss in nats by step, with the dtype that it was computed in."""
        return [
            records.measured(
                quantities.TRAINING_LOSS,
                row["loss"],
                details={key: row[key] for key in ("step", "tokens", "dtype")},
            )
            for row in self.log
            if "loss" in row
        ]


def next_token_loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of tokens (B, T + 1), one by one."""
    wanted.module("model", model)
    training_arguments.check_tokens(tokens)
    logits = model(tokens[:, :-1])  # (B, T, V)
    return F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten())


def constant_then_decay(
    steps: int, *, warmup: int, decay: int, floor: float = 0.0
) -> Callable[[int], float]:
    """Return the learning rate's factor by step: up, flat, then down to `floor`.

    The flat part may be prolonged later, which a cosine cannot (Hu et al. 2024 call it
    warmup-stable-decay).
    """
    training_arguments.check_plan(steps, warmup, decay, floor)

    def factor(step: int) -> float:
        up = (step + 1) / warmup if step < warmup else 1.0
        left = (steps - step) / decay if decay and step >= steps - decay else 1.0
        return up * (floor + (1 - floor) * left)

    return factor


def muon_and_adamw(
    model: nn.Module,
    *,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.0,
    apart: Collection[nn.Module] = (),
) -> list[torch.optim.Optimizer]:
    """Make Muon for the matrices, AdamW for tables, vectors and what is set `apart`.

    Muon (Jordan 2024) makes each step of a matrix nearly orthogonal, and needs fewer
    tokens than AdamW; its steps are scaled to be as large as AdamW's, so that one
    `rate` suits both (Liu et al. 2025). Put the head apart, which is no matrix between
    layers. weight_decay: AdamW's; Muon's is 0.1. A group without weights is left out.
    """
    wanted.module("model", model)
    training_arguments.check_rates(rate, betas, weight_decay)
    training_arguments.check_modules("apart", apart)
    tables = [part for part in model.modules() if isinstance(part, nn.Embedding)]
    left = {id(p) for part in (*tables, *apart) for p in part.parameters()}
    everything = list(model.parameters())
    inside = [p for p in everything if p.dim() == 2 and id(p) not in left]
    chosen = {id(p) for p in inside}
    others = [p for p in everything if id(p) not in chosen]
    made: list[torch.optim.Optimizer] = []
    if inside:
        made.append(
            torch.optim.Muon(
                inside, lr=rate, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
            )
        )
    if others:
        decay = weight_decay
        made.append(torch.optim.AdamW(others, lr=rate, betas=betas, weight_decay=decay))
    return made


@machine.release_memory()
def train(
    model: nn.Module,
    batch: Callable[[int], Tensor],
    *,
    steps: int,
    optimizers: Callable[[nn.Module], Iterable[torch.optim.Optimizer]],
    loss: Callable[[nn.Module, Tensor], Tensor] = next_token_loss,
    schedule: Callable[[int], float] = lambda step: 1.0,
    autocast: Autocast = "fastest",
    clip: float | None = 1.0,
    folder: Path | str | None = None,
    checkpoint_every: int = 200,
    log_every: int = 20,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    evaluate_every: int = 200,
    start: int = 0,
    stop_after: int | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    in_place: bool = False,
) -> Trained:
    """Train a copy of `model` for `steps` steps and return it with its log.

    batch: the tokens of a step by its number, so that a restart sees the same ones.
    optimizers: makes the optimizers of the copy; `schedule` scales their rates.
    loss: of the model and a batch, a scalar in nats; may hold a teacher or a mask.
    autocast: what products are computed in, while weights stay in their own dtype:
        torch.bfloat16, None for that of the weights, or what trains fastest here. A
        training that is gone on with keeps what it began in, unless told otherwise;
        the log's rows name it.
    folder: keeps `training.safetensors` and `log.jsonl`, and goes on from them.
    start: steps that these weights have behind them, where no checkpoint says so.
    stop_after: pause after this step, to be gone on with later (None: to the end).
    after_step: called with the copy after every optimizer step, such as to set pruned
    weights to zero again. Whatever else is to be trained (a projection to the teacher's
    width) must be a part of `model`: what stands outside stays with the original, and
    so does what its hooks have heard.
    in_place: train this very model, which saves the memory of a copy.
    It computes on the threads that busy neighbours leave when it begins, since threads
    that wait for each other take many times as long. Raises ValueError for a checkpoint
    of another model and for weights that are integers, FloatingPointError when the loss
    is no longer a number.
    """
    training_arguments.check(
        model,
        {"batch": batch, "optimizers": optimizers, "loss": loss, "schedule": schedule,
         "evaluate": evaluate, "after_step": after_step},
    )  # fmt: skip
    training_arguments.check_numbers(
        {"steps": steps, "checkpoint_every": checkpoint_every, "start": start,
         "log_every": log_every, "evaluate_every": evaluate_every},
        clip=clip, stop_after=stop_after,
    )  # fmt: skip
    if folder is not None:
        training_arguments.check_path("folder", folder)
    model = model if in_place else surgery.clone(model)
    model.train().requires_grad_(True)
    made = training_arguments.listed_optimizers(optimizers(model))
    rates = [[group["lr"] for group in o.param_groups] for o in made]
    state = resume.State(model, made)
    path = Path(folder) / "training.safetensors" if folder else None
    first = state.load(path) if path and path.exists() else start
    autocast = precision.chosen(autocast, model, before=state.dtype)
    state.dtype = precision.name(autocast, model)
    log = _Log(Path(folder) / "log.jsonl" if folder else None, state.dtype)
    log.rewind(first)
    last = min(steps, stop_after or steps)
    device = next(model.parameters()).device
    with clock.given_way(), progress.task("training", last) as tell:
        tell(first)
        for step in range(first, last):
            for optimizer, base in zip(made, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, base, strict=True):
                    group["lr"] = rate * schedule(step)
            tokens = batch(step).to(device)
            value = _step(model, tokens, made, loss, autocast, clip)
            if after_step is not None:
                after_step(model)
            log.count(tokens, value)
            done = step + 1
            if done % log_every == 0 or done == last:
                log.write(done, schedule(step))
            if evaluate and (done % evaluate_every == 0 or done == last):
                log.add(done, _evaluated(model, evaluate))
            if path and (done % checkpoint_every == 0 or done == last):
                state.save(path, done)
            tell(1, note=f"loss {value:.3f}")
    return Trained(model.eval().requires_grad_(False), tuple(log.rows))


def read_log(path: Path | str) -> list[dict[str, Any]]:
    """Return the rows of a training's log, none before it began.

    They end before a line that is none: what a kill cut in two.
    """
    training_arguments.check_path("path", path)
    rows: list[dict[str, Any]] = []
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        for line in Path(path).read_text().splitlines():
            rows.append(json.loads(line))
    return rows


def _step(model, tokens, optimizers, loss, autocast, clip) -> float:
    kind = tokens.device.type
    with torch.autocast(kind, dtype=autocast, enabled=autocast is not None):
        value = loss(model, tokens)
    value.backward()
    number = value.item()
    if number != number or number in (float("inf"), float("-inf")):
        raise FloatingPointError(
            f"the loss is {number}: the weights are lost from here on; go on from the "
            "last checkpoint with a lower learning rate."
        )
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return number


def _evaluated(model: nn.Module, evaluate: Callable) -> dict[str, float]:
    model.eval()
    with torch.inference_mode():
        result = evaluate(model)
    model.train()
    return result


class _Log:
    """Rows of numbers by step: kept, and written as JSON lines if there is a path."""

    def __init__(self, path: Path | None, dtype: str):
        self.path, self.dtype = path, dtype
        self.rows: list[dict[str, Any]] = []
        self.losses: list[float] = []
        self.tokens, self.since = 0, time.monotonic()

    def rewind(self, step: int) -> None:
        """Drop what was logged after the checkpoint that training goes on from."""
        if self.path is None:
            return
        self.rows = [row for row in read_log(self.path) if row["step"] <= step]
        self.tokens = max((r.get("tokens", 0) for r in self.rows), default=0)
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        atomic.write(self.path, lines)

    def count(self, tokens: Tensor, loss: float) -> None:
        self.tokens += tokens.shape[0] * (tokens.shape[1] - 1)
        self.losses.append(loss)

    def write(self, step: int, factor: float) -> None:
        seconds = time.monotonic() - self.since
        mean = sum(self.losses) / len(self.losses)
        row: dict[str, Any] = {"loss": round(mean, 5)}
        row["rate_factor"] = round(factor, 5)
        row["dtype"] = self.dtype
        self.add(step, row | {"tokens": self.tokens, "seconds": round(seconds, 2)})
        self.losses, self.since = [], time.monotonic()

    def add(self, step: int, numbers: dict[str, Any]) -> None:
        row = {"step": step} | numbers
        self.rows.append(row)
        if self.path is not None:
            with open(self.path, "a") as out:
                out.write(json.dumps(row) + "\n")
