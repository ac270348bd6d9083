"""The rows that `batching_speed` keeps: of each round, and what follows from them all.

A row of a round says how long a way took. Medians, ratios and shares are made again
after each round from all rounds that are kept, and stand in the same file.
"""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from batching_ways import InSteps, Requests, Way

from llmlab import show
from llmlab.batching import quantities as q
from llmlab.batching.experiments.workloads import Answers
from llmlab.core import machine, recording, records
from llmlab.core.records import Record

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/batching_speed.json"
COMMAND = "python benchmarks/batching_speed.py"
COLUMNS = ("subject", "name", "against", "value", "interval")
FP32_16, INT8_16 = "M: continuous, 16, fp32", "M: continuous, 16, native int8"
CHUNKS = "read whole over in chunks, 64 tokens a step"
MARKS = (  # way, name, against, at least (of bookkeeping: at most)
    ("coder: continuous, 16", q.TRACE_GAIN, "one by one", 2.0),
    ("coder: continuous, 16", q.TRACE_GAIN, "static, 8", 1.4),
    ("coder: continuous, 16", q.TRACE_GAIN, "transformers static, 8", 1.5),
    ("coder: continuous, 16", q.TRACE_GAIN, "transformers continuous", 2.0),
    (FP32_16, q.TRACE_GAIN, "transformers static, 8", 2.4),
    (FP32_16, q.TRACE_GAIN, "transformers continuous", 1.8),
    (INT8_16, q.TRACE_GAIN, "transformers static, 8", 10.0),
    (INT8_16, q.TRACE_GAIN, "vLLM, 16", 1.0),
    ("coder: continuous, 8", q.BOOKKEEPING, None, 0.05),
    (FP32_16, q.BOOKKEEPING, None, 0.05),
    (INT8_16, q.BOOKKEEPING, None, 0.05),
    (f"gaps: coder: fp32, {CHUNKS}", q.GAP_RATIO, None, 2.5),
    (f"gaps: M: fp32, {CHUNKS}", q.GAP_RATIO, None, 2.5),
    (f"gaps: M: native int8, {CHUNKS}", q.GAP_RATIO, None, 2.5),
)
KEPT_OF_GAPS = (q.LONGEST_GAP.name, q.LONG_TTFT.name, q.GAP_RATIO.name)


class Kept:
    """Facts of this machine and of others in one file; None writes nothing."""

    def __init__(self, path: Path | None):
        self.path = path
        self.here = machine.describe().label
        self.facts: list[Record] = []
        if path is not None and path.exists():
            self.facts = list(records.load(path))

    def forget(self, part: str) -> None:
        """Leave out what was kept of a part on this machine."""
        self.facts = [one for one in self.facts if one not in self._own(part)]

    def has(self, part: str) -> bool:
        """Say whether a part is kept for this machine."""
        return bool(self._own(part))

    def rounds(self, part: str) -> int:
        """Return how many rounds of a part are kept for this machine."""
        numbers = [one.details["round"] for one in self._rows(part, q.TRACE_TIME)]
        return max(numbers, default=-1) + 1

    def add(
        self, part: str, number: int, seconds: Mapping[str, float],
        made: Mapping[str, Way], requests: Requests,
    ) -> None:  # fmt: skip
        """Keep a round: seconds of each way, and bookkeeping's share where it is."""
        details = {"requests": len(requests), "round": number}
        for name, took in seconds.items():
            self._keep(q.TRACE_TIME, [took], f"{part}: {name}", details)
            share = made[name].bookkeeping
            if share is not None:
                self._keep(q.BOOKKEEPING, [share], f"{part}: {name}", details)
        self.save()

    def sum_up(
        self, part: str, made: Mapping[str, Way], requests: Requests,
        right: Callable[[str], Answers],
    ) -> None:  # fmt: skip
        """Put what follows from all rounds in the place of what followed before."""
        rows = self._rows(part, q.TRACE_TIME)
        rounds = rows + self._rows(part, q.BOOKKEEPING)
        self.facts = [
            one for one in self.facts if one in rounds or one not in self._own(part)
        ]
        read = sum(len(request.prompt) for request in requests)
        details = {"requests": len(requests)}
        times = {name: self._values(rows, f"{part}: {name}") for name in made}
        shares = self._rows(part, q.BOOKKEEPING)
        for name, way in made.items():
            subject = f"{part}: {name}"
            written = sum(map(len, way.answers))
            told = details | {"note": f"{read} tokens read, {written} written"}
            self._keep(q.TRACE_TIME, times[name], subject, told)
            rates = [written / seconds for seconds in times[name]]
            self._keep(q.TRACE_RATE, rates, subject, told)
            self._keep(q.AS_ALONE, [_alike(way.answers, right(name))], subject, details)
            if isinstance(way, InSteps):
                share = self._values(shares, subject)
                self._keep(q.BOOKKEEPING, share, subject, details)
                self._gains(part, name, times)
        self.save()

    def add_gaps(self, word: str, found: Any) -> None:
        """Keep the gaps of a model, without the single tokens."""
        for fact in found.records():
            if fact.name in KEPT_OF_GAPS:
                subject = f"gaps: {word}, {fact.subject}"
                made = dataclasses.replace(fact, subject=subject)
                self.facts.append(_as_recorded(made))

    def check_ways(self, part: str, names: Iterable[str]) -> None:
        """Fail where other ways were kept: a ratio needs both in every round."""
        kept = {row.subject for row in self._rows(part, q.TRACE_TIME)}
        if kept and kept != {f"{part}: {name}" for name in names}:
            raise ValueError(
                f"the rounds of {part} that are kept hold other ways, "
                f"{sorted(kept)}; make all of them anew: --only {part}."
            )

    def show(self) -> None:
        """Print what follows from the rounds on this machine."""
        told = [
            one
            for one in self.facts
            if one.machine == self.here and "round" not in one.details
        ]
        compared = any("against" in one.details for one in told)
        columns = [key for key in COLUMNS if compared or key != "against"]
        print(show.table(told, columns, rows=None))
        for subject, what, against, bar in MARKS:
            for one in told:
                name = (one.subject, one.name, one.details.get("against"))
                if name == (subject, what.name, against):
                    met = "✓" if _reaches(what, one.value, bar) else "✗"
                    beside = f" {against}" if against else ""
                    print(f"{met} {subject}{beside}: {one.value:.3g}, mark {bar:g}")

    def _gains(self, part: str, name: str, times: Mapping[str, list[float]]) -> None:
        """Keep how many times as fast an engine of ours is as each other way."""
        for other, theirs in times.items():
            if not other.startswith("continuous"):
                ratios = [b / a for a, b in zip(times[name], theirs, strict=True)]
                subject, against = f"{part}: {name}", {"against": other}
                self._keep(q.TRACE_GAIN, ratios, subject, against)

    def _keep(
        self, what: Any, values: Sequence[float], subject: str, details: Mapping
    ) -> None:
        spread = {"low": min(values), "high": max(values)} if len(values) > 1 else {}
        made = records.measured(
            what, statistics.median(values), subject=subject, details=details, **spread
        )
        self.facts.append(_as_recorded(made))

    def _own(self, part: str) -> list[Record]:
        return [
            one
            for one in self.facts
            if one.machine == self.here and one.subject.startswith(f"{part}: ")
        ]

    def _rows(self, part: str, what: Any) -> list[Record]:
        return [
            one
            for one in self._own(part)
            if one.name == what.name and "round" in one.details
        ]

    def _values(self, rows: Sequence[Record], subject: str) -> list[float]:
        own = [one for one in rows if one.subject == subject]
        return [one.value for one in sorted(own, key=lambda one: one.details["round"])]

    def save(self) -> None:
        """Write all facts, if there is a file."""
        if self.path is not None:
            records.save(self.facts, self.path)


def _alike(answers: Answers, right: Answers) -> float:
    """Return the share of tokens that are the plain loop's, place by place."""
    pairs = zip(answers, right, strict=True)
    alike = sum(
        one == other
        for answer, own in pairs
        for one, other in zip(answer, own, strict=False)
    )
    return alike / sum(map(len, right))


def _as_recorded(fact: Record) -> Record:
    return recording.as_recorded(fact, COMMAND)


def _reaches(what: Any, value: float, bar: float) -> bool:
    """Say whether a mark is met: a share is to be small, how many times large."""
    return value <= bar if what.is_share else value >= bar
