"""Every way to run a decode step, side by side: lab 10's ladder on an idle machine.

Eager, fused, static, compiled by Inductor, ONNX Runtime, OpenVINO and natively in int8,
of the bundled coder and coder-small, one sequence, 128 tokens cached, all threads: time
of a step, what it starts, error, seconds to build and the tokens that pay them back.
Of coder also the step of 32 sequences and the reading of a prompt, and all three again
in bfloat16 and int8, by the ways that take these.
Before them the inner product in C at its levels, on one thread.
It wants the extras `onnx` and `openvino`, g++ and a C compiler, and stops where one is
missing. Inductor builds into an empty folder, so that its seconds are those of a first
time. The result goes to llmlab/recorded/graphs_ladder.json; it takes some ten minutes
on two idle cores. `--small` races for a second a model, prints and writes nothing.

    python benchmarks/graphs_ladder.py [levels] [coder-small] [coder] [--small]
        ["coder in bf16"] ["coder in int8"]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmlab import models, show
from llmlab.core import recording, records
from llmlab.core.records import Record
from llmlab.graphs import experiments, inner
from llmlab.graphs.experiments import making, shipped
from llmlab.graphs.experiments.rungs import EAGER
from llmlab.kernels.format import Format
from llmlab.quantization import quantize

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/graphs_ladder.json"
COMMAND = "python benchmarks/graphs_ladder.py"
LEVELS, MODELS = "levels", ("coder-small", "coder")
HALF, WHOLE = (shipped.in_format("coder", d) for d in (shipped.HALF, shipped.WHOLE))
WAYS = {  # of a name: ONNX Runtime and OpenVINO are given float32, native is int8
    HALF: (EAGER, "fused", "static", "compiled"),
    WHOLE: (EAGER, "static", "compiled", "native int8"),
}
PHASES = ("coder", *WAYS)  # with many rows and a prompt beside the ladder
NAMES = (LEVELS, *MODELS, *WAYS)
SECONDS, SHORT = 60.0, 1.0


def main() -> int:
    """Record each name in a process of its own, so that nothing is built before."""
    options = _options()
    names = options.names or NAMES
    if len(names) == 1:
        return _record(*names, small=options.small)
    command = [sys.executable, __file__, *["--small"] * options.small]
    return max(subprocess.run([*command, name]).returncode for name in names)


def _record(name: str, *, small: bool) -> int:
    """Measure, show and keep what is of one name; return the exit status."""
    seconds = SHORT if small else SECONDS
    if name == LEVELS:
        parts = [experiments.levels(inner.dot_source, seconds=seconds)]
    else:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LLMLAB_CACHE"] = folder
            parts = [*_races(name, seconds)]
    facts, missing = [], []
    for part in parts:
        print(name, show.table(part), part.said, part.note, sep="\n", flush=True)
        facts += part.records()
        missing += _missing(part)
    if missing:
        print("Nothing is kept: a way is missing.", *missing)
        return 1
    if not small:
        _keep(name, [_recorded(name, fact) for fact in facts])
    return 0


def _races(name: str, seconds: float) -> Iterator[Any]:
    """Race a model's ways: one sequence, and of some models many, and a prompt."""
    model = models.load(name.split()[0])
    if name == HALF:
        model = model.bfloat16()
    if name == WHOLE:
        model = quantize(model, Format(bits=8))
    ways = WAYS.get(name, making.WAYS)
    yield experiments.ladder(model, ways=ways, seconds=seconds)
    if name in PHASES:
        yield experiments.rows(model, ways=ways, seconds=seconds / 2)
        yield experiments.prompts(model, ways=ways, seconds=seconds / 2)


def _missing(part: Any) -> list[str]:
    """Return why something is missing, a sentence each; the levels have one at most."""
    absent = part.absent
    return [*filter(None, [absent] if isinstance(absent, str) else absent.values())]


def _recorded(name: str, fact: Record) -> Record:
    """Return a fact as the file keeps it, of this name."""
    subject = f"{name}: {fact.subject}"
    return recording.as_recorded(fact, COMMAND, subject=subject)


def _keep(name: str, facts: list[Record]) -> None:
    """Write the facts in the place of this model's from this machine."""
    old = records.load(FILE) if FILE.exists() else ()
    here = {fact.machine for fact in facts}
    kept = [
        fact
        for fact in old
        if fact.machine not in here or not fact.subject.startswith(f"{name}: ")
    ]
    records.save([*kept, *facts], FILE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []])
    parser.add_argument("--small", action="store_true", help="a second, not kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
