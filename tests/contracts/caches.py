"""Every kind of cache: a lab that brings one adds a line, and gets the whole battery.

A line says which model reads with it and how it is made. `free` sets what lies in its
memory and is nobody's to NaN, `spoil` the tokens of a row from some place on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from small_models import MAKERS, model


@dataclass(frozen=True)
class Kind:
    """One cache: the model that reads with it, and how it is made."""

    model: str
    free: Callable
    spoil: Callable
    backs_off: bool = True  # whether tokens can be taken back one by one

    def new(self, batch: int, length: int):
        return model(self.model).new_cache(batch, length)


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


PLAIN = {"free": free_places, "spoil": spoil_places}
ALIGNED = {"free": free_columns, "spoil": spoil_columns}
TOKENS = {"free": free_tokens, "spoil": spoil_tokens}
STATES = {"free": free_columns, "spoil": spoil_states, "backs_off": False}

KINDS = {
    "plain": Kind("decoder", **PLAIN),
    "plain, for a window": Kind("decoder with a window", **PLAIN),
    **{f"states of {cell}": Kind(cell, **STATES) for cell in ("rnn", "lstm", "gru")},
    **{
        f"aligned, {family}": Kind(family, **ALIGNED)
        for family in ("gpt2", "opt", "phi3", "bloom")
    },
    **{f"tokens, {one}": Kind(one, **TOKENS) for one in ("openai-gpt", "mamba")},
}
assert {kind.model for kind in KINDS.values()} == set(MAKERS)
