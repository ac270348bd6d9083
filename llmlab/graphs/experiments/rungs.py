"""What is said of a way to run a step besides its time: starts, price, bytes, error."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab import measure
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.quantities import (
    ALIKE,
    BUILD_SECONDS,
    LOGIT_ERROR,
    NODES,
    PAID,
    PREFILL_GAIN,
    PREFILL_TIME,
    STEP_BYTES,
)
from llmlab.measure import comparison, memory

EAGER = "eager"  # the way that all others are held against
DECODE, PREFILL = "decode", "prefill"
PHASE = "phase"  # of details; a fact without it is of a step
OF_PREFILL = {PREFILL_TIME.name, PREFILL_GAIN.name}


@dataclass(frozen=True)
class Rung:
    """A model whose steps go one way, what it starts, and what building it took."""

    model: Model
    starts: int
    kind: str
    built: float | None = None


def prices(made: Mapping[str, Rung], speed: measure.Speed) -> Iterator[Record]:
    """Say what each way starts and took to build, and what pays that back."""
    yield from started(made)
    for name, way in made.items():
        if way.built is None:
            continue
        verdict = speed.verdict(name, EAGER)
        saved = speed[EAGER].median - speed[name].median
        if verdict.word == comparison.FASTER and saved > 0:
            yield records.make(PAID, way.built / saved, kind="estimated", subject=name)


def started(made: Mapping[str, Rung], phase: str = DECODE) -> Iterator[Record]:
    """Say what each way starts in a call of a phase, and took to build."""
    named = {} if phase == DECODE else {PHASE: phase}
    for name, way in made.items():
        details = {"way": name, "kind": way.kind} | named
        yield records.measured(NODES, way.starts, subject=name, details=details)
        if way.built is not None:
            details = {"way": name} | named
            yield records.measured(
                BUILD_SECONDS, way.built, subject=name, details=details
            )


def sizes(
    made: Mapping[str, Rung], cost: Mapping[str, int], details: Mapping[str, Any]
) -> Iterator[Record]:
    """Say which bytes each way's weights take, and which a call reads and writes.

    cost: arguments of a model's `cost` that say which call. details: of its bytes.
    Weights are those of all phases, and said with a step's bytes alone.
    """
    for name, way in made.items():
        moved = way.model.cost(**cost, last=True).bytes
        yield records.make(
            STEP_BYTES, moved, kind="estimated", subject=name, details=dict(details)
        )
        if details.get(PHASE, DECODE) == DECODE:
            (held,) = memory.held(way.model)
            yield dataclasses.replace(held, subject=name)


def phase(fact: Record) -> str:
    """Return the phase that a fact is of: a step's unless it says another."""
    return str(fact.details.get(PHASE, PREFILL if fact.name in OF_PREFILL else DECODE))


def compared(made: Mapping[str, Rung], text: Tensor, written: int) -> Iterator[Record]:
    """Compare logits at the places of what the eager model writes on."""
    chosen = list(made[EAGER].model.stream(text[0].tolist(), max_tokens=written))
    wanted = _logits(made[EAGER].model, text, chosen)
    for name, way in made.items():
        logits = wanted if name == EAGER else _logits(way.model, text, chosen)
        error = (logits - wanted).abs().max().item()
        same = (logits.argmax(-1) == wanted.argmax(-1)).double().mean().item()
        yield records.measured(LOGIT_ERROR, error, subject=name)
        yield records.measured(ALIKE, same, subject=name, details={"tokens": written})


@torch.inference_mode()
def _logits(model: Any, text: Tensor, chosen: Sequence[int]) -> Tensor:
    """Return the logits (written, V) behind a text, step by step on a given answer."""
    cache = model.new_cache(1, text.shape[1] + len(chosen))
    logits = [model(text, cache, last=True)[0, -1]]
    for token in chosen[:-1]:
        logits.append(model(torch.tensor([[token]]), cache, last=True)[0, -1])
    return torch.stack(logits).double()
