"""A chain of elementwise operators over large data, whole and in chunks.

Run whole, each operator reads and writes all of the data in main memory. In chunks that
fit a cache only the first one waits for memory. Small chunks start many operators.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab import measure
from llmlab.caching.experiments import scoring
from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.hardware import tiling
from llmlab.hardware.quantities import CHAIN_GAIN, CHAIN_TIME

TOTAL = 64_000_000  # bytes of the data
CHUNKS = (16_000, 64_000, 250_000, 1_000_000, 4_000_000, 16_000_000)
LEAST, MOST = 4_000, 10**9  # bytes
SECONDS = 3.0
SUBJECT = "eight operators"
WORD_BYTES = 4
CHAIN: tuple[Callable[[Tensor], Tensor], ...] = (  # scale, clip and shift, bounded
    lambda x: x.sub_(0.5), lambda x: x.mul_(2.0), lambda x: x.clamp_(-3.0, 3.0),
    lambda x: x.mul_(0.25), lambda x: x.add_(0.5), lambda x: x.relu_(),
    lambda x: x.neg_(), lambda x: x.add_(1.0),
)  # fmt: skip


@dataclass(frozen=True)
class Chunks:
    """Time of the chain by bytes of a chunk; the last one is the whole."""

    facts: tuple[Record, ...]
    said: str  # the best chunk, and the ends that lose
    note: str  # what neighbours did meanwhile, "" if nothing

    @property
    def gain(self) -> Record:
        """How many times as fast as the whole the best chunk is."""
        gains = [fact for fact in self.facts if fact.name == CHAIN_GAIN.name]
        return max(gains, key=lambda fact: fact.value)

    def ratio(self, chunk: int) -> Record:
        """Return how many times as fast as the whole; ValueError: other chunks."""
        return scoring.find(self.facts, CHAIN_GAIN.name, {"bytes": chunk})

    def records(self) -> list[Record]:
        """Return times, then how many times as fast as the whole they are."""
        return list(self.facts)


def chunks(
    *, chunks: Sequence[int] = CHUNKS, total: int = TOTAL, seconds: float = SECONDS
) -> Chunks:
    """Time a chain of eight elementwise operators over `total` bytes, interleaved.

    chunks: their bytes, fewer than the whole, which is timed besides.
    """
    arguments.whole("total", total, least=2 * LEAST, most=MOST)
    way = f"below total={total}, such as {2 * LEAST}"
    sizes = arguments.wholes("chunks", chunks, least=LEAST, most=total - 1, way=way)
    sizes = [*sorted(set(sizes)), total]
    data = torch.rand(total // WORD_BYTES)
    calls = {
        str(size): functools.partial(
            tiling.in_chunks, CHAIN, data, size=size // WORD_BYTES
        )
        for size in sizes
    }
    speed = measure.speed(calls, seconds=seconds, warmup=1)
    facts = [
        speed[str(size)].total.record(
            CHAIN_TIME, subject=SUBJECT, details={"bytes": size}
        )
        for size in sizes
    ]
    facts += [_gain(speed, size, total) for size in sizes[:-1]]
    return Chunks(tuple(facts), _said(facts, total), speed.note)


def _gain(speed: measure.Speed, size: int, total: int) -> Record:
    verdict = speed.verdict(str(size), str(total))
    return verdict.record(CHAIN_GAIN, subject=SUBJECT, details={"bytes": size})


def _said(facts: Sequence[Record], total: int) -> str:
    gains = [fact for fact in facts if fact.name == CHAIN_GAIN.name]
    best, smallest = max(gains, key=lambda fact: fact.value), gains[0]
    said = (
        f"Chunks of {_size(best)} are {best.value:.2g} times as fast as the whole of "
        f"{records.quantity(total, 'B')}"
    )
    if smallest is best:
        return f"{said}; no smaller ones were tried."
    return f"{said}, those of {_size(smallest)} {smallest.value:.2g} times."


def _size(fact: Record) -> str:
    return records.quantity(fact.details["bytes"], "B")
