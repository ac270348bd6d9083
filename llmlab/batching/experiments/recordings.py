"""What takes longer than a lab may: the ways to serve at shape M, as recorded.

Rows of `benchmarks/batching_speed.py`: 64 ragged requests on random weights, ours
beside transformers and vLLM. Where none ships, a sentence says so.
"""

from dataclasses import dataclass

from llmlab.batching.quantities import TRACE_GAIN, TRACE_RATE, TRACE_TIME
from llmlab.core import recording
from llmlab.core.records import Record

FILE, SHAPE = "batching_speed", "M"
AGAINST = "transformers static, 8"
ORDER = {TRACE_RATE.name: 0, TRACE_GAIN.name: 1}


@dataclass(frozen=True)
class Recorded:
    """Tokens a second of each way, and how many times as fast ours are."""

    facts: tuple[Record, ...]  # medians, of one machine; none where nothing is recorded

    @property
    def said(self) -> str:
        """Say in one sentence how long the trace took, the fastest way first."""
        times = [fact for fact in self.facts if fact.name == TRACE_TIME.name]
        if not times:
            return (
                f"Nothing is recorded of shape {SHAPE} yet; python "
                f"benchmarks/{FILE}.py records it."
            )
        times.sort(key=lambda fact: fact.value)
        took = ", ".join(f"{_way(fact)} {fact.value_text()}" for fact in times)
        one = times[0]
        day = (one.date or "")[:10]
        return (
            f"{one.details['requests']} requests at shape {SHAPE}, recorded on "
            f"{one.machine}, {day}: {took}."
        )

    def records(self) -> list[Record]:
        """Return rates, then times as fast as transformers' batches of 8."""
        wanted = [
            fact
            for fact in self.facts
            if fact.name in ORDER and fact.details.get("against", AGAINST) == AGAINST
        ]
        return sorted(wanted, key=lambda fact: ORDER[fact.name])


def recorded() -> Recorded:
    """Return what ships of shape M: medians of the machine that was recorded last."""
    return of(recording.shipped(FILE))


def of(facts: tuple[Record, ...]) -> Recorded:
    """Return the medians of shape M among facts, of the last machine's."""
    medians = [
        fact
        for fact in facts
        if fact.subject.startswith(f"{SHAPE}: ") and "round" not in fact.details
    ]
    if not medians:
        return Recorded(())
    here = max(medians, key=lambda fact: fact.date or "").machine
    return Recorded(tuple(fact for fact in medians if fact.machine == here))


def _way(fact: Record) -> str:
    return fact.subject.removeprefix(f"{SHAPE}: ")
