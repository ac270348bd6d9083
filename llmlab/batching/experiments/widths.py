"""A decode step with more and more rows: tokens a second, and the time of a token.

Shapes: B rows, S tokens in the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab import measure
from llmlab.batching.experiments.workloads import Model
from llmlab.batching.quantities import ROWS_GAIN, ROWS_LONGER, ROWS_RATE, ROWS_STEP
from llmlab.caching.experiments import scoring
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

ROWS = (1, 2, 4, 8, 16, 32)
TOKENS, SECONDS = 128, 3.0
SUBJECT = "decode"


@dataclass(frozen=True)
class Rows:
    """By rows: tokens a second of all, and the time that each waits for a token."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing

    def ratio(self, rows: int) -> Record:
        """Return how many times the tokens a second of one row; ValueError: others."""
        return self._of(ROWS_GAIN, rows)

    def longer(self, rows: int) -> Record:
        """Return how many times as long a row waits for a token; errors as above."""
        return self._of(ROWS_LONGER, rows)

    def records(self) -> list[Record]:
        """Return rates and times, then how many times those of one row they are."""
        return list(self.facts)

    def _of(self, what: Quantity, rows: int) -> Record:
        return scoring.find(self.facts, what.name, {"rows": rows})


def rows(
    model: Model, *, rows: Sequence[int] = ROWS, tokens: int = TOKENS,
    seconds: float = SECONDS,
) -> Rows:  # fmt: skip
    """Time a decode step of so many rows, interleaved.

    rows: the first one is what the others are compared with. tokens: in each cache.
    """
    text = scoring.some_texts(model, count=1, length=tokens)
    calls = {
        str(count): Steps(
            model, model.new_cache(count, tokens + BEFORE + 1), text.expand(count, -1)
        )
        for count in rows
    }
    speed = measure.speed(calls, seconds=seconds)
    facts = []
    for count in rows:
        series, details = speed[str(count)].total, {"rows": count, "tokens": tokens}
        facts.append(series.rate(ROWS_RATE, count, subject=SUBJECT, details=details))
        facts.append(series.record(ROWS_STEP, subject=SUBJECT, details=details))
    first = rows[0]
    for count in rows[1:]:
        facts += _ratios(speed, count, first)
    return Rows(tuple(facts), speed.note)


def _ratios(speed: measure.Speed, count: int, first: int) -> list[Record]:
    """Say how many times as many tokens come, and how many times as late."""
    faster = speed.verdict(str(count), str(first))  # of a step, in steps a second
    longer = speed.verdict(str(first), str(count))
    times = count / first
    more = [times * end for end in (faster.ratio, faster.low, faster.high)]
    word = measure.comparison.SAME
    if more[1] > 1 or more[2] < 1:
        word = measure.comparison.FASTER if more[1] > 1 else measure.comparison.SLOWER
    return [
        records.measured(
            ROWS_GAIN, more[0], low=more[1], high=more[2], subject=SUBJECT,
            details={"rows": count, "verdict": word},
        ),
        records.measured(
            ROWS_LONGER, longer.ratio, low=longer.low, high=longer.high,
            subject=SUBJECT, details={"rows": count, "verdict": longer.word},
        ),
    ]  # fmt: skip
