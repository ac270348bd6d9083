"""Pairs of int8 vectors that a `dot` in C is tried on, and what lies around them."""

import functools
import random
from dataclasses import dataclass

from llmlab.graphs import confined, inner
from llmlab.graphs.compiling import SourceError
from llmlab.graphs.confined import DeadError

MARGIN = 64  # numbers that lie before a vector, and behind it
LEFT, RIGHT = 85, 77  # what they are, in a and in b
CLOSED = 13  # numbers before a page that nobody may touch
NAME = "dot"


@dataclass(frozen=True)
class Pair:
    """Two vectors of int8, and the exact sum of their products.

    closed: right behind them lies memory that nobody may read.
    """

    a: tuple[int, ...]
    b: tuple[int, ...]
    closed: bool = False

    @property
    def right(self) -> int:
        """The sum, in whole numbers of Python."""
        return sum(x * y for x, y in zip(self.a, self.b, strict=True))

    @property
    def told(self) -> str:
        """The call in C, as far as it fits into a line."""
        n = len(self.a)
        if self.closed:
            return f"dot(a, b, {n}) at the end of memory"
        if n > 8:
            alike = len({*self.a}) == len({*self.b}) == 1
            what = f"{self.a[0]} times {self.b[0]}" if alike else "drawn numbers"
            return f"dot(a, b, {n}) of {what}"
        return f"dot({_braces(self.a)}, {_braces(self.b)}, {n})"


def _braces(numbers: tuple[int, ...]) -> str:
    return "{" + ", ".join(map(str, numbers)) + "}"


def _drawn(n: int) -> Pair:
    dice = random.Random(n)
    a, b = (tuple(dice.randint(-128, 127) for _ in range(n)) for _ in "ab")
    return Pair(a, b)


def _alike(n: int, one: int, other: int) -> Pair:
    return Pair((one,) * n, (other,) * n)


PAIRS = (
    Pair((3, -2, 1), (4, 5, 6)),
    Pair((), ()),
    Pair((-128,), (-128,)),
    Pair((100, 100), (100, 1)),
    Pair((-1, 2, -3, 4), (5, -6, 7, -8)),
    _drawn(7),
    _drawn(32),
    _drawn(33),
    _alike(64, -128, -128),
    _alike(300, 127, -128),
    _drawn(1000),
    _alike(4097, 127, 127),  # an odd sum beyond 2 ** 24
    _alike(4097, -128, -128),
    _drawn(4097),
    Pair(_drawn(CLOSED).a, _drawn(CLOSED).b, closed=True),
)


@functools.lru_cache(maxsize=64)
def tried(text: str) -> tuple[int | bool | Exception, ...]:
    """Return what a `dot` gives for each of PAIRS, or why it gives nothing.

    False: it changed what it was given.
    """
    try:
        one = inner.build(text)
    except SourceError as error:
        return (error,) * len(PAIRS)
    given: list[int | bool | Exception] = []
    try:
        with inner.running({NAME: one}) as child:
            for pair in PAIRS:
                given.append(_called(child, pair))
    except (SourceError, DeadError) as error:
        given += [error] * (len(PAIRS) - len(given))
    return tuple(given)


def _called(child: confined.Child, pair: Pair) -> int | bool:
    a, b = _around(pair.a, LEFT), _around(pair.b, RIGHT)
    reply = child.ask(
        do="sum", name=NAME, a=confined.encoded(a), b=confined.encoded(b),
        place=MARGIN, n=len(pair.a), closed=pair.closed,
    )  # fmt: skip
    total = reply.get("sum")
    if not isinstance(total, int):
        raise DeadError(confined.ENDS)
    return total if reply.get("kept") is True else False


def _around(numbers: tuple[int, ...], edge: int) -> bytes:
    whole = (edge,) * MARGIN + numbers + (edge,) * MARGIN
    return bytes(one & 0xFF for one in whole)


def wrapped(number: int, bits: int = 32) -> int:
    """Keep the lowest bits of a number, as two's complement reads them."""
    half = 1 << bits - 1
    return (number + half) % (2 * half) - half
