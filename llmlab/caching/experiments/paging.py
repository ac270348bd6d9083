"""A model on pages: the same tokens, and what a step takes, the learner's and ours.

Shapes: B rows, S tokens in the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import measure
from llmlab.caching.experiments import scoring
from llmlab.caching.experiments.stepping import Steps
from llmlab.caching.paged import PagedCache
from llmlab.caching.pages import PagePool
from llmlab.caching.parts import ExtendPages, PageSlots, ResizeTable
from llmlab.caching.quantities import CACHE_STEP, SAME_TOKENS, TIMES_AS_LONG
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.measure import Speed
from llmlab.models import generation

PLAIN, OWN, PACKAGE = "plain cache", "pages (yours)", "pages (package)"
WORDS = {"plain": PLAIN, "own": OWN, "package": PACKAGE}
ROWS, TOKENS, SECONDS = (1, 8), 512, 5.0
PAGE_SIZE, NEW = 16, 32
LENGTHS = (61, 40, 16, 3)  # of prompts that are written on together

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class OnPages:
    """Whether the tokens are the plain loop's, and the time of a step."""

    facts: tuple[Record, ...]
    equal: bool  # the learner's pages gave the plain loop's tokens, all of them
    note: str  # what neighbours did meanwhile, "" if nothing

    def ratio(self, name: str, *, rows: int) -> Record:
        """Return how many times as long a step takes as on one piece of memory.

        name: "own" or "package". ValueError for others, and for other rows.
        """
        if name not in ("own", "package"):
            raise ValueError(f"name={name!r} has no pages; choose 'own' or 'package'.")
        own = [fact for fact in self.facts if fact.subject == WORDS[name]]
        return scoring.find(own, TIMES_AS_LONG.name, {"rows": rows})

    @property
    def said(self) -> str:
        """Say whether a text on the learner's pages went on as in the plain loop."""
        texts = f"{len(LENGTHS)} texts of {min(LENGTHS)} to {max(LENGTHS)} tokens"
        if self.equal:
            return f"{texts}, {NEW} more each: on your pages all tokens are the same."
        share = self.facts[-1].value
        return f"{texts}: on your pages only {share:.0%} of the tokens are the same."

    def records(self) -> list[Record]:
        """Return the share of equal tokens, times, and times as long."""
        return list(self.facts)


def on_pages(
    model: Model, page_slots: PageSlots, resize_table: ResizeTable,
    extend_pages: ExtendPages, *, rows: Sequence[int] = ROWS, tokens: int = TOKENS,
    seconds: float = SECONDS,
) -> OnPages:  # fmt: skip
    """Write on pages made of a learner's parts, and race a step on them.

    page_slots: (pages, page_size, positions) -> slots; resize_table: (pages, tokens,
    page_size, free) -> (pages, free); extend_pages: (memory, new_slots, all_slots,
    keys, values) -> (keys, values). ValueError says where a part is wrong.
    """
    parts = page_slots, resize_table, extend_pages
    same = _same_tokens(model, parts)
    facts, notes = [], []
    for count in rows:
        speed = _race(model, parts, count, tokens, seconds / len(rows))
        facts += _facts(speed, count, tokens)
        notes.append(speed.note)
    return OnPages((*facts, same), same.value == 1, max(notes, key=len))


def learners_cache(
    model: Model, parts: tuple[PageSlots, ResizeTable, ExtendPages], *, batch: int,
    tokens: int, page_size: int = PAGE_SIZE,
) -> PagedCache:  # fmt: skip
    """Return a cache of `batch` rows made of three parts, with room for the tokens."""
    page_slots, resize_table, extend_pages = parts
    pool = PagePool(
        model, pages=batch * -(-tokens // page_size), page_size=page_size,
        resize_table=resize_table,
    )  # fmt: skip
    return pool.new_cache(batch, page_slots=page_slots, extend_pages=extend_pages)


def _same_tokens(model: Model, parts: tuple) -> Record:
    """Write on with rows of different lengths, both ways; a sentence where none fit."""
    ids = scoring.some_texts(model, count=len(LENGTHS), length=max(LENGTHS)).tolist()
    prompts = [row[:length] for row, length in zip(ids, LENGTHS, strict=True)]
    most = max(LENGTHS) + NEW
    plain = list(generation.stream_batch(model, prompts, max_tokens=NEW))
    cache: Any = learners_cache(model, parts, batch=len(prompts), tokens=most)
    with cache:
        paged = list(
            generation.stream_batch(model, prompts, max_tokens=NEW, cache=cache)
        )
    pairs = [
        (one, other)
        for step in zip(plain, paged, strict=True)
        for one, other in zip(*step, strict=True)
    ]
    share = sum(one == other for one, other in pairs) / len(pairs)
    return records.measured(
        SAME_TOKENS, share, subject=OWN, details={"rows": len(prompts)}
    )


def _race(model: Model, parts: tuple, rows: int, tokens: int, seconds: float) -> Speed:
    text = scoring.some_texts(model, count=1, length=tokens).expand(rows, -1)
    most = tokens + 2 * PAGE_SIZE + 32
    package = PagePool(model, pages=rows * -(-most // PAGE_SIZE), page_size=PAGE_SIZE)
    caches = {
        PLAIN: model.new_cache(rows, most),
        OWN: learners_cache(model, parts, batch=rows, tokens=most),
        PACKAGE: package.new_cache(rows),
    }
    calls = {name: Steps(model, cache, text) for name, cache in caches.items()}
    return measure.speed(calls, seconds=seconds)


def _facts(speed: Speed, rows: int, tokens: int) -> list[Record]:
    details = {"rows": rows, "tokens": tokens}
    facts = [
        speed[name].total.record(CACHE_STEP, subject=name, details=details)
        for name in WORDS.values()
    ]
    for name in (OWN, PACKAGE):
        facts.append(longer(speed, name, PLAIN, {"rows": rows}))
    return facts


def longer(speed: Speed, name: str, against: str, details: dict[str, Any]) -> Record:
    """Return how many times as long a call takes as another, and the verdict."""
    verdict = speed.verdict(against, name)  # how many times as fast the other one is
    word = speed.verdict(name, against).word
    return records.measured(
        TIMES_AS_LONG, verdict.ratio, low=verdict.low, high=verdict.high,
        subject=name, details=details | {"verdict": word},
    )  # fmt: skip
