"""Caches of 8 and 4 bits against float32: quality, bytes of a token, time of a step."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from llmlab import measure
from llmlab.caching.experiments import scoring
from llmlab.caching.experiments.paging import longer
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.caching.quantities import (
    CACHE_LOSS,
    CACHE_STEP,
    TIMES_AS_LONG,
    TOKEN_CACHE,
)
from llmlab.caching.quantized import QuantizedCache
from llmlab.core import records
from llmlab.core.records import Record

PLAIN, NAMES = "float32", {8: "int8", 4: "int4"}
TEXTS, LENGTH, CALL = 4, 900, 64
TOKENS, SECONDS = 512, 2.5

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class FewerBits:
    """What a cache of fewer bits loses, holds and takes."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing

    def lost(self, bits: int) -> Record:
        """Return the share of bits per byte added; ValueError but for 8 and 4."""
        return scoring.find(self.facts, CACHE_LOSS.name, {"bits": bits})

    def ratio(self, bits: int) -> Record:
        """Return how many times as long a step takes; ValueError but for 8 and 4."""
        return scoring.find(self.facts, TIMES_AS_LONG.name, {"bits": bits})

    def times_smaller(self, bits: int) -> float:
        """Return how many times fewer bytes a token takes; ValueError as above."""
        plain = scoring.find(self.facts, TOKEN_CACHE.name, {"bits": 32})
        return (
            plain.value
            / scoring.find(self.facts, TOKEN_CACHE.name, {"bits": bits}).value
        )

    def facts_of(self, bits: int) -> tuple[Record, Record, Record]:
        """Return loss, time of a step and bytes of a token; ValueError as above."""
        step = next(
            fact
            for fact in self.facts
            if (fact.name, fact.subject) == (CACHE_STEP.name, NAMES.get(bits))
        )
        return (
            self.lost(bits),
            step,
            scoring.find(self.facts, TOKEN_CACHE.name, {"bits": bits}),
        )

    def records(self) -> list[Record]:
        """Return losses, bytes of a token, times of a step; the cache as subject."""
        return list(self.facts)


def fewer_bits(
    model: Model, *, count: int = TEXTS, length: int = LENGTH, tokens: int = TOKENS,
    seconds: float = SECONDS,
) -> FewerBits:  # fmt: skip
    """Read programs with caches of fewer bits, count their bytes, and race a step.

    count, length: of the texts, and tokens of each; tokens: in the cache when a step is
    timed.
    """
    text = scoring.some_texts(model, count=count, length=length)
    room = max(length, tokens + BEFORE)
    makes = {PLAIN: partial(_plain, model, room)}
    for bits, name in NAMES.items():
        makes[name] = partial(_quantized, model, room, bits)
    scores = {
        name: scoring.bits(model, text, make, CALL) for name, make in makes.items()
    }
    facts = [
        records.measured(
            TOKEN_CACHE, makes[name](1).bytes / room, subject=name,
            details={"bits": bits},
        )
        for bits, name in ({32: PLAIN} | NAMES).items()
    ]  # fmt: skip
    facts += [
        scoring.loss(scores[name], scores[PLAIN], subject=name, details={"bits": bits})
        for bits, name in NAMES.items()
    ]
    filled = text[:1, :tokens]
    calls = {name: Steps(model, make(1), filled) for name, make in makes.items()}
    speed = measure.speed(calls, seconds=seconds)
    facts += [
        speed[name].total.record(CACHE_STEP, subject=name, details={"tokens": tokens})
        for name in makes
    ]
    facts += [
        longer(speed, name, PLAIN, {"bits": bits}) for bits, name in NAMES.items()
    ]
    return FewerBits(tuple(facts), speed.note)


def _plain(model: Model, length: int, batch: int) -> Any:
    return model.new_cache(batch, length)


def _quantized(model: Model, length: int, bits: int, batch: int) -> QuantizedCache:
    return QuantizedCache(model, batch, length, bits=bits)
