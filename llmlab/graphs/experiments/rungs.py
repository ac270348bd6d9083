"""What is said of a way to run a step besides its time: starts, price, bytes, error."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab import measure
from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.quantities import (
    ALIKE,
    BUILD_SECONDS,
    DECODE,
    LOGIT_ERROR,
    NODES,
    PAID,
    PHASE,
    PREFILL,
    STEP_BYTES,
)
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.measure import comparison, memory

EAGER = "eager"  # the way that all others are held against
CALLS = "calls"  # what a way is started by that has nothing else to start


@dataclass(frozen=True)
class Rung:
    """A model whose steps go one way, what it starts, and what building it took."""

    model: Model
    starts: int
    kind: str
    built: float | None = None


def times(
    speed: measure.Speed, time: Quantity, gain: Quantity, tokens: int, *,
    against: str = EAGER, of: str = DECODE,
) -> Iterator[Record]:  # fmt: skip
    """Say what each way takes, and how many times as fast as one of them it is.

    tokens: in the cache of a step, or those of a prompt. of: the phase.
    """
    named = {PHASE: of} if of not in (DECODE, PREFILL) else {}
    details = {"tokens": tokens} | named
    for timing in speed.timings:
        yield timing.total.record(time, subject=timing.name, details=details)
    for timing in speed.timings:
        if timing.name != against:
            verdict = speed.verdict(timing.name, against)
            more = {"against": against} | named
            yield verdict.record(gain, subject=timing.name, details=more)


def prices(
    made: Mapping[str, Rung], speed: measure.Speed, gains: Iterable[Record]
) -> Iterator[Record]:
    """Say what each way starts and took to build, and what pays that back.

    gains: what `times` said; only a way that is surely faster pays.
    """
    yield from started(made)
    faster = {
        gain.subject
        for gain in gains
        if gain.details.get("verdict") == comparison.FASTER
    }
    for name, way in made.items():
        if way.built is None:
            continue
        saved = speed[EAGER].median - speed[name].median
        if name in faster and saved > 0:
            yield records.make(PAID, way.built / saved, kind="estimated", subject=name)


def started(made: Mapping[str, Rung], of: str = DECODE) -> Iterator[Record]:
    """Say what each way starts in a call of a phase, and of a step took to build.

    What is built for another phase later finds parts of it made before.
    """
    named = {} if of == DECODE else {PHASE: of}
    for name, way in made.items():
        details = {"way": name, "kind": way.kind} | named
        yield records.measured(NODES, way.starts, subject=name, details=details)
        if way.built is not None and of == DECODE:
            yield records.measured(
                BUILD_SECONDS, way.built, subject=name, details={"way": name}
            )


def sizes(
    made: Mapping[str, Rung], cost: Mapping[str, int], details: Mapping[str, Any]
) -> Iterator[Record]:
    """Say which bytes each way's weights take, and which a call reads and writes.

    cost: arguments of a model's `cost` that say which call. details: of its bytes.
    The formula is of weights that are read as they are stored; torch's operators write
    integers out as floats first, so of these nothing is said. Weights are those of all
    phases, and said with a step's bytes alone.
    """
    for name, way in made.items():
        if way.kind == CALLS or not _is_quantized(way.model):
            moved = way.model.cost(**cost, last=True).bytes
            yield records.make(
                STEP_BYTES, moved, kind="estimated", subject=name, details=dict(details)
            )
        if details.get(PHASE, DECODE) == DECODE:
            (held,) = memory.held(way.model)
            yield dataclasses.replace(held, subject=name)


def _is_quantized(model: Model) -> bool:
    return any(isinstance(module, QuantizedLinear) for module in model.modules())


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
