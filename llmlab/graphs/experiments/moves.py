"""Chains of operators one by one and as one kernel: bytes counted, times measured.

A small tensor shows what the operators cost to start, a large one what bytes cost.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from llmlab import measure
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs.costs import Kernel
from llmlab.graphs.experiments import inputs
from llmlab.graphs.quantities import (
    BYTES_SAVED,
    CHAIN_BYTES,
    CHAIN_GAIN,
    CHAIN_RATE,
    CHAIN_TIME,
)

SIZES = (1_000, 4_000_000)  # values: one fits into a cache, the other into none
SECONDS = 6.0
SUM, SILU, GELU = "a·b + c", "SiLU", "GELU"
SLOPE, CUBIC = 0.7978845608028654, 0.044715  # √(2/π), and the term in x³

Traffic = Callable[[list[list[tuple[str, list[str]]]], int], int]


@dataclass(frozen=True)
class Chain:
    """What is computed: a kernel for each operator, and by one kernel of torch."""

    kernels: Sequence[Kernel]  # each of one operator
    apart: Callable[..., Tensor]
    at_once: Callable[..., Tensor]
    inputs: int = 1


def _sum(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return a * b + c


def _sum_at_once(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.addcmul(c, a, b)


def _silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def _gelu(x: Tensor) -> Tensor:
    """GELU as its formula says it; GPT-2 in transformers computes it so."""
    inner = SLOPE * (x + CUBIC * x.pow(3))
    return 0.5 * x * (1 + inner.tanh())


CHAINS = {
    SUM: Chain(
        ([("t", ["a", "b"])], [("y", ["t", "c"])]), _sum, _sum_at_once, inputs=3
    ),
    SILU: Chain(([("s", ["x"])], [("y", ["x", "s"])]), _silu, F.silu),
    GELU: Chain(
        (
            [("cube", ["x"])],
            [("term", ["cube"])],
            [("sum", ["x", "term"])],
            [("inner", ["sum"])],
            [("half", ["x"])],
            [("tanh", ["inner"])],
            [("more", ["tanh"])],
            [("y", ["half", "more"])],
        ),
        _gelu,
        partial(F.gelu, approximate="tanh"),
    ),
}


@dataclass(frozen=True)
class Moved:
    """Bytes by the learner's count and times of chains, apart and as one kernel."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing

    def ratio(self, chain: str, size: int = SIZES[-1]) -> Record:
        """Return how many times as fast one kernel is; ValueError names what there is.

        chain: such as "GELU". size: values of a tensor.
        """
        return self._of(CHAIN_GAIN, chain, size)

    def saved(self, chain: str, size: int = SIZES[-1]) -> Record:
        """Return how many times the bytes of one kernel many move; errors as above."""
        return self._of(BYTES_SAVED, chain, size)

    @property
    def said(self) -> str:
        """Say for every chain what bytes promise and what the clock shows."""
        sizes = sorted({fact.details["size"] for fact in self.facts})
        chains = dict.fromkeys(
            fact.subject for fact in self.facts if fact.name == CHAIN_GAIN.name
        )
        parts = [
            f"{chain}: {self.saved(chain, sizes[-1]).value:.3g} times the bytes, "
            f"{self.ratio(chain, sizes[-1]).value:.2f} times the time"
            for chain in chains
        ]
        return (
            f"One by one against one kernel, {sizes[-1]:,} values: {'; '.join(parts)}."
        )

    def records(self) -> list[Record]:
        """Return bytes, times and rates of every way, then the ratios."""
        return list(self.facts)

    def _of(self, what: Quantity, chain: str, size: int) -> Record:
        facts = [fact for fact in self.facts if fact.name == what.name]
        for fact in facts:
            if (fact.subject, fact.details["size"]) == (chain, size):
                return fact
        known = [(fact.subject, fact.details["size"]) for fact in facts]
        raise ValueError(
            f"chain={chain!r} at size={size} was not measured; choose of {known}."
        )


def moved(
    traffic: Traffic, *, sizes: Sequence[int] = SIZES, seconds: float = SECONDS
) -> Moved:
    """Count the bytes of three chains by a learner's function, and time them.

    traffic: (kernels, size) -> bytes, as `costs.traffic`. sizes: values of a tensor.
    ValueError says where an answer is no number of bytes.
    """
    inputs.learners("traffic", traffic)
    moves = {
        (name, size): _bytes(chain, traffic, size)
        for size in sizes
        for name, chain in CHAINS.items()
    }
    counted: list[Record] = []
    ratios: list[Record] = []
    notes = []
    for size in sizes:
        speed = measure.speed(_calls(size), seconds=seconds / len(sizes))
        notes.append(speed.note)
        for name, chain in CHAINS.items():
            many, one = moves[name, size]
            slow, fast = _called(name, chain), _called(name)
            counted += _of_way(slow, many, len(chain.kernels), size, speed)
            counted += _of_way(fast, one, 1, size, speed)
            ratios += _ratios(name, many / one, speed.verdict(fast, slow), size)
    return Moved((*counted, *ratios), next(filter(None, notes), ""))


def _bytes(chain: Chain, traffic: Traffic, size: int) -> tuple[int, int]:
    """Return the bytes of a chain one by one and as one kernel, by the learner."""
    steps = [(output, list(inputs)) for k in chain.kernels for output, inputs in k]
    apart = [[one] for one in steps]
    return _checked(traffic(apart, size)), _checked(traffic([steps], size))


def _called(name: str, chain: Chain | None = None) -> str:
    return f"{name}, {len(chain.kernels)} kernels" if chain else f"{name}, 1 kernel"


def _calls(size: int) -> dict[str, Callable[[], Tensor]]:
    draw = torch.Generator().manual_seed(0)
    calls: dict[str, Callable[[], Tensor]] = {}
    tensors = torch.randn(3, size, generator=draw)
    for name, chain in CHAINS.items():
        given = tensors[: chain.inputs]
        calls[_called(name, chain)] = partial(_run, chain.apart, given)
        calls[_called(name)] = partial(_run, chain.at_once, given)
    return calls


@torch.inference_mode()
def _run(call: Callable[..., Tensor], tensors: Tensor) -> Tensor:
    return call(*tensors)


def _of_way(
    name: str, moved: int, kernels: int, size: int, speed: measure.Speed
) -> list[Record]:
    details, series = {"kernels": kernels, "size": size}, speed[name].total
    return [
        records.make(
            CHAIN_BYTES, moved, kind="estimated", subject=name, details=details
        ),
        series.record(CHAIN_TIME, subject=name, details=details),
        dataclasses.replace(  # bytes by the learner's count
            series.rate(CHAIN_RATE, moved, subject=name, details=details),
            kind="estimated",
        ),
    ]


def _ratios(
    name: str, saved: float, verdict: measure.Verdict, size: int
) -> list[Record]:
    details = {"size": size}
    return [
        records.make(
            BYTES_SAVED, saved, kind="estimated", subject=name, details=details
        ),
        verdict.record(CHAIN_GAIN, subject=name, details=details),
    ]


def _checked(answer: Any) -> int:
    if not arguments.is_whole(answer) or answer <= 0:
        raise ValueError(
            f"traffic gave {arguments.shown(answer)}; return a whole number of bytes, "
            "above 0."
        )
    return int(answer)
