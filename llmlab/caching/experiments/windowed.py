"""A window of the last tokens, with and without sinks: quality, and a long text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llmlab import measure
from llmlab.caching.experiments import scoring
from llmlab.caching.experiments.stepping import Steps
from llmlab.caching.quantities import CACHE_LOSS, CACHE_STEP
from llmlab.caching.window import WindowCache
from llmlab.core.records import Record

WINDOWS, SINKS = (64, 256), (0, 4)
TEXTS, LENGTH, CALL = 3, 900, 64
LONG, SECONDS = 3000, 1.5

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Windows:
    """What a window loses beyond it, and what a step takes in a long text."""

    facts: tuple[Record, ...]
    paired: tuple[Record, ...]  # without sinks against most sinks, by window
    long: tuple[Record, ...]  # a step behind a window's tokens, and behind many more
    bytes: int  # of the widest window's cache, whatever it has read
    note: str  # what neighbours did meanwhile, "" if nothing

    def lost(self, window: int, sinks: int) -> Record:
        """Return the share of bits per byte added; ValueError for what did not run."""
        return scoring.find(
            self.facts, CACHE_LOSS.name, {"window": window, "sinks": sinks}
        )

    def without_sinks(self, window: int) -> Record:
        """Return the share of bits that a window needs more without sinks, paired.

        ValueError for a window that did not run.
        """
        return scoring.find(self.paired, CACHE_LOSS.name, {"window": window})

    def records(self) -> list[Record]:
        """Return losses by window and sinks."""
        return list(self.facts)


def windows(
    model: Model, *, widths: Sequence[int] = WINDOWS, sinks: Sequence[int] = SINKS,
    count: int = TEXTS, length: int = LENGTH, long: int = LONG,
    seconds: float = SECONDS,
) -> Windows:  # fmt: skip
    """Read programs through windows, and a text longer than the model's context.

    Only tokens beyond a window are compared, of `count` texts. long: tokens of
    the text that is longer.
    """
    text = scoring.some_texts(model, count=count, length=length)
    plain = scoring.bits(
        model, text, lambda batch: model.new_cache(batch, length), CALL
    )
    facts, paired = [], []
    for width in widths:
        seen = {
            kept: scoring.bits(model, text, partial(_window, model, width, kept), CALL)
            for kept in sinks
        }
        beyond = {kept: each[:, width:] for kept, each in seen.items()}
        for kept, each in beyond.items():
            details = {"window": width, "sinks": kept}
            told = scoring.loss(
                each, plain[:, width:], subject=_named(kept), details=details
            )
            facts.append(told)
        least, most = min(sinks), max(sinks)
        subject = f"{_named(least)} against {_named(most)}"
        told = scoring.loss(
            beyond[least], beyond[most], subject=subject, details={"window": width}
        )
        paired.append(told)
    speed, size = _long(model, max(widths), long, seconds)
    steps = tuple(
        timing.total.record(CACHE_STEP, subject=timing.name, details={"tokens": tokens})
        for timing, tokens in zip(speed.timings, (max(widths), long), strict=True)
    )
    return Windows(tuple(facts), tuple(paired), steps, size, speed.note)


def _long(
    model: Model, width: int, tokens: int, seconds: float
) -> tuple[measure.Speed, int]:
    """Time a step behind a window's tokens, and behind many more."""
    text = scoring.some_texts(model, count=1, length=LENGTH)
    filled = text.repeat(1, -(-tokens // LENGTH))[:, :tokens]
    calls = {
        f"after {count:,} tokens": Steps(
            model, _window(model, width, 4, 1), filled[:, :count]
        )
        for count in (width, tokens)
    }
    sizes = {call.cache.bytes for call in calls.values()}
    if len(sizes) > 1:
        raise ValueError(
            f"WindowCache takes {sizes} bytes after {width} and {tokens} tokens; a "
            "window takes the same whatever it has read."
        )
    return measure.speed(calls, seconds=seconds), sizes.pop()


def _window(model: Model, width: int, sinks: int, batch: int) -> WindowCache:
    return WindowCache(model, batch, window=width, sinks=sinks)


def _named(sinks: int) -> str:
    if not sinks:
        return "no sinks"
    return "one sink" if sinks == 1 else f"{sinks} sinks"
