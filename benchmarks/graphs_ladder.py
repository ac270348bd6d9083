"""Every way to run a decode step, side by side: lab 10's ladder on an idle machine.

Eager, fused, static, compiled by Inductor, ONNX Runtime, OpenVINO and natively in int8,
of the bundled coder and coder-small, one sequence, 128 tokens cached, all threads: time
of a step, what it starts, error, seconds to build and the tokens that pay them back.
Before them the inner product in C at its levels, on one thread.
It wants the extras `onnx` and `openvino`, g++ and a C compiler, and stops where one is
missing. Inductor builds into an empty folder, so that its seconds are those of a first
time. The result goes to llmlab/recorded/graphs_ladder.json; it takes some five minutes
on two idle cores. `--small` races for a second a model, prints and writes nothing.

    python benchmarks/graphs_ladder.py [levels coder-small coder] [--small]
"""

import argparse
import dataclasses
import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from llmlab import models, show
from llmlab.core import machine, records
from llmlab.core.records import Record
from llmlab.graphs import experiments, inner

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/graphs_ladder.json"
COMMAND = "python benchmarks/graphs_ladder.py"
LEVELS, MODELS = "levels", ("coder-small", "coder")
SECONDS, SHORT = 60.0, 1.0


def main() -> int:
    """Record each name in a process of its own, so that nothing is built before."""
    options = _options()
    names = options.names or (LEVELS, *MODELS)
    if len(names) == 1:
        return _record(*names, small=options.small)
    command = [sys.executable, __file__, *["--small"] * options.small]
    return max(subprocess.run([*command, name]).returncode for name in names)


def _record(name: str, *, small: bool) -> int:
    """Measure, show and keep what is of one name; return the exit status."""
    seconds = SHORT if small else SECONDS
    if name == LEVELS:
        result = experiments.levels(inner.dot_source, seconds=seconds)
        missing = [result.absent] if result.absent else []
    else:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LLMLAB_CACHE"] = folder
            result = experiments.ladder(models.load(name), seconds=seconds)
        missing = [*result.absent.values()]
    print(name, show.table(result), result.said, result.note, sep="\n", flush=True)
    if missing:
        print("Nothing is kept: a way is missing.", *missing)
        return 1
    if not small:
        _keep(name, [_recorded(name, fact) for fact in result.records()])
    return 0


def _recorded(name: str, fact: Record) -> Record:
    """Return a fact as the file keeps it; what a formula says stays estimated."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    kind = "estimated" if fact.kind == "estimated" else "recorded"
    return dataclasses.replace(
        fact, kind=kind, subject=f"{name}: {fact.subject}", command=COMMAND,
        machine=machine.describe().label, date=fact.date or now,
    )  # fmt: skip


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
    parser.add_argument("names", nargs="*", choices=[LEVELS, *MODELS, []])
    parser.add_argument("--small", action="store_true", help="a second, not kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
