"""Whole answers, kept: the same question is computed once, however many ask at once.

Pays where questions repeat, to the letter, and costs a look-up where they do not. The
key names all that the answer depends on: another weight, dtype or seed is another
question. What was kept is JSON text with a version; anything else is a miss.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from llmlab.caching.keys import key, of_call
from llmlab.caching.stores import Store
from llmlab.core import arguments
from llmlab.core.arguments import shown

__all__ = ["ResultCache", "key", "memoize"]

VERSION = 1  # of what stands in a store
MISSING: Any = object()

Answer = TypeVar("Answer")


@dataclass
class Flight:
    """A computation under way, which others wait for."""

    thread: int
    landed: threading.Event = field(default_factory=threading.Event)
    text: str | None = None  # the answer, as it is kept: nobody shares a list
    error: Exception | None = None


class ResultCache:
    """Answers by key, kept for `ttl` seconds, computed once (single flight).

    ttl: None keeps them for good. clock: what it is counted by; by default the time
    of day where the store outlives the process, else seconds that nobody sets back.
    hits and misses count what was asked; who waits for another's answer has a hit.
    """

    def __init__(
        self,
        store: Store,
        *,
        ttl: float | None = None,
        clock: Callable[[], float] | None = None,
    ):
        if not all(hasattr(store, verb) for verb in ("get", "put", "outlives")):
            raise ValueError(
                f"store={shown(store)} keeps nothing; hand in one such as "
                "stores.Memory(capacity=1000)."
            )
        if ttl is not None:
            ttl = arguments.number("ttl", ttl, above=0, way="choose None for no end")
        self.store, self.ttl = store, ttl
        self.clock = clock or (time.time if store.outlives else time.monotonic)
        self.hits = self.misses = 0
        self._flights: dict[str, Flight] = {}
        self._lock = threading.Lock()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the answer of a key, `default` where there is none."""
        answer = self._read(key)
        self._count(answer is not MISSING)
        return default if answer is MISSING else answer

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer; ValueError where JSON cannot say it."""
        self.store.put(_checked_key(key), _written(answer, self.clock()))

    def compute(self, key: str, call: Callable[[], Any]) -> Any:
        """Return the answer of a key; one caller computes it, the others wait.

        Everybody gets what JSON says of it: a tuple comes as a list. What `call` raises
        reaches all who wait and is not kept. If the one who computes is interrupted
        (Ctrl-C), another of those who wait takes over. Raises RuntimeError where `call`
        asks for the key that it computes.
        """
        while True:
            answer = self._read(key)
            if answer is not MISSING:
                self._count(True)
                return answer
            mine = Flight(threading.get_ident())
            try:
                flight = self._join(key, mine)
                if flight is mine:
                    return self._fly(key, mine, call)
            finally:  # after Ctrl-C, too: who waits then has neither answer nor error
                self._land(key, mine)
            flight.landed.wait()
            if flight.error is not None:
                self._count(False)
                raise flight.error
            if flight.text is not None:
                self._count(True)
                return json.loads(flight.text)["answer"]

    def _join(self, key: str, mine: Flight) -> Flight:
        """Return the computation that is under way, which may be the caller's."""
        with self._lock:
            flight = self._flights.setdefault(key, mine)
        if flight is not mine and flight.thread == mine.thread:
            raise RuntimeError(
                f"the answer of key {key[:12]!r} asks for itself, and would wait for "
                "ever; let `call` compute it without this cache."
            )
        return flight

    def _fly(self, key: str, flight: Flight, call: Callable[[], Any]) -> Any:
        """Compute and keep, unless another one landed since we looked."""
        try:
            answer = self._read(key)
            self._count(answer is not MISSING)
            if answer is MISSING:
                answer = call()
                flight.text = _written(answer, self.clock())
                self.store.put(key, flight.text)
            else:
                flight.text = _written(answer, self.clock())
            return json.loads(flight.text)["answer"]
        except Exception as error:
            flight.error = error
            raise

    def _land(self, key: str, flight: Flight) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.landed.set()

    def _read(self, key: str) -> Any:
        """Return what is kept and not too old, else MISSING."""
        text = self.store.get(_checked_key(key))
        kept = _read_text(text)
        if kept is None:
            return MISSING
        # What was kept in the future was kept by another clock.
        if self.ttl is not None and not 0 <= self.clock() - kept["at"] < self.ttl:
            self.store.delete(key)
            return MISSING
        return kept["answer"]

    def _count(self, is_hit: bool) -> None:
        with self._lock:
            self.hits += is_hit
            self.misses += not is_hit


def memoize(
    call: Callable[..., Answer],
    cache: ResultCache,
    *,
    key: Callable[..., str] | None = None,
) -> Callable[..., Answer]:
    """Return a function that answers as `call` does, and computes nothing twice.

    key: what makes a key of the same arguments, such as `functools.partial(results.key,
    model)`; None: the name of `call` and its arguments, if JSON can say them.
    """

    def asked(*args: Any, **kwargs: Any) -> Answer:
        made = key(*args, **kwargs) if key else of_call(call, args, kwargs)
        return cache.compute(made, lambda: call(*args, **kwargs))

    return asked


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        raise ValueError(
            f"key={shown(key)} is no text; make one with results.key(model, prompt, "
            "max_tokens=…)."
        )
    return arguments.encodable("key", key)


def _written(answer: Any, now: float) -> str:
    try:
        return json.dumps(
            {"llmlab": VERSION, "at": now, "answer": answer}, allow_nan=False
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"answer={shown(answer)} cannot be kept as JSON ({error}); give lists, "
            "texts, finite numbers and dictionaries, such as tensor.tolist()."
        ) from None


def _read_text(text: str | None) -> dict[str, Any] | None:
    """Return what was kept, None for text that is not ours."""
    try:
        kept = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or kept.get("llmlab") != VERSION:
        return None
    is_whole = "answer" in kept and arguments.is_number(kept.get("at"))
    return kept if is_whole else None
