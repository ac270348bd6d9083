"""Sentences on hardware get the verdict that the measurements give them."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from llmlab import show
from llmlab.core import records
from llmlab.core.quantities import DECODE_THROUGHPUT
from llmlab.hardware import quantities as q
from llmlab.hardware.experiments import Energy, Libraries, Precision, Threads, claims
from llmlab.measure.claims import ABSENT, FAILS, HOLDS, OPEN, PARTLY
from llmlab.measure.comparison import FASTER, SAME, SLOWER

HERE = {"bf16": ("BF16",), "int8": ("VNNI",)}


class Formats(Precision):
    """Formats of a processor that has what a test says."""

    has = HERE

    def instructions(self, format):
        return self.has.get(format, ())


def fact(what, value, subject="", *, low=None, high=None, kind="measured", **details):
    return records.make(
        what, value, kind=kind, subject=subject, low=low, high=high, details=details
    )


@dataclass
class Measured:
    """What the experiments of the lab gave, in the fewest numbers."""

    knee: float = 1.2
    formats: dict = field(
        default_factory=lambda: {"bf16": FASTER, "fp16": SLOWER, "int8": FASTER}
    )
    has: dict = field(default_factory=lambda: HERE)
    chunk: tuple = (2.6, 2.4, 2.8)
    threads: tuple = (FASTER, SLOWER)
    busy: str = ""  # what neighbours did
    onednn: int = 0
    joules: tuple | None = (0.2, 0.05)
    kind: str = "measured"

    def claims(self):
        return claims(
            crossing=SimpleNamespace(
                ratio=SimpleNamespace(value=self.knee),
                tokens=SimpleNamespace(value=12 * self.knee),
                expected=SimpleNamespace(value=12),
            ),
            precision=self._precision(),
            chunks=SimpleNamespace(gain=self._gain()),
            array=SimpleNamespace(said="8 × 8 cells, 64 rows: every sum exact."),
            libraries=self._libraries(),
            threads=self._threads(),
            tpu=SimpleNamespace(said="Lowered. No TPU ran anything."),
            gpu=SimpleNamespace(said="Nothing has been recorded on a GPU yet."),
            energy=self._energy(),
        )

    def _precision(self):
        times = [fact(q.FORMAT_TIME, 1, n, tokens=64) for n in ("fp32", *self.formats)]
        gains = [
            fact(q.FORMAT_GAIN, 1.5, name, tokens=64, verdict=word)
            for name, word in self.formats.items()
        ]
        made = Formats((*times, *gains), "")
        object.__setattr__(made, "has", self.has)
        return made

    def _gain(self):
        value, low, high = self.chunk
        return records.measured("chunks", value, "×", low=low, high=high)

    def _libraries(self):
        share = fact(
            q.LIBRARY_SHARE, self.onednn / 36, products=36, onednn=self.onednn,
            mkl=36 - self.onednn,
        )  # fmt: skip
        return Libraries((share,), "")

    def _threads(self):
        gains = [
            fact(q.THREADS_GAIN, 1.5, of, threads=2**at, verdict=word)
            for of in ("decode", "prefill")
            for at, word in enumerate(self.threads, 1)
        ]
        return Threads(tuple(gains), 2, self.busy, gains[0], gains[0])

    def _energy(self):
        rates = [fact(DECODE_THROUGHPUT, 9, batch=rows) for rows in (1, 8)]
        if self.joules is None:
            return Energy(tuple(rates), "This machine has no meter.", "")
        joules = [
            fact(q.TOKEN_ENERGY, value, kind=self.kind, batch=rows)
            for rows, value in zip((1, 8), self.joules, strict=True)
        ]
        return Energy((*rates, *joules), "", "")


ALL = {"bf16": FASTER, "fp16": FASTER, "int8": FASTER}
SOME = {"bf16": SAME, "fp16": SLOWER, "int8": FASTER}
NO = {"bf16": SLOWER, "fp16": SLOWER, "int8": SLOWER}


@pytest.mark.parametrize(
    ("start", "measured", "verdict"),
    [
        ("a layer leaves", Measured(), HOLDS),
        ("a layer leaves", Measured(knee=2.5), FAILS),
        ("a layer leaves", Measured(knee=0.4), FAILS),
        ("low precision", Measured(), HOLDS),
        ("low precision", Measured(formats=ALL), PARTLY),
        ("low precision", Measured(formats=SOME), PARTLY),
        ("low precision", Measured(formats=NO), FAILS),
        ("low precision", Measured(formats=NO, has={}), OPEN),
        ("low precision", Measured(has={}), FAILS),
        ("work on pieces", Measured(), HOLDS),
        ("work on pieces", Measured(chunk=(1.0, 0.9, 1.1)), OPEN),
        ("work on pieces", Measured(chunk=(0.8, 0.7, 0.9)), FAILS),
        ("work on pieces", Measured(chunk=(1.02, None, None)), OPEN),
        ("faster inference", Measured(), PARTLY),
        ("faster inference", Measured(threads=(FASTER, FASTER)), HOLDS),
        ("faster inference", Measured(threads=(SAME, SAME)), OPEN),
        ("faster inference", Measured(threads=(SAME, SLOWER)), FAILS),
        ("faster inference", Measured(threads=(SLOWER, SLOWER), busy="Busy."), OPEN),
        ("oneDNN", Measured(), FAILS),
        ("oneDNN", Measured(onednn=9), PARTLY),
        ("oneDNN", Measured(onednn=36), HOLDS),
        ("a batch saves energy", Measured(), HOLDS),
        ("a batch saves energy", Measured(joules=(0.2, 0.3)), FAILS),
        ("a batch saves energy", Measured(joules=(0.2, 0.2)), OPEN),
        ("a batch saves energy", Measured(kind="estimated"), OPEN),
        ("a batch saves energy", Measured(joules=None), ABSENT),
        ("GPUs", Measured(), ABSENT),
        ("cuDNN", Measured(), ABSENT),
        ("TPUs", Measured(), ABSENT),
        ("FPGAs", Measured(), ABSENT),
    ],
)
def test_a_verdict_follows_from_what_was_measured(start, measured, verdict):
    assert measured.claims().verdict(start) == verdict


@pytest.mark.parametrize("kind", ["estimated", "measured"])
def test_energy_says_how_it_is_known(kind):
    made = Measured(kind=kind).claims().records()
    (energy,) = [one for one in made if one.subject == "a batch saves energy"]
    assert energy.kind == kind


def test_a_claim_says_what_was_measured():
    made = Measured().claims()
    said = {row.claim: row.measured for row in made.rows}
    assert said["TPUs are designed for tensor computations"] == (
        "Lowered. No TPU ran anything"
    )
    assert said["FPGAs: customizable hardware acceleration"].endswith(
        "no FPGA ran it, so no time is given"
    )
    assert len(said) == 10
    assert "open, not tried here" in repr(show.table(made))
