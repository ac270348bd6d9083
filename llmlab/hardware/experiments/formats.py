"""One linear layer in four formats: few bits pay where an instruction takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab import measure
from llmlab.caching.experiments import scoring
from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.hardware import precision as room
from llmlab.hardware.quantities import FORMAT_ERROR, FORMAT_GAIN, FORMAT_TIME

TOKENS, SECONDS = (1, 64), 2.0
PLAIN = "fp32"


@dataclass(frozen=True)
class Precision:
    """Times and errors of a product by format, and what the processor has for it."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that this torch computes, fp32 first."""
        times = [f.subject for f in self.facts if f.name == FORMAT_TIME.name]
        return tuple(dict.fromkeys(times))

    def instructions(self, format: str) -> tuple[str, ...]:
        """Return the processor's instructions for a format, () for none."""
        return room.instructions(format)

    def ratio(self, format: str, tokens: int) -> Record:
        """Return how many times as fast as fp32; ValueError: what was not timed."""
        named = [fact for fact in self.facts if fact.subject == format]
        return scoring.find(named or self.facts, FORMAT_GAIN.name, {"tokens": tokens})

    def error(self, format: str) -> Record:
        """Return how far the product is off, as a share of its size."""
        named = [fact for fact in self.facts if fact.subject == format]
        return scoring.find(named or self.facts, FORMAT_ERROR.name, {})

    @property
    def most_tokens(self) -> int:
        """The most tokens that were timed, where arithmetic rules."""
        return max(fact.details["tokens"] for fact in self.facts)

    @property
    def said(self) -> str:
        """Say how fast every format is at the most tokens, and by which instruction."""
        tokens = self.most_tokens
        parts = [
            f"{name} {self.ratio(name, tokens).value:.2g} "
            f"({_with(self.instructions(name))})"
            for name in self.formats
            if name != PLAIN
        ]
        return f"At {tokens} tokens, times as fast as {PLAIN}: {', '.join(parts)}."

    def records(self) -> list[Record]:
        """Return times, then how many times as fast as fp32, then errors."""
        return list(self.facts)


def precision(
    *, tokens: Sequence[int] = TOKENS, width: int = room.WIDTH,
    seconds: float = SECONDS,
) -> Precision:  # fmt: skip
    """Time one linear layer in fp32, bf16, fp16 and int8, interleaved.

    int8 is the bare product; rounding the activations comes on top of it. A format that
    this torch does not multiply is left out. seconds: for each number of tokens.
    """
    counts = arguments.wholes("tokens", tokens, least=1, way="such as (1, 64)")
    times, gains, wrong, notes = [], [], [], []
    for count in counts:
        linears = room.linears(count, width=width)
        speed = measure.speed(linears, seconds=seconds)
        notes.append(speed.note)
        for name in linears:
            details = {"tokens": count, "instructions": _with(room.instructions(name))}
            times.append(
                speed[name].total.record(FORMAT_TIME, subject=name, details=details)
            )
        gains += [_gain(speed, name, count) for name in linears if name != PLAIN]
        wrong += [
            records.measured(FORMAT_ERROR, off, subject=name, details={"tokens": count})
            for name, off in room.errors(linears).items()
        ]
    note = " ".join(dict.fromkeys(filter(None, notes)))
    return Precision((*times, *gains, *wrong), note)


def _gain(speed: measure.Speed, name: str, tokens: int) -> Record:
    verdict = speed.verdict(name, PLAIN)
    return verdict.record(FORMAT_GAIN, subject=name, details={"tokens": tokens})


def _with(instructions: Sequence[str]) -> str:
    """Name the widest instruction of a format."""
    return instructions[0] if instructions else "no instruction"
