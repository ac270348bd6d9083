"""One linear layer by tokens: where its rate leaves the slope of the roofline.

At few tokens the weights must come from memory, whatever is done with them, so a token
more costs hardly any time. From the knee on arithmetic rules, and time grows with the
tokens. The learner's arithmetic intensity says where the knee must be on this machine.

Weights come from main memory: the layers of a ring take their turn, as those of a
model do. Source: Williams, Waterman, Patterson, Roofline, CACM 52, 2009.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from llmlab import measure
from llmlab.core import arguments, machine, quantities, records
from llmlab.core.model import Cost
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.hardware import precision
from llmlab.hardware.quantities import KNEE, KNEE_RATIO, LINEAR_RATE
from llmlab.measure import roofline

TOKENS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
WIDTH = 1024  # inputs and outputs
RING_BYTES = 2**27  # of all weights in turn: more than caches hold
SECONDS = 4.0
MOST_TOKENS, MOST_WIDTH = 2**16, 2**14
CLOSE = 2.0  # times: a knee within is where it was expected
RISING = 1.25  # times the rate of the tokens before: the top is not reached

Intensity = Callable[[int, int, int, float, float], float]


@dataclass(frozen=True)
class Crossing:
    """Rates of a linear by tokens and format, and the knee, measured and expected."""

    facts: tuple[Record, ...]
    said: str  # where the knee is, and why not where it was expected
    note: str  # what neighbours did meanwhile, "" if nothing

    @property
    def tokens(self) -> Record:
        """The knee in fp32, measured: time of one token over the best per token."""
        return self._of(KNEE, "measured")

    @property
    def expected(self) -> Record:
        """Tokens from which the learner's intensity reaches peak over bandwidth."""
        return self._of(KNEE, "estimated")

    @property
    def ratio(self) -> Record:
        """The measured knee over the expected one, in fp32."""
        return self._of(KNEE_RATIO, "estimated")

    def records(self) -> list[Record]:
        """Return roofs and rates, then the knees, of one format after the other."""
        return list(self.facts)

    def _of(self, what: Quantity, kind: str) -> Record:
        return next(f for f in self.facts if (f.name, f.kind) == (what.name, kind))


def crossing(
    intensity: Intensity, *, tokens: Sequence[int] = TOKENS, width: int = WIDTH,
    formats: Sequence[str] | None = None, seconds: float = SECONDS,
) -> Crossing:  # fmt: skip
    """Time one linear layer by tokens, and mark where it leaves the slope.

    intensity: the learner's, (tokens, inputs, outputs, weight_bytes, activation_bytes)
    -> FLOPs per byte. formats: by default fp32, and bf16 where the processor has
    instructions for it. ValueError says where the intensity is wrong.
    """
    arguments.whole("width", width, least=16, most=MOST_WIDTH)
    way = "such as (1, 8, 64)"
    counts = arguments.wholes("tokens", tokens, least=1, most=MOST_TOKENS, way=way)
    counts = sorted({1, *counts})  # the slope begins at one token
    names = arguments.texts("formats", here() if formats is None else formats)
    if not names:
        raise ValueError("formats is empty; choose of fp32, bf16 and fp16.")
    for name, count in itertools.product(names, counts):
        _check_intensity(intensity, count, width, name)
    peaks = roofline.peaks(names)
    speed = _times(names, counts, width, seconds)
    facts, said = [], []
    for name in names:
        path = ByTokens(name, counts, width, speed, peaks, intensity)
        facts += path.records()
        said.append(path.said())
    return Crossing(tuple(facts), " ".join(said), speed.note)


def here() -> tuple[str, ...]:
    """Return fp32, and bf16 where the processor has instructions for its products."""
    return ("fp32", "bf16") if precision.instructions("bf16") else ("fp32",)


@torch.inference_mode()
def _times(
    names: Sequence[str], counts: Sequence[int], width: int, seconds: float
) -> measure.Speed:
    calls = {}
    for name in names:
        dtype = machine.dtype(name)
        one = torch.randn(width, width).mul_(width**-0.5).to(dtype)
        rest = max(1, RING_BYTES // (one.numel() * one.element_size()))
        ring = itertools.cycle(one.repeat(rest, 1, 1))  # (layers, F, D)
        for count in counts:
            x = torch.randn(count, width).to(dtype)  # (T, D)
            calls[f"{name} {count}"] = _Linear(x, ring)
    return measure.speed(calls, seconds=seconds)


class _Linear:
    """Multiplies by the next weight of a ring, which all calls of a format share."""

    def __init__(self, x: Tensor, ring: Iterator[Tensor]):
        self.x, self.ring = x, ring

    @torch.inference_mode()
    def __call__(self) -> None:
        linear(self.x, next(self.ring))


@dataclass(frozen=True)
class ByTokens:
    """The points of one format, its roof, and both knees."""

    name: str
    counts: Sequence[int]
    width: int
    speed: measure.Speed
    peaks: roofline.Peaks
    intensity: Intensity

    @property
    def peak(self) -> float:
        return self.peaks.flops[self.name]

    @property
    def bandwidth(self) -> float:
        return self.peaks.bandwidth_at(RING_BYTES)

    @property
    def knee(self) -> tuple[float, float, float]:
        """Tokens that take as long as one, at the best time per token; its interval."""
        verdict = self.speed.verdict(self._call(self.best), self._call(1))
        ends = (verdict.ratio, verdict.low, verdict.high)
        value, low, high = (self.best * ratio for ratio in ends)
        return value, low, high

    @property
    def best(self) -> int:
        return max(self.counts, key=self.rate)

    @property
    def expected(self) -> int:
        """The fewest tokens whose intensity reaches peak over bandwidth."""
        ridge, low, high = self.peak / self.bandwidth, 1, MOST_TOKENS
        while low < high:
            middle = (low + high) // 2
            reached = self.at(middle) >= ridge
            low, high = (low, middle) if reached else (middle + 1, high)
        return low

    def at(self, count: float) -> float:
        """Return the learner's intensity at so many tokens, rounded to whole ones."""
        return _asked(self.intensity, max(1, round(count)), self.width, self.name)

    def rate(self, count: int) -> float:
        return _cost(count, self.width, self.name).flops / self._median(count)

    def records(self) -> list[Record]:
        value, low, high = self.knee
        knee = {"intensity": self.at(value)}
        facts = [*self._roof(), *map(self._point, self.counts)]
        facts.append(
            records.measured(
                KNEE, value, low=low, high=high, subject=self.name, details=knee
            )
        )
        ridge = {"intensity": self.peak / self.bandwidth}
        for what, size, details in (
            (KNEE, self.expected, ridge), (KNEE_RATIO, value / self.expected, {}),
        ):  # fmt: skip
            facts.append(
                records.make(what, size, kind="estimated", subject=self.name,
                             details=details)
            )  # fmt: skip
        return facts

    def said(self) -> str:
        """Say both knees, and where they lie apart, what is not as assumed."""
        value, expected = self.knee[0], self.expected
        words = (
            f"{self.name}: the measured rate leaves the slope at {value:.3g} tokens; "
            f"{records.quantity(self.peak, 'FLOP/s')} over "
            f"{records.quantity(self.bandwidth, 'B/s')} predict {expected}."
        )
        if 1 / CLOSE <= value / expected <= CLOSE and not self._is_rising:
            return words
        return f"{words} {self._reason()}"

    @property
    def _is_rising(self) -> bool:
        *_, before, last = [0.0, *map(self.rate, self.counts)]
        return last > RISING * before

    def _reason(self) -> str:
        if self._is_rising:
            return (
                f"The rate still rises at {self.counts[-1]} tokens, so the knee lies "
                "beyond; measure more tokens."
            )
        moved = _cost(1, self.width, self.name).bytes / self._median(1)
        top = self.rate(self.best)
        if abs(math.log(top / self.peak)) > abs(math.log(moved / self.bandwidth)):
            return (
                f"The linear reaches {top / self.peak:.0%} of the peak at "
                f"{self.best} tokens, so its roof is another."
            )
        speed = f"One token reads its weights at {records.quantity(moved, 'B/s')}"
        if moved > self.bandwidth:
            return f"{speed}, more than memory gives, so a part stays in cache."
        return f"{speed} only, so the slope lies lower."

    def _roof(self) -> list[Record]:
        peak = [
            fact for fact in self.peaks.records()
            if (fact.name, fact.subject) == (quantities.PEAK.name, self.name)
        ]  # fmt: skip
        slope = records.make(
            quantities.READ_BANDWIDTH, self.bandwidth, kind="estimated",
            subject=self.name, details={"bytes": RING_BYTES},
            machine=self.peaks.label, date=self.peaks.date,
        )  # fmt: skip
        return [*peak, slope]

    def _point(self, count: int) -> Record:
        details = {"tokens": count, "intensity": self.at(count)}
        flops = _cost(count, self.width, self.name).flops
        series = self.speed[self._call(count)].total
        return series.rate(LINEAR_RATE, flops, subject=self.name, details=details)

    def _median(self, count: int) -> float:
        return self.speed[self._call(count)].median

    def _call(self, count: int) -> str:
        return f"{self.name} {count}"


def _cost(count: int, width: int, name: str) -> Cost:
    bytes_each = machine.dtype(name).itemsize
    return Cost(2 * count * width**2, bytes_each * (width**2 + 2 * count * width))


def _check_intensity(intensity: Intensity, count: int, width: int, name: str) -> None:
    cost, value = _cost(count, width, name), _asked(intensity, count, width, name)
    if not math.isclose(value, cost.intensity, rel_tol=1e-5):
        tokens = "1 token" if count == 1 else f"{count} tokens"
        raise ValueError(
            f"intensity gave {value:.4g} for {tokens} in {name}, where {cost.flops:,} "
            f"FLOPs and {cost.bytes:,} bytes make {cost.intensity:.4g}; run the check "
            "of exercise 1."
        )


def _asked(intensity: Intensity, count: int, width: int, name: str) -> float:
    arguments.function("intensity", intensity, way="hand in yours of exercise 1")
    size = machine.dtype(name).itemsize
    value = intensity(count, width, width, size, size)
    if not arguments.is_number(value):
        raise ValueError(
            f"intensity gave {arguments.shown(value)} for {count} tokens; return "
            "FLOPs per byte, a number."
        )
    return float(value)
