"""The learner's dot in C at several levels: bytes of int8 that it reads in a second.

All of them run in one process with limits, on one thread, over a matrix that fits into
no cache; `measure.speed` interleaves them from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy

from llmlab import measure
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs import confined, inner
from llmlab.graphs.experiments import inputs, shipped
from llmlab.graphs.inner import Inner
from llmlab.graphs.inner_child import drawn
from llmlab.graphs.quantities import (
    INNER_ERROR,
    INNER_GAIN,
    INNER_RATE,
    INNER_TIME,
    INSTRUCTIONS,
)

COLUMNS = 4096
SIZE = 64 * 2**20  # bytes, more than the caches of most processors
SECONDS = 6.0
CHECKED = 64  # rows whose sums are compared with NumPy's
O0, O3, HERE = "-O0", "-O3", "for this machine"
PREFETCH, WIDE = "with prefetch", "prefetch and short"
BARE = "reading alone"
RECORDED = "levels"  # before the subjects of what ships
NAMES = {O0: "O0", O3: "O3", HERE: "native"}  # the learner's text at these

DotSource = Callable[[], str]


@dataclass(frozen=True)
class Levels:
    """Rates of reading by way, the instructions of each loop, and ratios."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing
    absent: str = ""  # why nothing was compiled here; the facts are recorded then

    def rate(self, way: str) -> Record:
        """Return the bytes a second of a way; ValueError names the ways there are."""
        return self._of(INNER_RATE, way)

    @property
    def gain(self) -> Record:
        """How many times as fast as -O0 the learner's text is for this machine."""
        return self.ratio(HERE)

    def ratio(self, way: str) -> Record:
        """Return how many times as fast as -O0 a way is; errors as above."""
        return self._of(INNER_GAIN, way)

    def instructions(self, way: str) -> dict[str, int]:
        """Return the instructions in the loops of a way by kind; errors as above."""
        self._of(INNER_RATE, way)
        return {
            fact.details["instruction"]: int(fact.value)
            for fact in self.facts
            if fact.name == INSTRUCTIONS.name and fact.subject == way
        }

    @property
    def exact(self) -> bool:
        """Whether every sum that was compared is NumPy's."""
        errors = (fact for fact in self.facts if fact.name == INNER_ERROR.name)
        return all(fact.value == 0 for fact in errors)

    @property
    def said(self) -> str:
        """Say what each step gains, which products it uses, and what bounds it."""
        if not self.facts:
            return self.absent
        if not self.exact:
            return "Your dot gives wrong sums; check.dot_source says where."
        kinds = [kind for kind in self.instructions(HERE) if _multiplies(kind)]
        used = f" It multiplies by {', '.join(kinds)}." if kinds else ""
        wide = self.rate(WIDE)
        share = wide.value / self.rate(BARE).value
        whose = f"{self.absent} As recorded, a" if self.absent else "Your"
        return (
            f"{whose} dot reads {self.rate(O0).value_text()} at -O0, "
            f"{self.rate(O3).value_text()} at -O3 and {self.rate(HERE).value_text()} "
            f"compiled for this machine, {self.ratio(HERE).value:.1f} times as fast as "
            f"-O0.{used} With prefetch it is {self.rate(PREFETCH).value_text()}, and "
            f"through short {wide.value_text()}, {share:.0%} of what reading alone "
            "gives on one thread."
        )

    def records(self) -> list[Record]:
        """Return times, rates, wrong rows and instructions, then the ratios."""
        return list(self.facts)

    def _of(self, what: Quantity, way: str) -> Record:
        named = {fact.subject: fact for fact in self.facts if fact.name == what.name}
        if way not in named:
            raise ValueError(f"way={way!r} was not measured; choose of {list(named)}.")
        return named[way]


def levels(
    dot_source: DotSource, *, size: int = SIZE, seconds: float = SECONDS
) -> Levels:
    """Compile a learner's dot at three levels, and read a matrix of int8 by each.

    dot_source: () -> C text, as `inner.dot_source`. Beside it stand texts of our own:
    with prefetch, with that and products of short, and one that only reads. size: bytes
    of the matrix, in whole rows of COLUMNS. Where nothing can be compiled, as
    `inner.reason` says, the rates are those that ship. ValueError for what does not
    compile or does not come back.
    """
    rows = arguments.whole("size", size, least=CHECKED * COLUMNS) // COLUMNS
    seconds = arguments.number("seconds", seconds, above=0)
    text = inputs.learners("dot_source", dot_source)()
    if absent := inner.reason():
        return Levels(shipped.of(RECORDED), "", absent[0].upper() + absent[1:])
    ways = _ways(text)
    vector = numpy.random.default_rng(0).integers(-128, 128, COLUMNS, dtype=numpy.int8)
    with inner.running(ways, cpu_seconds=120 + int(10 * seconds)) as child:
        child.ask(do="matrix", rows=rows, columns=COLUMNS)
        x = confined.encoded(vector.tobytes())
        facts = [_wrong(child, way, vector) for way in NAMES]
        calls = {
            way: partial(child.ask, do="multiply", name=way, x=x, quiet=True)
            for way in ways
        }
        speed = measure.speed(calls, seconds=seconds, threads=1)
    for way, one in ways.items():
        facts += _of_way(way, one, rows * COLUMNS, speed)
    facts += [_gain(way, speed) for way in ways if way != O0]
    return Levels(tuple(facts), speed.note)


def _ways(text: str) -> dict[str, Inner]:
    ways = {way: inner.build(text, level) for way, level in NAMES.items()}
    ways[PREFETCH] = inner.build(inner.prefetching())
    ways[WIDE] = inner.build(inner.widening())
    return ways | {BARE: inner.build(inner.reading())}


def _wrong(child: confined.Child, way: str, vector: numpy.ndarray) -> Record:
    """Count wrong sums among the first rows of the matrix."""
    x = confined.encoded(vector.tobytes())
    sums = confined.integers(child.ask(do="multiply", name=way, x=x)["y"])[:CHECKED]
    matrix = numpy.frombuffer(drawn(CHECKED * COLUMNS), numpy.int8)
    right = matrix.reshape(CHECKED, COLUMNS).astype(numpy.int64) @ vector
    wrong = int((sums != right).sum())
    return records.measured(INNER_ERROR, wrong, subject=way)


def _of_way(way: str, one: Inner, size: int, speed: measure.Speed) -> list[Record]:
    series = speed[way].total
    details = {"level": one.level, "size": size}
    facts = [
        series.record(INNER_TIME, subject=way, details=details),
        series.rate(INNER_RATE, size, subject=way, details=details),
    ]
    counts: Mapping[str, int] = inner.instructions(one)
    return facts + [
        records.measured(
            INSTRUCTIONS, count, subject=way, details={"instruction": kind}
        )
        for kind, count in counts.items()
    ]


def _gain(way: str, speed: measure.Speed) -> Record:
    verdict = speed.verdict(way, O0)
    return verdict.record(INNER_GAIN, subject=way, details={"against": O0})


def _multiplies(kind: str) -> bool:
    return kind.startswith(("pm", "vpdp", "sm", "sdot", "mla", "scalar"))
