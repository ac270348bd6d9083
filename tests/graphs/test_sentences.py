"""Sentences on graphs get the verdict that the measurements give them."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from llmlab import show
from llmlab.core import records
from llmlab.graphs import quantities as q
from llmlab.graphs.experiments import Folded, Fused, Ladder, Moved, claims
from llmlab.graphs.experiments.folds import BF16, BF16_FOLDED
from llmlab.graphs.experiments.fusions import BOTH, PLAIN
from llmlab.graphs.experiments.moves import GELU
from llmlab.measure.claims import ABSENT, FAILS, HOLDS, OPEN, PARTLY
from llmlab.measure.comparison import FASTER, SAME, SLOWER


def fact(what, value, subject="", **details):
    return records.measured(what, value, subject=subject, details=details)


@dataclass
class Measured:
    """What the experiments of the lab gave, in the fewest numbers."""

    kernels: tuple = (169, 129)
    flops: tuple = (100, 100)
    step: str = FASTER
    changed: float = 0.1
    bytes: float = 9.0
    graphs: tuple = (8, 1)  # of a growing cache, of a static step
    ways: dict = field(default_factory=lambda: {"compiled": FASTER, "static": SAME})
    alike: dict = field(default_factory=lambda: {"static": 1.0, "native int8": 0.9})

    def claims(self):
        growing, static = (fact(q.COMPILATIONS, count) for count in self.graphs)
        return claims(
            self._folded(),
            self._fused(),
            self._moved(),
            SimpleNamespace(said="Counted.", compilations=growing, static=static),
            self._ladder(),
        )

    def _folded(self):
        errors = [fact(q.LOGIT_ERROR, 0.1, way) for way in (BF16, BF16_FOLDED)]
        return Folded((*errors, fact(q.CHANGED, self.changed, BF16_FOLDED)))

    def _fused(self):
        facts = []
        for place, way in enumerate((PLAIN, BOTH)):
            facts.append(fact(q.KERNELS, self.kernels[place], way))
            facts.append(fact(q.FLOPS, self.flops[place], way))
        gains = [fact(q.STEP_GAIN, 1.1, BOTH, verdict=self.step)]
        gains.append(fact(q.PREFILL_GAIN, 1.0, BOTH, verdict=SAME))
        return Fused((*facts, *gains), "")

    def _moved(self):
        size = {"size": 4_000_000}
        saved = fact(q.BYTES_SAVED, self.bytes, GELU, **size)
        return Moved((saved, fact(q.CHAIN_GAIN, 3, GELU, verdict=FASTER, **size)), "")

    def _ladder(self):
        gains = [fact(q.STEP_GAIN, 1.5, w, verdict=v) for w, v in self.ways.items()]
        times = [fact(q.STEP_TIME, 1e-3, way) for way in self.alike]
        alike = [fact(q.ALIKE, share, way) for way, share in self.alike.items()]
        return Ladder((*gains, *times, *alike))


@pytest.mark.parametrize(
    ("start", "measured", "verdict"),
    [
        ("node fusion", Measured(), HOLDS),
        ("node fusion", Measured(kernels=(169, 169)), FAILS),
        ("layer fusion reduces the memory", Measured(), PARTLY),
        ("layer fusion reduces the memory", Measured(bytes=1.0), FAILS),
        ("layer fusion reduces the comp", Measured(), FAILS),
        ("layer fusion reduces the comp", Measured(flops=(100, 90)), HOLDS),
        ("a step with fewer operators", Measured(), HOLDS),
        ("a step with fewer operators", Measured(step=SAME), OPEN),
        ("a step with fewer operators", Measured(step=SLOWER), FAILS),
        ("folding a norm", Measured(), FAILS),
        ("folding a norm", Measured(changed=0.0), HOLDS),
        ("a static graph is compiled once", Measured(), HOLDS),
        ("a static graph is compiled once", Measured(graphs=(8, 2)), FAILS),
        ("a static graph is compiled once", Measured(graphs=(1, 1)), FAILS),
        ("compile models", Measured(), HOLDS),
        ("compile models", Measured(ways={"compiled": SLOWER, "static": SAME}), FAILS),
        ("compile models", Measured(ways={"static": SAME}), ABSENT),
        ("optimizing the graph", Measured(), HOLDS),
        ("optimizing the graph", Measured(alike={"static": 1, "a": 0.9}), PARTLY),
        ("optimizing the graph", Measured(alike={"static": 0.9}), FAILS),
        ("optimizing the graph", Measured(alike={"native int8": 0.9}), OPEN),
    ],
)
def test_a_claim_follows_from_what_was_measured(start, measured, verdict):
    assert measured.claims().verdict(start) == verdict


def test_a_claim_says_what_was_measured_and_how_it_is_known():
    made = Measured().claims()
    said = {one.claim: one.measured for one in made.rows}
    assert said["layer fusion reduces the computational cost"] == (
        "0.0001 of 0.0001 MFLOPs of a step are left"
    )
    kinds = {one.claim: one.kind for one in made.rows if one.kind != "measured"}
    assert kinds == {"layer fusion reduces the memory footprint": "estimated"}
    rest = {one.measured for one in Measured(ways={"static": SAME}).claims().rows}
    assert "nothing was compiled here" in rest
    assert "node fusion" in repr(show.table(made))
