"""Who waits, reads and writes when: the spans of every request of a trace.

Of an engine they follow from the steps that were watched, of static batches from the
times of their events. Times are seconds from the beginning of the trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.batching.quantities import SPAN, TRACE_TIME
from llmlab.batching.requests import Request
from llmlab.batching.watching import Step
from llmlab.core import records
from llmlab.core.records import Record

WAITING, READING, WRITING = "waiting", "reading its prompt", "writing"
ASIDE, ENDED = "put aside", "ended, still computed"


@dataclass(frozen=True)
class Span:
    """A request in one state, from one time to another."""

    request: int  # its place in the trace
    state: str
    start: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """Spans by policy, on one clock."""

    spans: dict[str, tuple[Span, ...]]

    def seconds(self, policy: str) -> float:
        """Return when the last request of a policy ended; ValueError for others."""
        return max(span.end for span in self._of(policy))

    def share(self, policy: str, state: str) -> float:
        """Return the share of a state among all requests' time up to their ends."""
        spans = self._of(policy)
        total = sum(span.end - span.start for span in spans)
        own = [span for span in spans if span.state == state]
        return sum(span.end - span.start for span in own) / total

    def records(self) -> list[Record]:
        """Return the seconds of each policy, and those of every span."""
        facts = [
            records.measured(TRACE_TIME, self.seconds(policy), subject=policy)
            for policy in self.spans
        ]
        for policy, spans in self.spans.items():
            for span in spans:
                details = {
                    "request": span.request, "state": span.state, "start": span.start,
                }  # fmt: skip
                facts.append(
                    records.measured(
                        SPAN, span.end - span.start, subject=policy, details=details
                    )
                )
        return facts

    def _of(self, policy: str) -> tuple[Span, ...]:
        if policy not in self.spans:
            raise ValueError(
                f"policy={policy!r} was not served; choose of {', '.join(self.spans)}."
            )
        return self.spans[policy]


class Writer:
    """Puts spans down: one more of the same state makes the last one longer."""

    def __init__(self, start: float):
        self.start, self._spans = start, dict[int, list[Span]]()

    def add(self, request: int, state: str, end: float) -> None:
        """Say in which state a request was, from its last span's end until now."""
        spans, end = self._spans.setdefault(request, []), end - self.start
        start = spans[-1].end if spans else 0.0
        if spans and spans[-1].state == state:
            start = spans.pop().start
        if end > start:
            spans.append(Span(request, state, start, end))

    @property
    def spans(self) -> tuple[Span, ...]:
        """All spans, by request and time."""
        return tuple(
            span for request in sorted(self._spans) for span in self._spans[request]
        )


def of_steps(
    requests: Sequence[Request], steps: Sequence[Step], *, first: int, start: float
) -> tuple[Span, ...]:
    """Return the spans of an engine that served these requests, all there at `start`.

    first: the id of the first request; the others follow it.
    """
    writer = Writer(start)
    lengths = [len(request.prompt) for request in requests]
    computed, aside = [0] * len(requests), set[int]()
    written = [0] * len(requests)
    left = set(range(len(requests)))
    for step in steps:
        aside |= {name - first for name in step.plan.victims}
        for name in step.plan.victims:
            computed[name - first] = 0
        for place in sorted(left):
            tokens = step.plan.tokens.get(place + first, 0)
            known = lengths[place] + written[place]
            if not tokens:
                writer.add(place, ASIDE if place in aside else WAITING, step.end)
                continue
            aside.discard(place)
            writes = written[place] and known - computed[place] == 1
            writer.add(place, WRITING if writes else READING, step.end)
            computed[place] += tokens
            if computed[place] == known:
                written[place] += 1
        left = {p for p in left if written[p] < requests[p].max_tokens}
    return writer.spans


def of_batches(
    requests: Sequence[Request], batches: Sequence[tuple[float, list[int], list[float]]]
) -> tuple[Span, ...]:
    """Return the spans of static batches: their start, their requests, their steps.

    The first step of a batch reads its prompts; the last one ends its longest answer.
    """
    writer = Writer(batches[0][0])
    for start, places, steps in batches:
        for place in places:
            last = requests[place].max_tokens - 1  # the step that ends it
            writer.add(place, WAITING, start)
            writer.add(place, READING, steps[0])
            writer.add(place, WRITING, steps[last])
            writer.add(place, ENDED, steps[-1])
    return writer.spans
