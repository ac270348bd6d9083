"""One model on this machine: what `llmlab measure` shows.

Prefill and decode are timed on the loop that writes text, for every batch in the same
rounds, so that they compare. Beside them stand the three bounds that this machine sets,
what weights and cache hold, and the quality on a text.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from llmlab import texts
from llmlab.core import arguments, clock, quantities, wanted
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels, memory, quality, roofline
from llmlab.measure.scores import Texts
from llmlab.measure.timing import Speed, Timing, speed

BATCHES = (1, 2, 4, 8, 16)
SECONDS = 20.0  # of timing; at least six rounds are run


def one_model(
    model: LanguageModel,
    *,
    stream: Callable[..., Iterator[list[int | None]]],
    text: Texts | None = None,
    prompt: int = 128,
    new: int = 33,
    batches: Sequence[int] = BATCHES,
    seconds: float = SECONDS,
) -> list[Record]:
    """Measure prefill, decode, batches, memory and quality, and estimate the bounds.

    stream: models.generation.stream_batch, or like it. prompt, new: tokens read and
    written; the first new one is the prefill's, the others are decode steps. text: what
    quality is measured on, by default the frozen programs; with () it is left out, as
    it is for a model without a tokenizer. Record details hold phase, batch, prompt,
    tokens and cached. Raises ValueError beyond the model's context.
    """
    _check(model, stream, prompt, new, batches)
    text = texts.evaluation_files() if text is None else _texts(text)
    facts = memory.held(model, model.new_cache(1, model.context))
    facts += _timed(model, stream, prompt, new, batches, seconds)
    if model.tokenizer is not None and len(text):
        facts += quality.evaluate(model, text)
    return [*facts, memory.process_peak(subject=labels.label(model))]


def _timed(model, stream, prompt, new, batches, seconds) -> list[Record]:
    """Return times of prefill and decode by batch, each with its bounds."""
    prompts = _prompts(model, max(batches), prompt)
    calls = {
        str(batch): lambda batch=batch: stream(model, prompts[:batch], max_tokens=new)
        for batch in batches
    }
    measured = speed(calls, seconds=seconds)
    facts = _beside_bounds(model, measured, prompt, new, batches)
    if any(map(roofline.is_contradicted, facts)):  # peaks too low are gone by now
        return _beside_bounds(model, measured, prompt, new, batches)
    return facts


def _beside_bounds(model, measured: Speed, prompt, new, batches) -> list[Record]:
    """Return the times with the bounds of as many threads as they were taken on."""
    dtype = roofline.arithmetic_format(model)
    with clock.fixed(measured.ran_on.count):
        peaks = roofline.peaks((dtype,), device=labels.device(model))
    facts = []
    for batch in batches:
        timing = measured[str(batch)]
        facts += _prefill(model, timing, batch, prompt, peaks)
        facts += _decode(model, timing, batch, prompt, new, peaks)
    return facts


def _prefill(model, timing: Timing, batch: int, prompt: int, peaks) -> list[Record]:
    details = {"phase": "prefill", "batch": batch, "prompt": prompt, "tokens": prompt}
    assert timing.time_to_first_token is not None  # it was a stream
    latency = timing.time_to_first_token.record(
        quantities.PREFILL_LATENCY,
        subject=labels.label(model),
        details=details,
        seed=0,
        weights=model.weights_version,
    )
    bounds = roofline.model_bounds(
        model, tokens=prompt, batch=batch, peaks=peaks, details={"prompt": prompt}
    )
    return [latency, *bounds, roofline.nearest(latency, bounds)]


def _decode(model, timing: Timing, batch: int, prompt, new, peaks) -> list[Record]:
    cached = prompt + new // 2  # in the middle of what was written
    details = {"phase": "decode", "batch": batch, "prompt": prompt, "tokens": 1}
    details["cached"] = cached
    assert timing.per_token is not None  # a stream of two tokens or more
    latency, rate = (
        replace(
            fact,
            subject=labels.label(model),
            details=dict(fact.details) | details,
            seed=0,
            weights=model.weights_version,
        )
        for fact in (
            timing.per_token.record(quantities.DECODE_LATENCY),
            timing.per_token.rate(quantities.DECODE_THROUGHPUT, batch),
        )
    )
    bounds = roofline.model_bounds(
        model, tokens=1, cached=cached, batch=batch, peaks=peaks,
        details={"prompt": prompt},
    )  # fmt: skip
    return [latency, rate, *bounds, roofline.nearest(latency, bounds)]


def _prompts(model: LanguageModel, rows: int, length: int) -> list[list[int]]:
    """Draw prompts; which tokens they are changes no time here."""
    generator = torch.Generator().manual_seed(0)
    size = (rows, length)
    return torch.randint(model.vocabulary, size, generator=generator).tolist()


def _texts(text: Texts) -> Texts:
    """Return the texts that quality is measured on, which may be none at all."""
    if isinstance(text, str):
        return text
    arguments.texts("text", text)
    return text


def _check(
    model: LanguageModel, stream, prompt: int, new: int, batches: Sequence[int]
) -> None:
    wanted.causal("model", model)
    arguments.function(
        "stream", stream, way="hand in models.generation.stream_batch or one like it"
    )
    arguments.whole("prompt", prompt, least=1)
    arguments.whole("new", new, least=2)
    if prompt + new > model.context:
        raise ValueError(
            f"prompt={arguments.shown(prompt)}, new={arguments.shown(new)}: both must "
            f"fit into the context of {model.context}; choose fewer."
        )
    arguments.wholes("batches", batches, least=1, way="such as (1, 8)")
