"""What texts say, what was measured of it, and whether it holds on this machine.

A claim may hold, may fail, hold in part, or be left open by what was measured. Every
lab that tries sentences of tutorials returns `Claims`; `show.table` shows them. How a
verdict follows from cases, ends of intervals and comparisons is written here, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from llmlab.core import quantities, records
from llmlab.core.records import Record
from llmlab.measure import comparison

HOLDS, FAILS = "✓ holds", "✗ does not hold"
PARTLY, OPEN = "holds in part", "no clear difference"
ABSENT = "open, not tried here"  # it speaks of what this machine does not have


@dataclass(frozen=True)
class Claim:
    """A sentence of a text, what was measured of it in words, and the verdict."""

    claim: str
    measured: str
    verdict: str
    kind: str = "measured"  # or "estimated", where a formula says it


@dataclass(frozen=True)
class Claims:
    """Claims with their verdicts, in the order they were tried."""

    rows: tuple[Claim, ...]

    def records(self) -> list[Record]:
        """Return a record for each claim: 1 if it holds, else 0, its words beside."""
        return [
            records.make(
                quantities.CLAIM,
                float(row.verdict == HOLDS),
                kind=row.kind,
                subject=row.claim,
                details={
                    "claim": row.claim,
                    "measured": row.measured,
                    "verdict": row.verdict,
                },
            )
            for row in self.rows
        ]

    def verdict(self, start: str) -> str:
        """Return the verdict on the claim that begins so; ValueError for none."""
        for row in self.rows:
            if row.claim.startswith(start):
                return row.verdict
        raise ValueError(
            f"start={start!r} begins no claim; choose the beginning of one of "
            f"{[row.claim for row in self.rows]}."
        )


def of_cases(cases: Iterable[bool]) -> str:
    """Return the verdict on what is said of every case, by which of them hold.

    Of no case at all nothing was measured, so that the claim stays open.
    """
    held = list(cases)
    if not held:
        return OPEN
    return HOLDS if all(held) else PARTLY if any(held) else FAILS


def of_speed(fact: Record) -> str:
    """Return the verdict on "is faster", by the word of a fact that compares two."""
    words = {comparison.FASTER: HOLDS, comparison.SLOWER: FAILS}
    return words.get(fact.details["verdict"], OPEN)


def low_end(fact: Record) -> float:
    """Return the lower end of a fact's interval, its value where there is none."""
    return fact.value if fact.low is None else fact.low


def high_end(fact: Record) -> float:
    """Return the upper end of a fact's interval, its value where there is none."""
    return fact.value if fact.high is None else fact.high


def percent(share: float, *, digits: int = 1) -> str:
    """Write how much more or less something is, with its sign: "+1.5 %"."""
    return f"{100 * share:+.{digits}f} %"
