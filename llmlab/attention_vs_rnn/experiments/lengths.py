"""Scans and layers by the length of the text: to read it, and to go on from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from llmlab.attention_vs_rnn import (
    attention,
    crossings,
    latency,
    memory,
    slopes,
)
from llmlab.attention_vs_rnn import scan as plain
from llmlab.attention_vs_rnn.crossings import Crossing
from llmlab.attention_vs_rnn.layers import MixerLayer
from llmlab.attention_vs_rnn.quantities import GROWTH
from llmlab.attention_vs_rnn.recurrence import Scan
from llmlab.attention_vs_rnn.workloads import LENGTHS
from llmlab.core import records
from llmlab.core.quantities import DECODE_LATENCY, PREFILL_LATENCY, Quantity
from llmlab.core.records import Record

LOOP, YOURS, OURS = "loop", "yours", "llmlab"
WHOLE_MATRIX = 2048  # tokens: longer, all scores at once take too much memory
SOME = (64, 1024, 4096)  # lengths at which memory is counted
STEEP = 256  # tokens from which a slope is fitted
PHASES = {"reading": PREFILL_LATENCY, "writing": DECODE_LATENCY}


@dataclass(frozen=True)
class Scans:
    """A scan against the loop and the package's own, by length."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return "scan latency" and "speed-up", and where curves cross."""
        crossing = self.crossing(YOURS, LOOP)
        return [*self.facts, *crossing.records()]

    def crossing(self, name: str, against: str) -> Crossing:
        """Say from which length on one is the faster, if it changes."""
        return crossings.find(self.facts, name, against)

    def ratio(self, name: str, against: str, tokens: int | None = None) -> Record:
        """Return how many times as fast `name` is as `against`, at the longest text.

        tokens: at this length instead.
        """
        return _ratio(self.facts, name, against, tokens)


@dataclass(frozen=True)
class Costs:
    """What layers cost by length, with slopes and crossings."""

    facts: tuple[Record, ...]
    steep: tuple[Record, ...]  # the slopes
    against: str  # the layer that the others are compared with
    width: int  # D of all layers

    def records(self) -> list[Record]:
        """Return times, ratios, memory, slopes and crossings of both phases."""
        met = [
            record
            for phase in PHASES
            for one in self.crossings(phase)
            for record in one.records()
        ]
        return [*self.facts, *self.steep, *met]

    @property
    def slopes(self) -> tuple[Record, ...]:
        """The slopes of both phases, rounded for a table."""
        phases = {what.name: phase for phase, what in PHASES.items()}
        return tuple(
            replace(
                fact, value=round(fact.value, 2), low=_rounded(fact.low),
                high=_rounded(fact.high), details={"of": phases[fact.details["of"]]},
            )
            for fact in self.steep
        )  # fmt: skip

    def crossings(self, phase: str) -> list[Crossing]:
        """Return where the layer `against` meets the others, reading or writing."""
        what = _quantity(phase)
        names = [
            name
            for name in dict.fromkeys(
                fact.subject for fact in self.facts if fact.name == what.name
            )
            if name != self.against
        ]
        return [
            crossings.find(self.facts, self.against, name, of=what) for name in names
        ]

    def ratio(
        self, name: str, against: str, phase: str, tokens: int | None = None
    ) -> Record:
        """Return how many times as fast `name` is as `against`, at the longest text.

        phase: "reading" or "writing". tokens: at this length instead.
        """
        return _ratio(self.facts, name, against, tokens, _quantity(phase))

    def grown(self, name: str, phase: str) -> Record:
        """Return how many times as long the longest text takes as the shortest."""
        what = _quantity(phase).name
        times = [
            (fact.details["tokens"], fact.value)
            for fact in self.facts
            if (fact.name, fact.subject) == (what, name)
        ]
        (least, short), (most, long) = min(times), max(times)
        details = {"tokens": most, "over": least}
        return records.measured(GROWTH, long / short, subject=name, details=details)

    def of(self, *names: str, tokens: int) -> list[Record]:
        """Return the facts of some quantities at one length, for a table."""
        return [
            fact
            for fact in self.facts
            if fact.name in names and fact.details.get("tokens") == tokens
        ]


def scans(
    scan: Scan,
    *,
    width: int = 256,
    lengths: Sequence[int] = LENGTHS,
    seconds: float = 4.0,
    seed: int = 0,
) -> Scans:
    """Time a scan against the loop and the package's own, all in the same rounds.

    scan: from decay and new (B, T, D) to all states. Raises ValueError for one that
    gives other states than the loop.
    """
    generator = torch.Generator().manual_seed(seed)
    decay, new = torch.rand(2, 1, 1000, 8, generator=generator, dtype=torch.float64)
    off = float((scan(decay, new) - plain.loop(decay, new)).abs().max())
    if not off < 1e-9:
        raise ValueError(
            f"scan gives states that are {off:.3g} away from the loop's; run "
            "check.scan first."
        )
    ways = {LOOP: plain.loop, YOURS: scan, OURS: plain.parallel}
    facts = latency.scans(
        ways, width=width, lengths=lengths, seconds=seconds, seed=seed
    )
    return Scans(tuple(facts))


def costs(
    layers: Mapping[str, MixerLayer],
    *,
    against: str = "attention, fused",
    lengths: Sequence[int] = LENGTHS,
    some: Sequence[int] = SOME,
    seconds: float = 14.0,
) -> Costs:
    """Time layers by length, reading and writing, and count what they allocate.

    layers: name -> layer. against: the one whose crossings with the others are looked
    for. seconds: of measuring. Layers that hold all scores at once end at 2,048 tokens.
    Raises ValueError for no such layer, layers of different widths, no lengths.
    """
    if against not in layers:
        raise ValueError(
            f"against={against!r} is no layer here; choose one of {[*layers]}."
        )
    width, *others = sorted({layer.width for layer in layers.values()})
    if others:
        raise ValueError(
            f"layers have the widths {width}, {str(others)[1:-1]}; build all "
            "of them with the same one, else their costs say nothing of their kind."
        )
    longest = {
        name: WHOLE_MATRIX for name, layer in layers.items() if _holds_scores(layer)
    }
    read = latency.prefill(
        layers, lengths=lengths, longest=longest, seconds=0.7 * seconds
    )
    write = latency.decode(layers, lengths=lengths, seconds=0.3 * seconds)
    sizes = memory.allocated(layers, lengths=some, longest=longest)
    steep = [*_steep(read, PREFILL_LATENCY), *_steep(write, DECODE_LATENCY)]
    return Costs((*read, *write, *sizes), tuple(steep), against, width)


def _rounded(end: float | None) -> float | None:
    return None if end is None else round(end, 2)


def _steep(facts: Sequence[Record], what: Quantity) -> list[Record]:
    """Return the slope of each curve that was timed at two long texts or more."""
    timed = [fact for fact in facts if fact.name == what.name]
    lengths = sorted({fact.details["tokens"] for fact in timed})
    start = min(STEEP, *lengths[-2:])
    points = Counter(fact.subject for fact in timed if fact.details["tokens"] >= start)
    long = [fact for fact in timed if points[fact.subject] > 1]
    return slopes.fit(long, what, start=start) if long else []


def _holds_scores(layer: MixerLayer) -> bool:
    mixer = layer.mixer
    fused = attention.fused
    return isinstance(mixer, attention.SelfAttention) and mixer.attend is not fused


def _quantity(phase: str) -> Quantity:
    if phase not in PHASES:
        raise ValueError(f"phase={phase!r} is neither of {', '.join(PHASES)}.")
    return PHASES[phase]


def _ratio(
    facts: Sequence[Record],
    name: str,
    against: str,
    tokens: int | None,
    of: Quantity | None = None,
) -> Record:
    ratios = [
        one
        for fact in facts
        if (of is None or fact.details.get("of") == of.name)
        and (one := crossings.ratio(fact, name, against)) is not None
        and tokens in (None, one.details["tokens"])
    ]
    if not ratios:
        where = "" if tokens is None else f" at {tokens:,} tokens"
        raise ValueError(f"{name!r} and {against!r} were not timed together{where}.")
    return max(ratios, key=lambda one: one.details["tokens"])
