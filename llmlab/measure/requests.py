"""What a user of a server feels: times of requests, by the names that vLLM gives them.

TTFT (time to first token) is the wait until something appears, TPOT (time per output
token) the mean gap after that, ITL (inter-token latency) every single gap, E2E the wait
for the whole answer. Goodput counts only the requests that kept their promise on both
TTFT and TPOT: a server may be busy with answers that come too late.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.core import records
from llmlab.core.arguments import shown
from llmlab.core.quantities import PERCENTILES, Quantity
from llmlab.core.records import Record
from llmlab.measure.intervals import percentile
from llmlab.measure.quantities import (
    E2ES,
    GOODPUT,
    ITLS,
    REQUESTS_PER_SECOND,
    TOKENS_PER_SECOND,
    TPOTS,
    TTFTS,
)


@dataclass(frozen=True)
class Times:
    """When a request came, when each of its tokens did, and when it ended; seconds."""

    arrival: float
    tokens: tuple[float, ...]
    finished: float
    tokens_in: int = 0  # of its prompt

    @property
    def ttft(self) -> float:
        """Time to first token; without a token, to the end."""
        return (self.tokens[0] if self.tokens else self.finished) - self.arrival

    @property
    def tpot(self) -> float:
        """Mean time per token after the first; 0 where there is no second one."""
        if len(self.tokens) < 2:
            return 0.0
        return (self.tokens[-1] - self.tokens[0]) / (len(self.tokens) - 1)

    @property
    def itl(self) -> tuple[float, ...]:
        """Every gap between two tokens."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return tuple(later - earlier for earlier, later in pairs)

    @property
    def e2e(self) -> float:
        """Time from arrival to the end."""
        return self.finished - self.arrival


def goodput(
    times: Sequence[Times], *, ttft: float = math.inf, tpot: float = math.inf
) -> float:
    """Return requests a second that kept both promises.

    ttft, tpot: seconds that a request may have at most. Raises ValueError for no
    requests.
    """
    kept = sum(one.ttft <= ttft and one.tpot <= tpot for one in times)
    return kept / duration(times)


def throughput(times: Sequence[Times]) -> float:
    """Return tokens written a second, by all requests together."""
    return sum(len(one.tokens) for one in times) / duration(times)


def duration(times: Sequence[Times]) -> float:
    """Return the seconds from the first arrival to the last end."""
    if not times:
        raise ValueError(f"times={shown(times)} is empty; give those of one request.")
    first = min(one.arrival for one in times)
    return max(max(one.finished for one in times) - first, 1e-12)


def summary(
    times: Sequence[Times],
    *,
    ttft: float = math.inf,
    tpot: float = math.inf,
    kind: str = "measured",
    subject: str = "",
    details: Mapping[str, Any] | None = None,
) -> list[Record]:
    """Return percentiles of all four times, throughput and goodput as records.

    ttft, tpot: the promise that goodput asks for. kind: "simulated" for times of a
    clock that was not a real one. details: "policy", "rate", "load", "requests".
    """
    gaps = [gap for one in times for gap in one.itl]
    samples = (
        (TTFTS, [one.ttft for one in times]),
        (TPOTS, [one.tpot for one in times if len(one.tokens) > 1]),
        (ITLS, gaps),
        (E2ES, [one.e2e for one in times]),
    )
    facts: list[tuple[Quantity, float]] = [
        (family[word], percentile(values, int(word[1:]) / 100))
        for family, values in samples
        if values
        for word in PERCENTILES
    ]
    facts.append((REQUESTS_PER_SECOND, len(times) / duration(times)))
    facts.append((TOKENS_PER_SECOND, throughput(times)))
    facts.append((GOODPUT, goodput(times, ttft=ttft, tpot=tpot)))
    if kind == "measured":
        return [
            records.measured(name, value, subject=subject, details=details)
            for name, value in facts
        ]
    return [
        records.make(name, value, kind=kind, subject=subject, details=details)
        for name, value in facts
    ]
