"""Writing with a cache, and by reading everything again before each token.

Both write the same tokens behind the same prompt, in turns of a few tokens, so that
slow moments of the machine meet both.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from llmlab import measure, texts
from llmlab.caching.experiments import scoring
from llmlab.caching.quantities import CACHE_SPEED_UP, WRITING
from llmlab.core import clock, machine, progress, records
from llmlab.core.clock import Threads
from llmlab.core.records import Record
from llmlab.measure import comparison, intervals, schedule

AGAIN, CACHE = "reading again", "with a cache"
PROMPT, MOST, TURN = 16, 256, 16  # tokens
SECONDS, SHORT = 4.0, 1.0

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
Times = dict[str, list[list[float]]]  # by way and run, after each turn


@dataclass(frozen=True)
class ReadingAgain:
    """Seconds to write so many tokens, both ways, and how many times as fast."""

    facts: tuple[Record, ...]
    same: bool  # whether both wrote the same tokens
    ran_on: Threads

    def ratio(self, tokens: int) -> Record:
        """Return how many times as fast the cache is; ValueError for other lengths."""
        gains = [fact for fact in self.facts if fact.name == CACHE_SPEED_UP.name]
        for fact in gains:
            if fact.details["tokens"] == tokens:
                return fact
        known = ", ".join(str(fact.details["tokens"]) for fact in gains)
        raise ValueError(f"tokens={tokens} was not measured; choose of {known}.")

    @property
    def lengths(self) -> list[int]:
        """Return how many tokens were written, from the fewest on."""
        gains = [fact for fact in self.facts if fact.name == CACHE_SPEED_UP.name]
        return sorted(fact.details["tokens"] for fact in gains)

    def records(self) -> list[Record]:
        """Return the times of both ways, and how many times as fast the cache is."""
        return list(self.facts)

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return self.ran_on.note


@torch.inference_mode()
def reading_again(
    model: Model, *, prompt: Sequence[int] | None = None, most: int = MOST,
    seconds: float = SECONDS,
) -> ReadingAgain:  # fmt: skip
    """Write up to `most` tokens behind a prompt, with a cache and without one.

    prompt: token ids; by default 16 tokens of a frozen program. One run at least, and
    as many as `seconds` hold; from six on there are intervals. A single token, where
    there is nothing to save yet, is raced besides.
    """
    prompt = prompt_of(model) if prompt is None else list(prompt)
    turns = range(TURN, most + 1, TURN)
    with clock.given_way() as ran_on, schedule.collector_resting():
        times, same = _runs(model, prompt, turns, seconds)
    facts = _one_token(model, prompt)
    for tokens in _doubling(TURN, most):
        turn = tokens // TURN - 1
        ways = {way: [run[turn] for run in runs] for way, runs in times.items()}
        facts += _facts(ways, {"tokens": tokens, "prompt": len(prompt)})
    facts.sort(key=lambda fact: fact.name != WRITING.name)
    runs = len(times[CACHE])
    if runs < intervals.LEAST_ROUNDS:
        often = "once" if runs == 1 else f"{runs} times"
        once = f"Lengths from {TURN} tokens on were written {often}: no interval."
        facts[0] = scoring.noted(facts[0], once)
    facts[-1] = scoring.noted(facts[-1], ran_on.note)
    return ReadingAgain(tuple(facts), same, ran_on)


def prompt_of(model: Model, count: int = PROMPT) -> list[int]:
    """Return the first tokens of a frozen program."""
    return scoring.token_ids(model, texts.short()[: 20 * count])[:count]


def rereading(model: Model, prompt: Sequence[int], most: int) -> Iterator[int]:
    """Yield the greedy tokens, all that came before read anew for each of them."""
    tokens = list(prompt)
    for _ in range(most):
        logits = model(torch.tensor([tokens]), last=True)  # (1, 1, V)
        tokens.append(int(logits[0, -1].argmax()))
        yield tokens[-1]


def _runs(
    model: Model, prompt: list[int], turns: range, seconds: float
) -> tuple[Times, bool]:
    """Write in turns, as often as `seconds` hold; the first few tokens warm up."""
    for stream in _streams(model, prompt, 2).values():
        list(stream)
    times: Times = {AGAIN: [], CACHE: []}
    same, begun = True, time.perf_counter()
    seconds *= machine.repetitions_scale()
    while True:
        streams = _streams(model, prompt, turns[-1])
        written: dict[str, list[int]] = {way: [] for way in streams}
        passed = {way: [0.0] for way in streams}
        for _ in progress.track(turns, "writing"):
            for way, stream in streams.items():
                start = time.perf_counter()
                written[way] += [next(stream) for _ in range(TURN)]
                passed[way].append(passed[way][-1] + time.perf_counter() - start)
        for way, run in passed.items():
            times[way].append(run[1:])
        same = same and written[AGAIN] == written[CACHE]
        spent = time.perf_counter() - begun
        if spent * (1 + 1 / len(times[AGAIN])) > seconds:
            return times, same


def _streams(model: Model, prompt: list[int], most: int) -> dict[str, Iterator[int]]:
    return {
        AGAIN: rereading(model, prompt, most),
        CACHE: model.stream(prompt, max_tokens=most),
    }


def _one_token(model: Model, prompt: list[int]) -> list[Record]:
    calls = {
        AGAIN: lambda: list(rereading(model, prompt, 1)),
        CACHE: lambda: list(model.stream(prompt, max_tokens=1)),
    }
    speed = measure.speed(calls, seconds=SHORT)
    ways = {way: list(speed[way].total.rounds) for way in calls}
    return _facts(ways, {"tokens": 1, "prompt": len(prompt)})


def _facts(ways: dict[str, list[float]], details: dict[str, Any]) -> list[Record]:
    facts = []
    for way, times in ways.items():
        low, high = intervals.of_median(times) or (None, None)
        value = intervals.median(times)
        facts.append(
            records.measured(
                WRITING, value, low=low, high=high, subject=way, details=details
            )
        )
    verdict = comparison.compare(CACHE, ways[CACHE], AGAIN, ways[AGAIN])
    sure = len(ways[CACHE]) >= intervals.LEAST_ROUNDS
    words = {"verdict": verdict.word} if sure else {}
    gain = records.measured(
        CACHE_SPEED_UP, verdict.ratio, low=verdict.low if sure else None,
        high=verdict.high if sure else None, subject=CACHE, details=details | words,
    )  # fmt: skip
    return [*facts, gain]


def _doubling(first: int, last: int) -> list[int]:
    lengths = [first]
    while 2 * lengths[-1] <= last:
        lengths.append(2 * lengths[-1])
    return lengths
