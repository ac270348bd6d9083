"""What the tests of the notebooks read and run them with."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import outline
import pytest

ROOT = Path(__file__).parent.parent
OFFLINE = ROOT / "tests" / "offline"
# What kernels import: the package beside these tests, and the refusal of the network.
PATHS = os.pathsep.join([str(OFFLINE), str(ROOT)])
SOLUTIONS = sorted((ROOT / "solutions").glob("[0-9]*.ipynb"))
# Of a lab's budget run at this dial or a lower one: a minute of two cores, since in a
# busy hour the same work takes more CPU seconds. Labs whose work follows no dial (02
# trains, 04b solves all layers three times, 05 does both) need most of it even so.
BUDGET_DIAL, MOST_CPU_SECONDS = 0.3, 120
# Labs that may take longer, as long as this, and why; the list is to become empty.
LONGER = {
    "05_pruning": (150, "it trains what it pruned, and a training follows no dial"),
    "06_distillation": (190, "it trains nine students, and a training follows no dial"),
}
STATED = re.compile(r"(\d+) minutes? of machine time.* ([\d.]+) GB of memory")

# Runs a command and writes down its exit status, CPU seconds and peak memory, kernels
# included. By a small process, since a peak starts at that of the process that forked.
WEIGHED = """
import json, os, subprocess, sys
place, *command = sys.argv[1:]
process = subprocess.Popen(command)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
facts = [process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]
with open(place, "w") as out:
    json.dump(facts, out)
"""

# Another machine, as far as this one can imitate it: one thread, and only instructions
# that every x86-64 processor has. ATen, oneDNN and MKL choose theirs apart.
ELSEWHERE = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "LLMLAB_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LLMLAB_TIME": "0.1",
}


def read(path):
    return nbformat.read(path, as_version=4)


def listed_as(path):
    """Return a notebook's word and, of a second one, its letter: "quantization b"."""
    number, _, word = path.stem.partition("_")
    return f"{word} {number[2:]}".strip()


each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def cells(path, kind="code"):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def is_exercise(cell):
    return cell.cell_type == "code" and bool(_grading(cell).get("solution"))


def is_check(cell):
    return cell.cell_type == "code" and bool(_grading(cell).get("grade"))


def is_question(cell):
    """Say whether a person grades the cell: an answer in words."""
    return cell.cell_type == "markdown" and bool(_grading(cell).get("grade"))


def is_example(cell):
    return "example" in cell.metadata.get("tags", [])


def _grading(cell):
    return cell.metadata.get("nbgrader", {})


def stated(path):
    """Return the minutes and the gigabytes that a notebook's top promises."""
    found = STATED.search(outline.top(read(path)))
    assert found, "the top says: … minutes of machine time … GB of memory"
    return int(found[1]), float(found[2])


@dataclass(frozen=True)
class Run:
    """How a notebook ran under nbval."""

    status: int
    text: str
    cpu_seconds: float
    memory_bytes: int  # of the largest process


def nbval(path, home, cell_seconds=120, **environment):
    """Run a notebook under nbval, in a kernel that reaches this machine only."""
    command = [sys.executable, "-m", "pytest", str(path), "--nbval-lax", "-q", "-rf"]
    command += ["--nbval-current-env", f"--nbval-cell-timeout={cell_seconds}"]
    command += ["--tb=short"]
    command += ["-c", os.devnull, "--rootdir", str(ROOT)]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
    places = {"PYTHONPATH": PATHS, "LLMLAB_HOME": str(home)}
    environment = os.environ | places | environment
    said, used = home.with_suffix(".log"), home.with_suffix(".used")
    with open(said, "w", encoding="utf-8") as log:
        subprocess.run(
            [sys.executable, "-c", WEIGHED, str(used), *command],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    status, seconds, peak = json.loads(used.read_text())
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(status, said.read_text(encoding="utf-8"), seconds, peak * unit)


def assert_ran(run, path):
    """Fail with the end of nbval's log unless every code cell of a notebook passed."""
    assert run.status == 0, run.text[-6000:]
    assert f"{len(cells(path))} passed" in run.text
