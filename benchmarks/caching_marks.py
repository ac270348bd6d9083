"""Caches of `coder`, the marks of lab 7 at full length, on this machine.

Reading again against a cache for 512 tokens, the waste of a ragged batch, a step on
pages, caches of 8 and 4 bits and windows on many texts, and prefixes by trace. The
result goes to llmlab/recorded/caching_marks.json, and a list of marks with what was
measured is printed. Takes about five minutes on two idle cores. `--small` measures for
a fraction of the time, prints and writes nothing.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmlab import caching, measure, models, show
from llmlab.caching import experiments
from llmlab.caching.experiments import prefixed
from llmlab.core import machine, recording, records
from llmlab.core.records import Record

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/caching_marks.json"
COMMAND = "python benchmarks/caching_marks.py"
PARTS = (caching.page_slots, caching.resize_table, caching.extend_pages)
SMALL = 0.1  # of the seconds

Mark = tuple[str, float, Callable[[float], bool]]  # words, value, whether it is met


def main() -> None:
    """Measure, hold the marks against it, show all, and keep it."""
    small = _options().small
    machine.set_threads()
    print(measure.settle())
    model, scale = models.load("coder"), SMALL if small else 1.0
    facts, marks = measured(model, scale, most=128 if small else 512)
    for words, value, is_met in marks:
        print(f"{'✓' if is_met(value) else '✗'} {words}: {value:.4g}")
    kept = [_kept(fact, model) for fact in facts]
    columns = ("name", "subject", "value", "interval")
    print(show.table(kept, columns))
    if not small:
        records.save(kept, FILE)


def measured(model: Any, scale: float, *, most: int) -> tuple[list[Record], list[Mark]]:
    """Return the facts of all experiments, and the marks that follow from them."""
    reading = experiments.reading_again(model, most=most, seconds=200 * scale)
    waste = experiments.waste(model)
    pages = experiments.on_pages(model, *PARTS, seconds=40 * scale)
    texts = 4 if scale < 1 else 15  # of 900 tokens, all there are
    bits = experiments.fewer_bits(model, count=texts, seconds=20 * scale)
    windows = experiments.windows(
        model, sinks=(0, 1, 4), count=texts, seconds=5 * scale
    )
    prefixes = experiments.prefixes(
        model, caching.longest_prefix, prompts=prefixed.some_prompts(model)
    )
    facts = records.collect(
        [reading, waste, pages, bits, windows, windows.paired, windows.long, prefixes,
         prefixes.by_capacity]
    )  # fmt: skip
    return list(facts), _marks(reading, waste, pages, bits, prefixes)


def _marks(reading: Any, waste: Any, pages: Any, bits: Any, prefixes: Any) -> list:
    step, longest = pages.ratio, reading.lengths[-1]
    return [
        _most("pages of 16 waste", waste.wasted(16), 0.05),
        _least("one piece wastes", waste.wasted(None), 0.5),
        _most("a paged step, 8 rows of 512", step("package", rows=8), 1.7),
        _most("a paged step, one row of 512", step("package", rows=1), 1.2),
        _most("int8, bits per byte more", bits.lost(8), 0.001),
        _most("int4, bits per byte more", bits.lost(4), 0.005),
        _least("int8, times fewer bytes", bits.times_smaller(8), 3.7),
        _least("int4, times fewer bytes", bits.times_smaller(4), 6.3),
        _least("editor, times fewer tokens read", prefixes.times_fewer("editor"), 6),
        _least("editor, first token times as soon", prefixes.ratio("editor"), 4),
        _least("tokens the same with prefixes", float(prefixes.equal), 1),
        _least("cache against reading again, 256", reading.ratio(min(256, longest)), 5),
        _least(f"cache against reading again, {longest}", reading.ratio(longest), 8),
    ]


def _most(words: str, fact: Record | float, bar: float) -> Mark:
    return f"{words} (at most {bar:g})", _value(fact), lambda value: value <= bar


def _least(words: str, fact: Record | float, bar: float) -> Mark:
    return f"{words} (at least {bar:g})", _value(fact), lambda value: value >= bar


def _value(fact: Record | float) -> float:
    return fact.value if isinstance(fact, Record) else fact


def _kept(fact: Record, model: Any) -> Record:
    return recording.as_recorded(fact, COMMAND, weights=model.weights_version)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--small", action="store_true", help="a fraction of the time, nothing written"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
