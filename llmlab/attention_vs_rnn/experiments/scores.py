"""Attention by length: four times the tokens, sixteen times the scores, and the time.

Where the time grows by more than the scores, the scores no longer fit: into the
processor's cache, and then into memory that the process has already. So three ways run
in the same rounds: all scores at once, the same function on a few queries at a time,
and PyTorch's fused operator. Beside their times stand what they allocate, and how many
pages of memory the system had to hand out during a call.

Shapes: T tokens, N heads, H head width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil
import torch
from torch import Tensor

from llmlab.attention_vs_rnn import quantities
from llmlab.attention_vs_rnn.attention import Attend, fused
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.measure import memory, speed
from llmlab.measure.timing import Speed

LENGTHS = (256, 512, 1024, 2048)
HEADS, HEAD_WIDTH, TILE = 4, 64, 64
YOURS, TILES, FUSED = "yours", "yours, in tiles", "PyTorch, fused"
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

Call = Callable[[], Tensor]


@dataclass(frozen=True)
class Growth:
    """Times, memory and page faults of three ways to attend, by the tokens."""

    timing: Speed
    lengths: tuple[int, ...]
    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return a fact of each way, quantity and length, and the processor's cache."""
        return list(self.facts)

    def ratio(self, name: str, tokens: int, over: int) -> Record:
        """Return how many times as long `tokens` take as `over`, from paired rounds."""
        verdict = self.timing.verdict(_called(name, over), _called(name, tokens))
        return verdict.record(seed=self.timing.seed)

    def at(self, *lengths: int) -> list[Record]:
        """Return the facts of these lengths, their tokens in the subject."""
        return [
            replace(fact, subject=_called(fact.subject, fact.details["tokens"]))
            for fact in self.facts
            if fact.details.get("tokens") in lengths
        ]


def growth(
    attend: Attend,
    *,
    lengths: Sequence[int] = LENGTHS,
    tile: int = TILE,
    seconds: float = 4.0,
    seed: int = 0,
) -> Growth:
    """Time a function that attends at several lengths, whole and in tiles of queries.

    attend: from queries (B, N, T, H), the last T of S tokens, and keys and values
    (B, N, S, H) to what they mix. seconds: of measuring, over all. Raises ValueError
    for lengths below 1, and for a function that gives other numbers than PyTorch's.
    """
    if not len(lengths) or min(lengths) < 1 or tile < 1:
        raise ValueError(
            f"lengths={tuple(lengths)} and tile={tile} must be numbers of tokens from "
            "1, such as lengths=(256, 1024)."
        )
    ways: dict[str, Attend] = {
        YOURS: attend,
        TILES: partial(_in_tiles, attend, tile),
        FUSED: fused,
    }
    calls: dict[tuple[str, int], Callable[[], Tensor]] = {
        (name, tokens): partial(way, *_text(tokens, seed))
        for tokens in sorted(lengths)
        for name, way in ways.items()
    }
    _agree(calls[YOURS, min(lengths)](), calls[FUSED, min(lengths)]())
    with torch.inference_mode():
        timing = speed(
            {_called(*which): call for which, call in calls.items()},
            seconds=seconds,
            seed=seed,
        )
        facts = [
            fact
            for which, call in calls.items()
            for fact in _of_one(timing, *which, call)
        ]
    return Growth(timing, tuple(sorted(lengths)), (*facts, *processor_cache()))


def processor_cache() -> list[Record]:
    """Return the size of the largest cache of the first core, where Linux says it."""
    sizes = []
    for path in CACHES.glob("index*/size"):
        text = path.read_text().strip()
        if text.endswith("K") and text[:-1].isdigit():
            sizes.append(1024 * int(text[:-1]))
    return [
        records.measured(quantities.PROCESSOR_CACHE, size, subject="the processor")
        for size in sorted(sizes)[-1:]
    ]


def faults(call: Call) -> int | None:
    """Return how many pages the system handed out during a call; None where unknown."""
    before = _faults()
    call()
    after = _faults()
    return None if before is None or after is None else after - before


def _faults() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return getattr(psutil.Process().memory_info(), "num_page_faults", None)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _of_one(timing: Speed, name: str, tokens: int, call: Call) -> list[Record]:
    place, series = {"tokens": tokens}, timing[_called(name, tokens)].total
    time = series.record(quantities.ATTEND_LATENCY, subject=name, details=place)
    scores = HEADS * tokens**2
    bounds = [None if end is None else end / scores for end in (time.low, time.high)]
    share = replace(
        time, name=quantities.SCORE_TIME.name, value=time.value / scores,
        low=bounds[0], high=bounds[1],
    )  # fmt: skip
    peak, _ = memory.peak(call)
    size = replace(
        peak, name=quantities.ATTEND_MEMORY.name, subject=name, details=place
    )
    count = faults(call)
    if count is None:
        return [time, share, size]
    pages = records.measured(quantities.PAGE_FAULTS, count, subject=name, details=place)
    return [time, share, size, pages]


def _in_tiles(attend: Attend, tile: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Let a few queries at a time look at all tokens up to the last of them."""
    ends = range(tile, q.shape[-2] + tile, tile)
    parts = [
        attend(q[..., end - tile : end, :], k[..., :end, :], v[..., :end, :])
        for end in ends
    ]
    return torch.cat(parts, -2)


def _agree(mixed: Tensor, expected: Tensor) -> None:
    if mixed.shape != expected.shape or not torch.allclose(mixed, expected, atol=1e-4):
        raise ValueError(
            "attend gives other numbers than PyTorch's operator; run check.attend "
            "first."
        )


def _called(name: str, tokens: int) -> str:
    return f"{name}, {tokens:,} tokens"


def _text(tokens: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 1, HEADS, tokens, HEAD_WIDTH, generator=generator)
