"""Sentences that wait for company: what a batch costs, and who waits how long for it.

The cost of a batch is measured on the model; arrivals and waits are simulated, by the
learner's rule, on one server that serves one batch after another.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llmlab import measure, texts
from llmlab.batching import arrivals
from llmlab.batching.quantities import BATCH_GAIN, BATCH_TIME, E2ES
from llmlab.caching.experiments import scoring
from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.measure.intervals import percentile
from llmlab.models import translation

SIZES = (1, 2, 4, 8, 16)  # sentences of a batch
WAITS = (0.0, 0.02, 0.1)  # seconds that the first one waits at most
LOADS = {"low": 0.1, "high": 0.9}  # of what one at a time can serve
SENTENCES, SECONDS = 500, 2.5
SLACK = 1e-9  # seconds: rounding
SUBJECT = "batches of sentences"

Rule = Callable[[list[float], int, float], list[tuple[float, list[int]]]]


@dataclass(frozen=True)
class Waiting:
    """Time of a batch by its sentences, and of a sentence by load and longest wait."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing

    def ratio(self, sentences: int = SIZES[-1]) -> Record:
        """Return how many times the sentences a second of one at a time."""
        return scoring.find(self.facts, BATCH_GAIN.name, {"sentences": sentences})

    def seconds(
        self, max_wait: float, *, load: str = "low", share: str = "p50"
    ) -> Record:
        """Return the time of a sentence from arrival to answer; ValueError: others."""
        own = [f for f in self.facts if f.subject == named(max_wait)]
        return scoring.find(own, E2ES[share].name, {"load": LOADS.get(load, load)})

    def records(self) -> list[Record]:
        """Return costs of batches, and times of sentences."""
        return list(self.facts)


def waiting(
    translator: Any, dynamic_batches: Rule, *, sizes: Sequence[int] = SIZES,
    waits: Sequence[float] = WAITS, seconds: float = SECONDS,
    sentences: int = SENTENCES,
) -> Waiting:  # fmt: skip
    """Time batches of a translator, and let sentences wait for company by a rule.

    dynamic_batches: (arrivals, max_batch, max_wait) -> list of (start, members).
    ValueError says where it loses somebody, or leaves at a wrong time.
    """
    speed = _costs(translator, sizes, seconds)
    costs = [speed[str(size)].median for size in sizes]
    facts = [
        speed[str(size)].total.record(
            BATCH_TIME, subject=SUBJECT, details={"sentences": size}
        )
        for size in sizes
    ]
    facts += [_gain(speed, size, sizes[0]) for size in sizes[1:]]
    for load in LOADS.values():
        rate = load / costs[0]
        came = arrivals.poisson(rate, sentences / rate, seed=3)
        for wait in waits:
            left = _checked(
                dynamic_batches(list(came), sizes[-1], wait), came, sizes[-1], wait
            )
            took = _served(left, came, sizes, costs)
            details = {"load": load, "rate": rate}
            for word, share in (("p50", 0.5), ("p95", 0.95)):
                facts.append(
                    records.make(E2ES[word], percentile(took, share), kind="simulated",
                                 subject=named(wait), details=details)
                )  # fmt: skip
    return Waiting(tuple(facts), speed.note)


def named(wait: float) -> str:
    """Say how long the first one waits at most."""
    return f"waits {1000 * wait:.0f} ms at most" if wait else "waits for nobody"


def _costs(translator: Any, sizes: Sequence[int], seconds: float) -> measure.Speed:
    words = [pair.english for pair in texts.number_pairs()[: sizes[-1]]]
    calls = {
        str(size): partial(translation.translate, translator, words[:size])
        for size in sizes
    }
    return measure.speed(calls, seconds=seconds, warmup=1)


def _gain(speed: measure.Speed, size: int, first: int) -> Record:
    verdict, times = speed.verdict(str(size), str(first)), size / first
    return records.measured(
        BATCH_GAIN, times * verdict.ratio, low=times * verdict.low,
        high=times * verdict.high, subject=SUBJECT, details={"sentences": size},
    )  # fmt: skip


def _served(
    left: Sequence[tuple[float, list[int]]], came: Sequence[float],
    sizes: Sequence[int], costs: Sequence[float],
) -> list[float]:  # fmt: skip
    """Return the seconds of each sentence: a batch waits until the server is free."""
    free, took = 0.0, []
    for start, members in left:
        free = max(free, start) + _cost(len(members), sizes, costs)
        took += [free - came[member] for member in members]
    return took


def _cost(count: int, sizes: Sequence[int], costs: Sequence[float]) -> float:
    """Return the cost of a batch, on a line between the sizes that were measured."""
    place = bisect_left(sizes, count)
    if sizes[place] == count:
        return costs[place]
    part = (count - sizes[place - 1]) / (sizes[place] - sizes[place - 1])
    return costs[place - 1] + part * (costs[place] - costs[place - 1])


def _checked(
    answer: Any, came: Sequence[float], most: int, wait: float
) -> list[tuple[float, list[int]]]:
    """Return the learner's batches; a sentence where a rule of waiting is broken."""
    try:
        left = [(float(start), [int(each) for each in who]) for start, who in answer]
    except (TypeError, ValueError):
        raise ValueError(
            f"dynamic_batches gave {arguments.shown(answer)}; return a list of "
            "(start, members)."
        ) from None
    if [each for _, who in left for each in who] != list(range(len(came))):
        raise ValueError(
            f"dynamic_batches must let all {len(came)} leave, each once and in order "
            "of arrival; look at the last batch."
        )
    for start, who in left:
        first, last = came[who[0]], came[who[-1]]
        if len(who) > most or not last - SLACK <= start <= first + wait + SLACK:
            raise ValueError(
                f"dynamic_batches lets {len(who)} leave at {start:.6g}, of which the "
                f"first came at {first:.6g} and the last at {last:.6g}; at most {most} "
                f"leave together, {wait:g} s after the first one at the latest."
            )
    return left
