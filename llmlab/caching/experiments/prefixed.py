"""Prompts that begin alike, with and without a tree of prefixes: tokens, first token.

The traces are synthetic (`caching.traces`). A request runs both ways, one right after
the other, so that slow moments of the machine meet both.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llmlab import texts
from llmlab.caching import reuse, traces
from llmlab.caching.experiments import scoring
from llmlab.caching.pages import PagePool
from llmlab.caching.prefix import PrefixTree
from llmlab.caching.quantities import (
    FIRST_TOKEN,
    FIRST_TOKEN_WITH,
    PREFIX_HITS,
    TIMES_FEWER,
    TIMES_SOONER,
    TOKENS_READ,
    TOKENS_READ_WITH,
)
from llmlab.caching.radix import LongestPrefix
from llmlab.core import clock, progress, records
from llmlab.core.clock import Threads
from llmlab.core.records import Record
from llmlab.measure import comparison, intervals, schedule

CHAT, EDITOR, INDEPENDENT = "chat", "editor", "independent"
PAGES, PAGE_SIZE, NEW = 512, 16, 4
FILE = 1100  # tokens
CAPACITIES = (1024, 2048, 4096, 8192)  # tokens; the least holds any one prompt

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
Prompts = list[list[int]]


@dataclass(frozen=True)
class ByCapacity:
    """The share of tokens that a tree holds, by what its pool may keep."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return the shares, the trace as subject."""
        return list(self.facts)

    def hits(self, trace: str, capacity: int) -> Record:
        """Return the share of a trace; ValueError for a capacity that did not run."""
        own = [fact for fact in self.facts if fact.subject == trace]
        return scoring.find(own, PREFIX_HITS.name, {"capacity": capacity})


@dataclass(frozen=True)
class Prefixes:
    """Tokens read and time to first token, by trace, without and with prefixes."""

    facts: tuple[Record, ...]
    equal: bool  # whether all requests got the same tokens both ways
    by_capacity: ByCapacity
    ran_on: Threads

    @property
    def said(self) -> str:
        """Say whether the answers are the same with prefixes and without."""
        same = "the same tokens" if self.equal else "not the same tokens"
        return f"All requests, with prefixes and without: {same}."

    def times_fewer(self, trace: str) -> Record:
        """Return how many times fewer tokens are read; ValueError names the traces."""
        return self._of(TIMES_FEWER.name, trace)

    def ratio(self, trace: str) -> Record:
        """Return how many times as soon the first token comes; ValueError as above."""
        return self._of(TIMES_SOONER.name, trace)

    def records(self) -> list[Record]:
        """Return tokens read and times to first token, and both gains."""
        return list(self.facts)

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return self.ran_on.note

    def _of(self, name: str, trace: str) -> Record:
        named = {fact.subject: fact for fact in self.facts if fact.name == name}
        if trace not in named:
            raise ValueError(f"{trace!r} did not run; choose of {', '.join(named)}.")
        return named[trace]


def prefixes(
    model: Model, longest_prefix: LongestPrefix, *,
    prompts: Mapping[str, Prompts] | None = None,
    capacities: Sequence[int] = CAPACITIES,
) -> Prefixes:  # fmt: skip
    """Run traces without and with a tree that asks a function for prefixes.

    longest_prefix: (tree, tokens, page_size) -> (pages, count). prompts: by trace; by
    default a chat, an editor, and prompts that share nothing. ValueError
    says where the function is wrong.
    """
    prompts = some_prompts(model) if prompts is None else prompts
    facts, equal = [], True
    with clock.given_way() as ran_on, schedule.collector_resting():
        for trace, requests in progress.track(list(prompts.items()), "prefixes"):
            own, same = _run(model, longest_prefix, trace, requests)
            facts += own
            equal = equal and same
    order = [TOKENS_READ, TOKENS_READ_WITH, FIRST_TOKEN, FIRST_TOKEN_WITH, TIMES_FEWER]
    names = [*map(str, order), TIMES_SOONER.name]
    facts.sort(key=lambda fact: names.index(fact.name))
    facts[-1] = scoring.noted(facts[-1], ran_on.note)
    held = by_capacity(model, longest_prefix, capacities=capacities)
    return Prefixes(tuple(facts), equal, held, ran_on)


def some_prompts(model: Model) -> dict[str, Prompts]:
    """Return a chat, an editor, and prompts that share nothing."""
    words = model.vocabulary
    return {
        CHAT: traces.chat(users=6, turns=4, vocabulary=words),
        EDITOR: traces.editor(_file(model), requests=24),
        INDEPENDENT: traces.independent(requests=12, vocabulary=words),
    }


def by_capacity(
    model: Model, longest_prefix: LongestPrefix, *,
    capacities: Sequence[int] = CAPACITIES,
) -> ByCapacity:  # fmt: skip
    """Count the tokens found by capacity, on longer traces; nothing is computed.

    The pool and its tree keep their books as ever; only the model does not run.
    """
    longer = {
        CHAT: traces.chat(vocabulary=model.vocabulary),
        EDITOR: traces.editor(_file(model), requests=32),
    }
    facts = []
    for (trace, prompts), capacity in itertools.product(longer.items(), capacities):
        pool = PagePool(model, pages=capacity // PAGE_SIZE, page_size=PAGE_SIZE)
        tree = PrefixTree(pool, longest_prefix=longest_prefix)
        for prompt in prompts:
            with pool.new_cache(1) as cache:
                count = tree.begin(cache, 0, prompt)
                cache.reserve(len(prompt) - count)
                tree.insert(prompt, cache.tables[0])
        facts.append(
            records.measured(
                PREFIX_HITS,
                tree.hits / tree.asked,
                subject=trace,
                details={"capacity": capacity},
            )
        )
    return ByCapacity(tuple(facts))


def _file(model: Model) -> list[int]:
    """Return tokens of frozen programs, as many as the editor's trace may need."""
    return scoring.token_ids(model, texts.evaluation()[:12_000])[:FILE]


def _run(
    model: Model, longest_prefix: LongestPrefix, trace: str, requests: Prompts
) -> tuple[list[Record], bool]:
    """Run each request both ways, and compare tokens, times and answers."""
    pool = PagePool(model, pages=PAGES, page_size=PAGE_SIZE)
    plain = PagePool(model, pages=-(-model.context // PAGE_SIZE), page_size=PAGE_SIZE)
    tree = PrefixTree(pool, longest_prefix=longest_prefix)
    ways: dict[str, Callable] = {
        "without": partial(reuse.stream, model, pool=plain, max_tokens=NEW),
        "with": partial(reuse.stream, model, pool=pool, prefixes=tree, max_tokens=NEW),
    }
    for _ in range(2):
        list(ways["without"](requests[0]))  # warms up
    times: dict[str, list[float]] = {way: [] for way in ways}
    answers: dict[str, list[list[int]]] = {way: [] for way in ways}
    for prompt in requests:
        for way, ask in ways.items():
            start = time.perf_counter()
            stream = ask(prompt)
            first = next(stream)
            times[way].append(time.perf_counter() - start)
            answers[way].append([first, *stream])
    read = sum(map(len, requests))
    facts = _facts(trace, read, read - tree.hits, times)
    return facts, answers["without"] == answers["with"]


def _facts(
    trace: str, read: int, left: int, times: Mapping[str, list[float]]
) -> list[Record]:
    gain = comparison.compare("with", times["with"], "without", times["without"])
    facts = [
        records.measured(TOKENS_READ, read, subject=trace),
        records.measured(TOKENS_READ_WITH, left, subject=trace),
        records.measured(TIMES_FEWER, read / left, subject=trace),
        records.measured(
            TIMES_SOONER, gain.ratio, low=gain.low, high=gain.high, subject=trace,
            details={"verdict": gain.word},
        ),
    ]  # fmt: skip
    for what, way in ((FIRST_TOKEN, "without"), (FIRST_TOKEN_WITH, "with")):
        low, high = intervals.of_median(times[way]) or (None, None)
        value = intervals.median(times[way])
        facts.append(records.measured(what, value, low=low, high=high, subject=trace))
    return facts
