"""Sentences on hardware get the verdict that the measurements give them."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from llmlab import show
from llmlab.core import records
from llmlab.core.quantities import DECODE_THROUGHPUT
from llmlab.hardware import quantities as q
from llmlab.hardware.experiments import Energy, Libraries, Precision, Threads, claims
from llmlab.hardware.experiments.cards import Gpu
from llmlab.hardware.experiments.chains import Chunks
from llmlab.measure.claims import ABSENT, FAILS, HOLDS, OPEN, PARTLY
from llmlab.measure.comparison import FASTER, SAME, SLOWER

HERE = {"bf16": ("BF16",), "int8": ("VNNI",)}


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
    chunk: str = FASTER  # the best one
    threads: tuple = (FASTER, SLOWER)  # 2 and 4, on 4 cores; then more than the cores
    prefill: tuple | None = None  # as decode
    busy: str = ""  # what neighbours did
    onednn: int = 0
    other: str = ""  # work beside the products that oneDNN computed
    joules: tuple | None = (0.2, 0.05)
    kind: str = "measured"
    card: str = ""  # of which a row was recorded
    has_jax: bool = True

    def claims(self):
        return claims(
            crossing=SimpleNamespace(
                ratio=SimpleNamespace(value=self.knee),
                tokens=SimpleNamespace(value=12 * self.knee),
                expected=SimpleNamespace(value=12),
            ),
            precision=self._precision(),
            chunks=self._chunks(),
            array=SimpleNamespace(said="8 × 8 cells, 64 rows: every sum exact."),
            libraries=self._libraries(),
            threads=self._threads(),
            tpu=SimpleNamespace(
                said="Lowered. No TPU ran anything.", is_recorded=not self.has_jax
            ),
            gpu=self._gpu(),
            energy=self._energy(),
        )

    def _precision(self):
        """Few tokens wait for memory: there no format is faster."""
        has = self.has

        class Formats(Precision):
            def instructions(self, format):
                return has.get(format, ())

        times = [fact(q.FORMAT_TIME, 1, n, tokens=96) for n in ("fp32", *self.formats)]
        gains = [
            fact(q.FORMAT_GAIN, 1.5, name, tokens=tokens, verdict=verdict)
            for name, word in self.formats.items()
            for tokens, verdict in ((1, SAME), (96, word))
        ]
        return Formats((*times, *gains), "")

    def _chunks(self):
        """A smaller and a larger chunk lose, the best one is as a test says."""
        gains = [
            fact(q.CHAIN_GAIN, value, bytes=size, verdict=word)
            for size, value, word in (
                (4_000, 0.7, SLOWER),
                (64_000, 1.5, self.chunk),
                (10**6, 0.9, SAME),
            )
        ]
        return Chunks(tuple(gains), "", "")

    def _gpu(self):
        row = fact(q.GPU_PEAK, 1e12, "fp32", kind="recorded", size=1024)
        return Gpu((replace(row, machine=self.card),) if self.card else ())

    def _libraries(self):
        share = fact(
            q.LIBRARY_SHARE, self.onednn / 36, products=36, onednn=self.onednn,
            mkl=36 - self.onednn,
        )  # fmt: skip
        calls = [
            fact(q.LIBRARY_CALLS, 1, work=work, library=library)
            for work, library in (("bf16 linear", "MKL"), (self.other, "oneDNN"))
            if work
        ]
        return Libraries((*calls, share), "")

    def _threads(self):
        gains = [
            fact(q.THREADS_GAIN, 1.5, of, threads=2**at, verdict=word)
            for of, words in (
                ("decode", self.threads),
                ("prefill", self.prefill or self.threads),
            )
            for at, word in enumerate(words, 1)
        ]
        return Threads(tuple(gains), 4, self.busy, gains[0], gains[0])

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
        ("work on pieces of the right size pays", Measured(), HOLDS),
        ("work on pieces of the right size pays", Measured(chunk=SAME), OPEN),
        ("work on pieces of the right size pays", Measured(chunk=SLOWER), FAILS),
        ("faster inference", Measured(), PARTLY),
        ("faster inference", Measured(threads=(FASTER, FASTER)), HOLDS),
        ("faster inference", Measured(threads=(SAME, SAME)), OPEN),
        ("faster inference", Measured(threads=(SAME, SLOWER)), FAILS),
        ("faster inference", Measured(threads=(FASTER, FASTER), busy="Busy."), OPEN),
        ("faster inference", Measured(threads=(SLOWER, SLOWER), busy="Busy."), OPEN),
        ("faster inference", Measured(threads=(FASTER, FASTER, SLOWER)), HOLDS),
        ("faster inference", Measured(threads=(SLOWER, SLOWER, FASTER)), FAILS),
        ("faster inference", Measured(threads=(FASTER,), prefill=(SLOWER,)), PARTLY),
        ("faster inference", Measured(threads=(SLOWER,), prefill=(FASTER,)), PARTLY),
        ("oneDNN", Measured(), FAILS),
        ("oneDNN", Measured(onednn=9), PARTLY),
        ("oneDNN", Measured(other="LSTM"), PARTLY),
        ("oneDNN", Measured(onednn=36), HOLDS),
        ("a batch saves energy", Measured(), HOLDS),
        ("a batch saves energy", Measured(joules=(0.2, 0.3)), FAILS),
        ("a batch saves energy", Measured(joules=(0.2, 0.2)), OPEN),
        ("a batch saves energy", Measured(kind="estimated"), ABSENT),
        ("a batch saves energy", Measured(joules=None), ABSENT),
        ("GPUs", Measured(), ABSENT),
        ("GPUs", Measured(card="a card"), ABSENT),
        ("cuDNN", Measured(), ABSENT),
        ("TPUs", Measured(), ABSENT),
        ("TPUs", Measured(has_jax=False), ABSENT),
        ("FPGAs", Measured(), ABSENT),
    ],
)
def test_a_verdict_follows_from_what_was_measured(start, measured, verdict):
    assert measured.claims().verdict(start) == verdict


@pytest.mark.parametrize(
    ("start", "measured", "kind"),
    [
        ("a batch saves energy", Measured(kind="estimated"), "estimated"),
        ("a batch saves energy", Measured(), "measured"),
        ("GPUs", Measured(card="a card"), "recorded"),
        ("GPUs", Measured(), "measured"),
        ("cuDNN", Measured(card="a card"), "measured"),
        ("TPUs", Measured(has_jax=False), "recorded"),
        ("TPUs", Measured(), "measured"),
        ("FPGAs", Measured(), "simulated"),
    ],
)
def test_a_claim_says_how_it_is_known(start, measured, kind):
    (one,) = [
        fact for fact in measured.claims().records() if fact.subject.startswith(start)
    ]
    assert one.kind == kind


def test_a_claim_says_what_was_measured():
    made = Measured(other="LSTM").claims()
    said = {row.claim: row.measured for row in made.rows}
    assert said["TPUs are designed for tensor computations"] == (
        "Lowered. No TPU ran anything"
    )
    assert said["FPGAs: customizable hardware acceleration"].endswith(
        "no FPGA ran it, so no time is given"
    )
    assert said["work on pieces of the right size pays"] == (
        "the best chunk is 1.5 times as fast as the whole"
    )
    assert said["oneDNN offers optimized routines for deep learning workloads"] == (
        "of the 36 products of a decode step 0 ran in oneDNN and 36 in MKL; oneDNN "
        "computed LSTM"
    )
    assert len(said) == 10
    assert "open, not tried here" in repr(show.table(made))
