"""Sentences on batching get the verdict that the measurements give them."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from llmlab.batching import quantities as q
from llmlab.batching.experiments import claims
from llmlab.core import records
from llmlab.measure.claims import FAILS, HOLDS, OPEN, PARTLY


def fact(what, value, *, low=None, high=None, **details):
    return records.measured(what, value, low=low, high=high, details=details)


@dataclass
class Measured:
    """What the experiments of the lab gave, in the fewest numbers."""

    gain: tuple = (4.0, 3.5, 4.5)
    longer: tuple = (3.0, 2.5, 3.5, "faster")
    sooner: tuple = (0.9, 1.5)  # at a low load, at a high one
    static: float = 1.7
    equal: bool = True
    chunks: float = 5.0
    alone: tuple = (0.5, 20.0)
    held: float = 1.0

    def claims(self):
        return claims(
            rows=SimpleNamespace(ratio=self._ratio, longer=self._longer),
            waiting=SimpleNamespace(seconds=self._seconds),
            served=SimpleNamespace(
                ratio=self._static, equal=self.equal, said="24 requests: as alone."
            ),
            gaps=SimpleNamespace(ratio=lambda: fact(q.GAP_RATIO, self.chunks)),
            load=SimpleNamespace(
                ttft=self._ttft, loads=[0.1, 1.0, 1.2], little=fact(q.LITTLE, self.held)
            ),
        )

    def _ratio(self, rows):
        value, low, high = self.gain
        return fact(q.ROWS_GAIN, value, low=low, high=high, rows=rows)

    def _longer(self, rows):
        value, low, high, word = self.longer
        return fact(q.ROWS_LONGER, value, low=low, high=high, rows=rows, verdict=word)

    def _seconds(self, wait, *, load):
        gain = self.sooner[load == "high"]
        return fact(q.E2ES["p50"], 1.0 if wait else gain)

    def _static(self, name, *, against):
        assert (name, against) == ("continuous", "static")
        return fact(q.TRACE_GAIN, self.static, against="static batches")

    def _ttft(self, policy, load):
        value = self.alone[load == 1.0] if policy == "one by one" else 1.0
        return fact(q.TTFTS["p50"], value, load=load)


NONE = "no significant difference"


@pytest.mark.parametrize(
    ("start", "measured", "verdict"),
    [
        ("batching reduces", Measured(), HOLDS),
        ("batching reduces", Measured(gain=(1.1, 0.9, 1.3)), OPEN),
        ("batching reduces", Measured(gain=(0.8, 0.7, 0.9)), FAILS),
        ("latency grows", Measured(), HOLDS),
        ("latency grows", Measured(longer=(1.0, 0.9, 1.1, NONE)), OPEN),
        ("latency grows", Measured(longer=(0.8, 0.7, 0.9, "slower")), FAILS),
        ("grouping requests", Measured(), PARTLY),
        ("grouping requests", Measured(sooner=(1.2, 1.5)), HOLDS),
        ("grouping requests", Measured(sooner=(0.9, 1.0)), FAILS),
        ("continuous batching", Measured(), HOLDS),
        ("continuous batching", Measured(static=1.02), OPEN),
        ("continuous batching", Measured(static=0.7), FAILS),
        ("an answer", Measured(), HOLDS),
        ("an answer", Measured(equal=False), FAILS),
        ("a prompt in chunks", Measured(), HOLDS),
        ("a prompt in chunks", Measured(chunks=0.8), FAILS),
        ("batching costs", Measured(), PARTLY),
        ("batching costs", Measured(alone=(1.0, 20.0)), HOLDS),
        ("batching costs", Measured(alone=(0.5, 0.5)), FAILS),
        ("requests that are there", Measured(), HOLDS),
        ("requests that are there", Measured(held=0.8), FAILS),
    ],
)
def test_a_verdict_follows_from_what_was_measured(start, measured, verdict):
    assert measured.claims().verdict(start) == verdict


def test_a_claim_says_what_was_measured():
    said = {row.claim: row.measured for row in Measured().claims().rows}
    assert said["continuous batching beats static batches"] == (
        "your plan serves the trace 1.70 times as fast"
    )
    assert len(said) == 8
