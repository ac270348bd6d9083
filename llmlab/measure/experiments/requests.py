"""One request again and again: what one user waits, and what one in twenty does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from llmlab.core import arguments, clock, machine, quantities
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.experiments.positions import check_request
from llmlab.measure.experiments.rounds import Rounds, interleaved
from llmlab.measure.experiments.streams import Loop, Request, Stopwatch, request
from llmlab.measure.samples import Series
from llmlab.measure.timing import PERCENTILES

REQUESTS, FEWEST = 24, 6
LEAST_SECONDS = 1.0  # that are planned: a single short request may mislead, too


@dataclass(frozen=True)
class ManyRequests:
    """The waits of many requests, in seconds, in the order they came."""

    rounds: Rounds[Request] = field(repr=False)

    @property
    def requests(self) -> tuple[Request, ...]:
        return self.rounds.values["request"]

    @property
    def firsts(self) -> list[float]:
        """The wait for the first token of every request."""
        return [each.waits[0] for each in self.requests]

    @property
    def later(self) -> list[float]:
        """Every wait for a later token."""
        return [wait for each in self.requests for wait in each.waits[1:]]

    @property
    def samples(self) -> Mapping[str, list[float]]:
        """Both, and together as a careless log would keep them."""
        both = [wait for each in self.requests for wait in each.waits]
        return {"first tokens": self.firsts, "later tokens": self.later, "both": both}

    @property
    def note(self) -> str:
        """Say what the machine did besides, "" if it had nothing else to do."""
        return self.rounds.note

    def records(self) -> list[Record]:
        """Return mean and percentiles of first tokens, later tokens and both."""
        facts = []
        for name, waits in self.samples.items():
            series = Series(tuple(waits), tuple(waits), self.rounds.ran_on)
            values = {quantities.MEAN_WAIT: fmean(waits)}
            for word, share in PERCENTILES.items():
                if round(len(waits) * (1 - share), 6) >= 1:
                    values[quantities.WAITS[word]] = intervals.percentile(waits, share)
            note = {"note": self.note} if self.note else {}
            facts += [
                series.fact(what, value, subject=name, details=note)
                for what, value in values.items()
            ]
        return facts


def many_requests(
    loop: Loop,
    prompt: Sequence[int],
    *,
    requests: int = REQUESTS,
    new: int = 17,
    stopwatch: Stopwatch | None = None,
) -> ManyRequests:
    """Time the same request again and again: its first token and its later ones.

    loop: a function of prompt and max_tokens that yields tokens, as in `by_position`.
    requests: how many; LLMLAB_TIME scales them, six are run at least, fewer where the
    machine becomes three times as slow meanwhile. new: tokens of a request. stopwatch:
    the learner's `token_times`. Raises ValueError as `by_position`.
    """
    check_request(prompt, new)
    arguments.whole("requests", requests, least=FEWEST, most=10**6)
    dial = machine.repetitions_scale()
    wished = max(FEWEST, round(requests * dial))

    def one() -> Request:
        return request("loop", loop, prompt, new, stopwatch)

    with clock.given_way() as ran_on:
        request("loop", loop, prompt, 2, stopwatch)
        planned = max(LEAST_SECONDS, wished * sum(one().waits))
        rounds = interleaved(
            {"request": one},
            seconds=planned / dial,
            wished=wished,
            most=wished,
            ran_on=ran_on,
            what="timing requests",
        )
    return ManyRequests(rounds)
