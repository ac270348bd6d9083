"""What texts say, what was measured of it, and whether it holds on this machine.

A claim may hold, may fail, hold in part, or be left open by what was measured. Every
lab that tries sentences of tutorials returns `Claims`; `show.table` shows them.
"""

from dataclasses import dataclass

from llmlab.core import quantities, records
from llmlab.core.records import Record

HOLDS, FAILS = "✓ holds", "✗ does not hold"
PARTLY, OPEN = "holds in part", "no clear difference"


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
