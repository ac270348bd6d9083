"""Whole answers that are kept: how often they serve, how fast, and when they are stale.

The requests are drawn by Zipf's law (`caching.traces`), so that a few come most of the
time.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from llmlab import measure, quantization, texts
from llmlab.caching import results, stores, traces
from llmlab.caching.experiments import scoring
from llmlab.caching.quantities import ANSWER_HITS, GET, STALE
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.kernels import Format

OWN, FIFO = "least recently used (yours)", "first in, first out"
CAPACITIES = (5, 10, 20, 40, 80, 160)
REQUESTS, DISTINCT = 1000, 200
MEMORY, DISK, REDIS, GENERATION = "memory", "disk (SQLite)", "Redis", "generation"
NEW, PROMPT, SECONDS = 32, 64, 2.5
ASKED, ANSWERED = 8, 16  # prompts and tokens where answers may be stale
BY_NAME, BY_WEIGHTS = "key without the weights", "key with the weights"
NO_REDIS = "Redis was not asked: no server answered here, or its client is missing."
PORT, PATIENCE = 6379, 0.2  # of a Redis server on this machine; seconds

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
Step = Callable[[list, Any, int], tuple[bool, list]]


@dataclass(frozen=True)
class Answers:
    """Hits by capacity, the time of an answer by its place, and stale answers."""

    facts: tuple[Record, ...]
    note: str  # where nothing could be asked, and what neighbours did

    def hits(self, capacity: int, *, subject: str = OWN) -> Record:
        """Return the share of requests that were answered; ValueError for others."""
        own = [fact for fact in self.facts if fact.subject == subject]
        return scoring.find(own, ANSWER_HITS.name, {"capacity": capacity})

    def seconds(self, place: str) -> Record:
        """Return the time of an answer; ValueError names the places there are."""
        named = {fact.subject: fact for fact in self.facts if fact.name == GET.name}
        if place not in named:
            raise ValueError(f"{place!r} was not asked; choose of {', '.join(named)}.")
        return named[place]

    def ratio(self, place: str) -> float:
        """Return how many times as fast as a generation a place answers."""
        return self.seconds(GENERATION).value / self.seconds(place).value

    def stale(self, subject: str = BY_NAME) -> Record:
        """Return the share of answers that the quantized model would not give."""
        named = {fact.subject: fact for fact in self.facts if fact.name == STALE.name}
        if subject not in named:
            raise ValueError(f"{subject!r} is no key; choose of {', '.join(named)}.")
        return named[subject]

    @property
    def said(self) -> str:
        """Say how many answers are stale by the key, and what could not be asked."""
        named, weighed = (self.stale(key).value for key in (BY_NAME, BY_WEIGHTS))
        said = (
            f"After a quantization {named:.0%} of the answers are stale under a key "
            f"with the model's name, {weighed:.0%} under one with its weights."
        )
        return f"{said} {NO_REDIS}" if NO_REDIS in self.note else said

    def records(self) -> list[Record]:
        """Return hits, times and stale answers."""
        return list(self.facts)


def answers(
    model: Model, lru_step: Step, *, capacities: Sequence[int] = CAPACITIES,
    seconds: float = SECONDS,
) -> Answers:  # fmt: skip
    """Count hits by capacity, time answers by place, and quantize under the cache.

    lru_step: (keys, key, capacity) -> (hit, keys). Redis is asked where a server
    answers on this machine. ValueError says where the function is wrong.
    """
    trace = [tuple(each) for each in traces.zipf(requests=REQUESTS, distinct=DISTINCT)]
    facts = []
    for name, step in ((OWN, partial(_checked_step, lru_step)), (FIFO, _fifo_step)):
        for capacity in capacities:
            share = replay(step, trace, capacity)
            facts.append(
                records.measured(
                    ANSWER_HITS, share, subject=name, details={"capacity": capacity}
                )
            )
    speed, note = _race(model, seconds)
    facts += [timing.total.record(GET, subject=timing.name) for timing in speed.timings]
    if note:
        # What neighbours did, the others say.
        facts[-1] = scoring.noted(facts[-1], note)
    facts += _stale(model)
    return Answers(tuple(facts), " ".join(each for each in (note, speed.note) if each))


def replay(step: Step, trace: Sequence[Any], capacity: int) -> float:
    """Return the share of requests that a policy keeps the answer of."""
    keys: list = []
    hits = 0
    for key in trace:
        hit, keys = step(keys, key, capacity)
        hits += hit
    return hits / len(trace)


def _checked_step(lru_step: Step, keys: list, key: Any, capacity: int) -> tuple:
    """Ask the learner's function; a sentence where its keys cannot be a cache's."""
    try:
        hit, new = lru_step(list(keys), key, capacity)
        new = list(new)
    except (TypeError, ValueError):
        raise ValueError("lru_step must return (hit, keys), keys a list.") from None
    if bool(hit) != (key in keys):
        said = "a hit" if hit else "a miss"
        where = "was" if key in keys else "was not"
        raise ValueError(f"lru_step called it {said}, and the key {where} in keys.")
    if len(new) > capacity or len(set(new)) < len(new) or new[-1:] != [key]:
        raise ValueError(
            f"lru_step left {len(new)} keys of capacity={capacity}; keep each once, at "
            "most that many, and the one just asked for last."
        )
    return bool(hit), new


def _fifo_step(keys: list, key: Any, capacity: int) -> tuple[bool, list]:
    hit = key in keys
    return hit, keys if hit else [*keys, key][-capacity:]


def _race(model: Model, seconds: float) -> tuple[measure.Speed, str]:
    """Time one answer from every place, its key made anew each time."""
    prompt = scoring.token_ids(model, texts.short()[: 12 * PROMPT])[:PROMPT]
    key = partial(results.key, model, prompt, max_tokens=NEW)
    answer = list(model.stream(prompt, max_tokens=NEW))
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        disk = stack.enter_context(stores.Disk(Path(folder) / "answers.db", 1000))
        places: dict[str, Any] = {MEMORY: stores.Memory(1000), DISK: disk}
        server = stack.enter_context(_redis())
        if server is not None:
            places[REDIS] = server
        calls: dict[str, Callable] = {}
        for name, store in places.items():
            cache = results.ResultCache(store)
            cache.put(key(), answer)
            calls[name] = partial(_get, cache, key)
        calls[GENERATION] = lambda: list(model.stream(prompt, max_tokens=NEW))
        speed = measure.speed(calls, seconds=seconds)
        if server is not None:
            server.delete(key())
    missing = "" if REDIS in places else NO_REDIS
    return speed, missing


def _get(cache: results.ResultCache, key: Callable[[], str]) -> list[int]:
    answer = cache.get(key())
    if answer is None:
        raise RuntimeError("a store lost its answer while it was timed.")
    return answer


@contextlib.contextmanager
def _redis() -> Iterator[stores.Redis | None]:
    """Yield a Redis server of this machine, None where there is no client or server."""
    try:
        import redis
    except ImportError:
        yield None
        return
    client = redis.Redis(port=PORT, socket_timeout=PATIENCE,
                         socket_connect_timeout=PATIENCE)  # fmt: skip
    try:
        client.ping()
    except (redis.exceptions.RedisError, OSError):
        yield None
    else:
        yield stores.Redis(client, prefix="llmlab:experiment:")
    finally:
        client.close()


def _stale(model: Model) -> list[Record]:
    """Quantize the model while its answers are kept, under two kinds of keys."""
    small = quantization.quantize(model, format=Format(bits=4, group_size=32))
    ids = scoring.some_texts(model, count=ASKED, length=PROMPT).tolist()
    keys: dict[str, Callable] = {
        BY_NAME: lambda one, prompt: f"{one.name} {prompt}",
        BY_WEIGHTS: _key,
    }
    facts = []
    told = {
        one: [list(one.stream(prompt, max_tokens=ANSWERED)) for prompt in ids]
        for one in (model, small)
    }
    for name, key in keys.items():
        cache, wrong = results.ResultCache(stores.Memory(1000)), 0
        for prompt, answer in zip(ids, told[model], strict=True):
            cache.put(key(model, prompt), answer)
        for prompt, answer in zip(ids, told[small], strict=True):
            served = cache.get(key(small, prompt))
            wrong += served is not None and served != answer
        facts.append(records.measured(STALE, wrong / len(ids), subject=name))
    return facts


def _key(model: Model, prompt: list[int]) -> str:
    return results.key(model, prompt, max_tokens=ANSWERED)
