"""Does the harness tell the truth? Ask it about work whose ratio is known.

    python benchmarks/harness_truth.py [--work brief|long] [--repetitions 100]

A process that never rests is the neighbour, and `measure.speed` gives way to it. Two
calls do the same work, or one does exactly 1.10 times as much, the same product 110
times instead of 100; it compares them as any learner would. What it should do stands in
`BARS`; the exit status says whether it did. Takes some ten minutes for each kind of
work, on a machine that does nothing else; each is kept as soon as it is done, beside
what is kept of the other.

Before `measure.speed` gave way, two threads beside the neighbour failed: a difference
was detected in 65 of 100, intervals were 17 % wide (2026-11-21, Intel Xeon, 2 threads).
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from llmlab import measure, show
from llmlab.core import machine, progress, quantities, recording, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.comparison import FASTER, SAME, Verdict
from llmlab.measure.quantities import (
    DIFFERENCE_DETECTED,
    EQUAL_CALLED_EQUAL,
    TRUTH_INSIDE,
    WIDTH,
)

TRUE = 1.10
BARS = {  # what an honest harness reaches
    EQUAL_CALLED_EQUAL: 0.90,
    DIFFERENCE_DETECTED: 0.80,
    TRUTH_INSIDE: 0.90,
    WIDTH: 0.10,
}
PRODUCTS = {  # work -> size of the matrices, products of the shorter call
    "brief": (64, 100),  # half a millisecond, when nothing else runs
    "long": (256, 50),  # some ten
}
OUT = Path(__file__).parents[1] / "llmlab" / "recorded" / "harness_truth.json"


def main() -> int:
    options = _options()
    machine.set_threads()
    found = []
    with _neighbour():
        for name in [options.work] if options.work else PRODUCTS:
            judged = _judge(name, *_ask(name, options.repetitions))
            _keep(judged, options.out)
            print(show.table(judged), flush=True)
            found += judged
    missed = [each for each in found if not _meets(each)]
    for each in missed:
        print(f"missed: {each}", file=sys.stderr)
    return 1 if missed else 0


def _keep(judged: list[Record], path: Path) -> None:
    """Put the figures of one kind of work in the place of older ones."""
    kept = records.load(path) if path.exists() else ()
    others = [each for each in kept if each.subject != judged[0].subject]
    records.save([*others, *judged], path)


def _ask(name: str, repetitions: int) -> tuple[list[Verdict], list[Verdict], str]:
    """Compare equal and unequal calls in turn; also say on how many threads."""
    size, times = PRODUCTS[name]
    short, again, long = (
        _products(size, count) for count in (times, times, round(TRUE * times))
    )
    equal, unequal, threads = [], [], Counter()
    for seed in progress.track(range(repetitions), name):
        pair = measure.speed({"one": short, "other": again}, seed=seed)
        equal.append(pair.verdict("one", "other"))
        threads[pair.ran_on.count] += 1
        pair = measure.speed({"short": short, "long": long}, seed=seed)
        unequal.append(pair.verdict("short", "long"))
        threads[pair.ran_on.count] += 1
    times = (f"{many} ({often} times)" for many, often in threads.most_common())
    return equal, unequal, ", ".join(times)


def _products(size: int, count: int) -> Callable[[], None]:
    """Return a call that multiplies the same two matrices `count` times."""
    a, b = torch.randn(2, size, size, generator=torch.Generator().manual_seed(0))

    def call() -> None:
        for _ in range(count):
            torch.mm(a, b)

    return call


def _judge(
    name: str, equal: list[Verdict], unequal: list[Verdict], threads: str
) -> list[Record]:
    """Return the four figures of one workload as records."""
    both = [(each, 1.0) for each in equal] + [(each, TRUE) for each in unequal]
    inside = [each.low <= TRUE <= each.high for each in unequal]
    counts = {
        EQUAL_CALLED_EQUAL: [each.word == SAME for each in equal],
        DIFFERENCE_DETECTED: [each.word == FASTER for each in unequal],
        TRUTH_INSIDE: inside,
    }
    widths = [(each.high - each.low) / truth for each, truth in both]
    low, high = intervals.of_median(widths) or (min(widths), max(widths))
    found = {what: _share(hits) for what, hits in counts.items()}
    found[WIDTH] = statistics.median(widths), low, high
    size, count = PRODUCTS[name]
    facts = {"repetitions": len(equal), "neighbours": 1, "true_ratio": TRUE}
    facts |= {"work": f"{count} products of {size} × {size}", "threads": threads}
    return [_record(what, name, *ends, facts) for what, ends in found.items()]


def _share(hits: list[bool]) -> tuple[float, float, float]:
    return sum(hits) / len(hits), *intervals.of_share(sum(hits), len(hits))


def _record(what: Quantity, name: str, value, low, high, facts: dict) -> Record:
    fact = records.measured(
        what, value, low=low, high=high, subject=name,
        details=facts | {"bar": BARS[what]},
    )  # fmt: skip
    return recording.as_recorded(fact, "python benchmarks/harness_truth.py")


def _meets(record: Record) -> bool:
    what = quantities.get(record.name)
    return what.reaches(record.value, BARS[what])


@contextmanager
def _neighbour() -> Iterator[None]:
    """Keep one process busy beside us."""
    busy = multiprocessing.get_context("spawn").Process(
        target=_spin, args=(os.getpid(),)
    )
    busy.start()
    time.sleep(1)  # until it has started
    try:
        yield
    finally:
        busy.kill()
        busy.join()


def _spin(parent: int) -> None:
    """Count as fast as one core can, as long as the parent lives."""
    while os.getppid() == parent:
        for _ in range(10**6):
            pass


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", choices=PRODUCTS, help="this kind only")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
