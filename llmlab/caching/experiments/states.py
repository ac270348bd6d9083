"""A small pool while three requests grow, share pages and end: recorded, step by step.

The model reads and writes on it; what is kept are tables and lengths, for the widget.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from llmlab.caching.experiments import scoring
from llmlab.caching.paged import PagedCache
from llmlab.caching.pages import PagePool
from llmlab.caching.parts import ExtendPages, PageSlots, ResizeTable

PAGES, PAGE_SIZE = 10, 4
NAMES = ("A", "B", "C")
Row = tuple[tuple[int, ...], int]  # pages in order, tokens

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class State:
    """The tables after a step: by request its pages, and how many tokens they hold."""

    said: str  # what happened
    rows: Mapping[str, Row]
    free: tuple[int, ...]  # pages, those at the front are taken next

    def owners(self, page: int) -> int:
        """Return how many requests have a page in their tables."""
        return sum(page in pages for pages, _ in self.rows.values())


@dataclass(frozen=True)
class PageStates:
    """The states of a pool, in order."""

    states: tuple[State, ...]
    page_size: int
    pages: int  # with the null page
    requests: tuple[str, ...] = NAMES


def page_states(
    model: Model, page_slots: PageSlots, resize_table: ResizeTable,
    extend_pages: ExtendPages,
) -> PageStates:  # fmt: skip
    """Let three requests read and write on a pool of ten pages; record each step.

    The parts are those of `on_pages`. ValueError says where one is wrong.
    """
    pool = PagePool(model, pages=PAGES, page_size=PAGE_SIZE, resize_table=resize_table)
    running = _Running(model, pool, {})
    ids = scoring.some_texts(model, count=1, length=16)[0].tolist()
    make = partial(pool.new_cache, 1, page_slots=page_slots, extend_pages=extend_pages)
    running.open("A", make(), ids[:9])
    running.write("A", 2)
    running.open("C", make(), ids[9:14])
    running.write("A", 1)
    running.share("A", "B", make(), ids[:8], [*ids[8:10], ids[3]])
    for names in ("ABC", "ABC", "BC"):
        if names == "BC":
            running.end("A")
        for name in names:
            running.write(name, 2)
    running.end("C")
    running.write("B", 3)
    running.end("B")
    return PageStates(tuple(running.states), PAGE_SIZE, PAGES + 1)


class _Running:
    """Requests on one pool, and the states that they went through."""

    def __init__(self, model: Model, pool: PagePool, caches: dict[str, PagedCache]):
        self.model, self.pool, self.caches = model, pool, caches
        self.tokens: dict[str, torch.Tensor] = {}
        self.states = [State("nothing is stored yet", {}, tuple(pool.free))]

    def open(self, name: str, cache: PagedCache, prompt: list[int]) -> None:
        self.caches[name] = cache
        self._feed(name, torch.tensor([prompt]))
        self._keep(f"{name} reads a prompt of {len(prompt)} tokens")

    def share(
        self, owner: str, name: str, cache: PagedCache, prefix: list[int],
        rest: list[int],
    ) -> None:  # fmt: skip
        """Let a request begin with the whole pages of another one's prompt."""
        pages = self.caches[owner].tables[0][: len(prefix) // PAGE_SIZE]
        for page in pages:
            self.pool.share(page)
        cache.adopt(0, pages, len(prefix))
        self.caches[name] = cache
        self._feed(name, torch.tensor([rest]))
        said = f"{name} begins like {owner}: it shares {len(pages)} pages"
        self._keep(f"{said}, and reads {len(rest)} tokens")

    def write(self, name: str, count: int) -> None:
        for _ in range(count):
            self._feed(name, self.tokens[name])
        self._keep(f"{name} writes {count} token{'s' if count > 1 else ''}")

    def end(self, name: str) -> None:
        self.caches.pop(name).release()
        self._keep(f"{name} ends and gives its pages back")

    @torch.inference_mode()
    def _feed(self, name: str, tokens: torch.Tensor) -> None:
        logits = self.model(tokens, self.caches[name], last=True)  # (1, 1, V)
        self.tokens[name] = logits[:, -1].argmax(-1, keepdim=True)

    def _keep(self, said: str) -> None:
        rows = {
            name: (tuple(cache.tables[0]), int(cache.lengths[0]))
            for name, cache in self.caches.items()
        }
        self.states.append(State(said, rows, tuple(self.pool.free)))
