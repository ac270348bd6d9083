"""Every kind of cache: a lab that brings one adds a line, and gets the whole battery.

A line says which model reads with it and how it is made. `free` sets what lies in its
memory and is nobody's to NaN, `spoil` the tokens of a row from some place on. Pages are
taken outside what is compiled: `reserve` takes those of several steps. A cache that
`rounds` should remember what it does when it reads the text at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as made_once

import torch
from small_models import CONTEXT, MAKERS, model

from llmlab import caching


@dataclass(frozen=True)
class Kind:
    """One cache: the model that reads with it, and how it is made."""

    model: str
    free: Callable
    spoil: Callable
    backs_off: bool = True  # whether tokens can be taken back one by one
    make: Callable | None = None  # by batch and length, where no model's own
    reserve: Callable = lambda cache, tokens: None
    rounds: bool = False

    def new(self, batch: int, length: int):
        return (self.make or model(self.model).new_cache)(batch, length)


NAN = float("nan")


def free_places(cache) -> None:
    """Behind what any row holds, and behind what the cache has made clean itself."""
    for part in (part for layer in cache.layers for part in layer):
        part[:, :, max(cache.longest, cache.clean) :] = NAN


def spoil_places(cache, row: int, start: int) -> None:
    for part in (part for layer in cache.layers for part in layer):
        part[row, :, start : cache.lengths[row]] = NAN


def free_columns(cache) -> None:
    """Columns are made as tokens come: none is free."""


def spoil_columns(cache, row: int, start: int) -> None:
    missing = cache.longest - int(cache.lengths[row])
    for layer in cache._past.layers:
        for part in (layer.keys, layer.values):
            part[row, :, missing + start : cache.longest] = NAN


def spoil_states(cache, row: int, start: int) -> None:
    for part in (part for state in cache.states for part in state):
        part[row] = NAN


def free_tokens(cache) -> None:
    start = max(cache.longest, cache.clean)
    cache._tokens[:, start:] = -1  # no token: to read one is an IndexError


def spoil_tokens(cache, row: int, start: int) -> None:
    cache._tokens[row, start : cache.lengths[row]] = -1


@made_once
def pool(name: str) -> caching.PagePool:
    return caching.PagePool(model(name), pages=600, page_size=4)


def on_pages(name: str, **parts) -> Callable:
    """Return what makes a cache on pages of the one pool of a model."""

    def make(batch: int, length: int):
        return pool(name).new_cache(batch, length=length, **parts)

    return make


def spoil_slots(cache, row: int, start: int, end: int) -> None:
    """Set places of a row to NaN, but for pages that others share."""
    size = cache.pool.page_size
    for place in range(start, end):
        page = cache.tables[row][place // size]
        if cache.pool.owners(page) == 1:
            for memory in cache.layers:
                memory[page * size + place % size] = NAN


def free_pages(cache) -> None:
    """Pages that are free, and what lies behind the tokens of each row."""
    size = cache.pool.page_size
    free = torch.tensor(cache.pool.free, dtype=torch.int64)
    for memory in cache.layers:
        memory.view(-1, size, *memory.shape[1:])[free] = NAN
    for row, table in enumerate(cache.tables):
        spoil_slots(cache, row, int(cache.lengths[row]), len(table) * size)


def spoil_pages(cache, row: int, start: int) -> None:
    spoil_slots(cache, row, start, int(cache.lengths[row]))


def free_scales(cache) -> None:
    start = max(cache.longest, cache.clean)
    for layer in cache.layers:
        for part in filter(torch.is_floating_point, layer):
            part[:, :, start:] = NAN


def spoil_scales(cache, row: int, start: int) -> None:
    for layer in cache.layers:
        for part in filter(torch.is_floating_point, layer):
            part[row, :, start : cache.lengths[row]] = NAN


def in_bits(bits: int) -> Callable:
    return lambda batch, length: caching.QuantizedCache(
        model("decoder"), batch, length, bits=bits
    )


def in_a_window(batch: int, length: int):
    """Return a window that forgets nothing of these texts."""
    return caching.WindowCache(model("decoder"), batch, window=CONTEXT + 2, sinks=4)


PLAIN = {"free": free_places, "spoil": spoil_places}
ALIGNED = {"free": free_columns, "spoil": spoil_columns}
TOKENS = {"free": free_tokens, "spoil": spoil_tokens}
PAGES = {
    "free": free_pages,
    "spoil": spoil_pages,
    "reserve": caching.PagedCache.reserve,
}
HANDED_IN = {
    "page_slots": caching.page_slots,
    "extend_pages": caching.extend_pages,
}
SCALES = {"free": free_scales, "spoil": spoil_scales, "rounds": True}
WINDOW = {"free": free_columns, "spoil": spoil_places, "make": in_a_window}
STATES = {"free": free_columns, "spoil": spoil_states, "backs_off": False}

KINDS = {
    "plain": Kind("decoder", **PLAIN),
    "plain, for a window": Kind("decoder with a window", **PLAIN),
    "pages": Kind("decoder", **PAGES, make=on_pages("decoder")),
    "pages, for a window": Kind(
        "decoder with a window", **PAGES, make=on_pages("decoder with a window")
    ),
    "pages, parts handed in": Kind(
        "decoder", **PAGES, make=on_pages("decoder", **HANDED_IN)
    ),
    **{
        f"in {bits} bits": Kind("decoder", **SCALES, make=in_bits(bits))
        for bits in (8, 4)
    },
    "window": Kind("decoder", **WINDOW),
    **{f"states of {cell}": Kind(cell, **STATES) for cell in ("rnn", "lstm", "gru")},
    **{
        f"aligned, {family}": Kind(family, **ALIGNED)
        for family in ("gpt2", "opt", "phi3", "bloom")
    },
    **{f"tokens, {one}": Kind(one, **TOKENS) for one in ("openai-gpt", "mamba")},
}
assert {kind.model for kind in KINDS.values()} == set(MAKERS)
