"""A loop that writes tokens, started and timed: the learner's, or a model's own.

A loop is called with a prompt and a number of tokens and gives an iterator of tokens.
A stopwatch is the learner's `token_times(tokens, clock)`, or the one that is here.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmlab.core import arguments

Stopwatch = Callable[[Iterator[int], Callable[[], float]], tuple[float, list[float]]]
Loop = Callable[..., Iterator[int]]


@dataclass(frozen=True)
class Request:
    """One request: what it wrote, and the seconds that every token took to come."""

    tokens: tuple[int, ...]
    waits: tuple[float, ...]


def watch(
    tokens: Iterator[int], clock: Callable[[], float]
) -> tuple[float, list[float]]:
    """Return the seconds until the first token, and until each one after it."""
    looks = [clock()]
    for _ in tokens:
        looks.append(clock())
    first, *later = (after - before for before, after in pairwise(looks))
    return first, later


def request(
    name: str,
    loop: Loop,
    prompt: Sequence[int],
    new: int,
    stopwatch: Stopwatch | None = None,
) -> Request:
    """Let a loop write `new` tokens, timed by the stopwatch.

    Raises ValueError for what is no loop, for another number of tokens, and for a
    stopwatch that gives another number of waits.
    """
    if stopwatch is not None:
        way = "hand in token_times(tokens, clock), or nothing"
        arguments.function("stopwatch", stopwatch, way=way)
    written: list[int] = []
    tokens = _kept(_started(name, loop, list(prompt), new), written)
    times = (stopwatch or watch)(tokens, time.perf_counter)
    if len(written) != new:
        raise ValueError(
            f"loops[{name!r}] gave {len(written)} tokens, not {new}; it must yield as "
            "many as it is asked for, and a stopwatch must pull them all."
        )
    return Request(tuple(written), _waits(times, new))


def _started(name: str, loop: Loop, prompt: list[int], new: int) -> Iterator[int]:
    """Call a loop as it wants to be called: the number by position or by keyword."""
    if not callable(loop):
        raise ValueError(
            f"loops[{name!r}] is {loop!r:.60}, which cannot be called; give a function "
            "of prompt and max_tokens, such as model.stream."
        )
    try:
        keyed = inspect.signature(loop).parameters.get("max_tokens")
    except (TypeError, ValueError):  # some callables have no signature
        keyed = None
    by_keyword = keyed is not None and keyed.kind is keyed.KEYWORD_ONLY
    stream = loop(prompt, max_tokens=new) if by_keyword else loop(prompt, new)
    if not isinstance(stream, Iterator):
        raise ValueError(
            f"loops[{name!r}] gave a {type(stream).__name__}; it must yield every "
            "token as soon as it is known, so that its wait can be timed."
        )
    return stream


def _kept(stream: Iterator[int], written: list[int]) -> Iterator[int]:
    for token in stream:
        written.append(int(token))
        yield token


def _waits(times: tuple[float, list[float]], new: int) -> tuple[float, ...]:
    """Return all waits of what a stopwatch gave, if they can be those of the tokens."""
    try:
        first, later = times
        waits = (float(first), *map(float, later))
    except (TypeError, ValueError):
        waits = ()
    if len(waits) != new or not all(0 <= wait < float("inf") for wait in waits):
        raise ValueError(
            f"stopwatch gave {times!r:.80}; for {new} tokens it must give the seconds "
            f"to the first one and a list of {new - 1} later waits."
        )
    return waits
