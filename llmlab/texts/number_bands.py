"""Numbers that no recipe learns from, and the frozen pairs that are drawn from them.

Whole thousands are held out. Band 342 is one: no number from 342,000 to 342,999 is ever
learnt from, and nobody gets there without putting together what was learnt elsewhere.
They are a tenth of the bands of one, two and three digits, but not bands 0 and 1: every
word is met there, and mille without un.

A band, and a number's place among the frozen ones, come from SHA-256 alone, so they are
the same on every version of Python. `python -m llmlab.texts.number_bands` writes them.
"""

import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

from llmlab.core import atomic
from llmlab.texts import number_words

SEED = 1
LIMIT = 10**6  # what recipes learn ends below one million
BAND = 1000
HELD_OUT = ((range(2, 10), 1), (range(10, 100), 9), (range(100, 1000), 90))
FROZEN = 2000
FILE = Path(__file__).with_name("number_pairs.tsv")


class Pair(NamedTuple):
    """One number, and its words in both languages."""

    number: int
    english: str
    french: str


@functools.cache
def held_out() -> tuple[int, ...]:
    """Return the 100 bands that are held out, each the thousands of its numbers."""
    chosen = [
        band
        for bands, count in HELD_OUT
        for band in sorted(bands, key=lambda n: _place(f"band {n}"))[:count]
    ]
    return tuple(sorted(chosen))


def is_held_out(number: int) -> bool:
    """Say whether this number must not be learnt from."""
    return number // BAND in _lookup()


def held_out_numbers() -> list[int]:
    """Return every held-out number, the frozen ones among them, in order of size."""
    return [BAND * band + rest for band in held_out() for rest in range(BAND)]


def pair(number: int) -> Pair:
    """Return a number with its words."""
    return Pair(number, number_words.english(number), number_words.french(number))


def draw() -> list[Pair]:
    """Draw the frozen pairs: of all held-out numbers, each as likely, in random order.

    Any first part of them is a fair sample too.
    """
    order = sorted(held_out_numbers(), key=lambda n: _place(f"number {n}"))
    return [pair(number) for number in order[:FROZEN]]


def write(path: Path = FILE) -> None:
    """Write the frozen pairs, one a line: number, English, French, between tabs."""
    rows = ("\t".join(map(str, row)) for row in draw())
    atomic.write(path, "\n".join(rows) + "\n")


def load(path: Path = FILE) -> tuple[Pair, ...]:
    """Read pairs that `write` wrote; ValueError when the file is damaged."""
    try:
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
        return tuple(Pair(int(number), *words) for number, *words in rows)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} holds no number pairs ({error}); get it again, or write it by "
            "`python -m llmlab.texts.number_bands`."
        ) from error


@functools.cache
def _lookup() -> frozenset[int]:
    return frozenset(held_out())


def _place(what: str) -> bytes:
    """Return a place in an order that the seed alone decides."""
    return hashlib.sha256(f"{SEED} {what}".encode()).digest()


if __name__ == "__main__":
    write()
