"""Three bounds for models, formats, batches and contexts: what the widget chooses from.

One context is short and measured beside its bounds; the other is estimated only.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from llmlab.core import clock, quantities
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import intervals, labels, roofline
from llmlab.measure.experiments.rounds import interleaved
from llmlab.measure.peaks import Peaks
from llmlab.measure.samples import Series

BATCHES = (1, 4, 16)
MEASURED, NEW, ESTIMATED = 16, 3, 512  # cached tokens, steps in a row, cached tokens
SECONDS = 8.0  # of timing, over all models and formats
USEFUL = 0.25  # of the fastest format's rate; a slower one has no kernel here
FORMATS = ("fp32", "bf16")

Loader = Callable[..., LanguageModel]


@dataclass(frozen=True)
class BoundsGrid:
    """Bounds and measured times of decode steps, and which formats were left out."""

    facts: tuple[Record, ...]
    note: str

    def records(self) -> list[Record]:
        """Return them with details model, dtype, batch and context."""
        return list(self.facts)


def bounds_grid(
    loaders: Mapping[str, Loader],
    *,
    dtypes: Sequence[str] | None = None,
    batches: Sequence[int] = BATCHES,
    seconds: float = SECONDS,
) -> BoundsGrid:
    """Measure decode steps of models and estimate their bounds, by format and batch.

    loaders: name -> a function called with the name and `dtype=` that gives the model,
    such as {"tiny": models.random_model, "coder": models.load}. dtypes: by default fp32
    and, where this machine multiplies it at a useful rate, bf16; the note says if not.
    A context of 16 is measured, one of 512 only estimated.
    Raises ValueError for no loaders and for what they refuse.
    """
    if not isinstance(loaders, Mapping) or not loaders:
        raise ValueError(
            f"loaders={loaders!r:.60} must map at least one name to a function of name "
            "and dtype, such as {'tiny': models.random_model}."
        )
    peaks = roofline.peaks(FORMATS if dtypes is None else tuple(dtypes))
    chosen, note = (tuple(dtypes), "") if dtypes else _useful(peaks)
    share = seconds / len(loaders) / len(chosen)
    facts: list[Record] = []
    for name, load in loaders.items():
        for dtype in chosen:
            model = load(name, dtype=dtype)
            choice = {"model": name, "dtype": dtype}
            times = _measured(model, batches, share)
            # As many behind every context and in every batch: counted once.
            operators = roofline.operators(model, 1, MEASURED)
            near = _bounds(model, dtype, batches, MEASURED, peaks, operators)
            if _is_contradicted(times, near):  # by now the peaks are discarded
                peaks = roofline.peaks(chosen)
                near = _bounds(model, dtype, batches, MEASURED, peaks, operators)
            facts += _with([*near, *times], choice | {"context": MEASURED})
            far = _bounds(model, dtype, batches, ESTIMATED, peaks, operators)
            facts += _with(far, choice | {"context": ESTIMATED})
            del model  # before the next one is made
    return BoundsGrid(tuple(_noted(fact, note) for fact in facts), note)


def _useful(peaks: Peaks) -> tuple[tuple[str, ...], str]:
    """Return the formats that this machine multiplies at a useful rate."""
    fastest = max(peaks.flops[name] for name in FORMATS)
    slow = [name for name in FORMATS if peaks.flops[name] < USEFUL * fastest]
    kept = tuple(name for name in FORMATS if name not in slow)
    if not slow:
        return kept, ""
    times = fastest / peaks.flops[slow[0]]
    return kept, (
        f"{slow[0]} is left out: this machine multiplies it {times:.0f} times slower "
        f"than {kept[0]}."
    )


@torch.inference_mode()
def _measured(
    model: LanguageModel, batches: Sequence[int], seconds: float
) -> list[Record]:
    """Return the times of decode steps behind a short prompt, by batch."""
    where = labels.device(model)
    prompts = torch.zeros(max(batches), MEASURED, dtype=torch.long, device=where)
    cache = model.new_cache(max(batches), MEASURED + NEW)
    model(prompts, cache, last=True)

    def steps(batch: int) -> float:
        rows, times = cache.select(range(batch)), []
        for _ in range(NEW):
            start = time.perf_counter()
            model(prompts[:batch, :1], rows).argmax(-1).tolist()
            times.append(time.perf_counter() - start)
        return intervals.median(times)

    with clock.given_way() as ran_on:
        rounds = interleaved(
            {str(batch): partial(steps, batch) for batch in batches},
            seconds=seconds, wished=intervals.LEAST_ROUNDS, ran_on=ran_on,
            what=f"timing {model.name}",
        )  # fmt: skip
    return [
        Series(rounds.values[str(batch)], rounds.values[str(batch)], ran_on).record(
            quantities.DECODE_LATENCY,
            subject=labels.label(model),
            details={"phase": "decode", "batch": batch, "tokens": 1},
        )
        for batch in batches
    ]


def _bounds(
    model: LanguageModel,
    dtype: str,
    batches: Sequence[int],
    context: int,
    peaks: Peaks,
    operators: int,
) -> list[Record]:
    """Return the bounds of a step behind a context, by batch."""
    return [
        fact
        for batch in batches
        for fact in roofline.bounds(
            model.cost(1, context, batch=batch, last=True),
            peaks=peaks,
            dtype=dtype,
            operators=operators,
            subject=labels.label(model),
            details={"phase": "decode", "batch": batch, "tokens": 1, "cached": context},
        )
    ]


def _is_contradicted(times: Sequence[Record], bounds: Sequence[Record]) -> bool:
    """Say whether a step was clearly faster than a bound of it allows."""
    shares = [
        roofline.nearest(
            step,
            [each for each in bounds if each.details["batch"] == step.details["batch"]],
        )
        for step in times
    ]
    return any(map(roofline.is_contradicted, shares))


def _with(facts: Sequence[Record], details: Mapping[str, Any]) -> list[Record]:
    return [replace(fact, details=dict(fact.details) | dict(details)) for fact in facts]


def _noted(fact: Record, note: str) -> Record:
    """Put a note behind what a fact notes already."""
    said = " ".join(filter(None, (fact.details.get("note", ""), note)))
    return replace(fact, details=dict(fact.details) | {"note": said}) if said else fact
