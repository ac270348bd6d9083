"""What the tests of the notebooks read and run them with."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
OFFLINE = ROOT / "tests" / "offline"
SOLUTIONS = sorted((ROOT / "solutions").glob("[0-9]*.ipynb"))
STATED = re.compile(r"(\d+) minutes? of machine time.* ([\d.]+) GB of memory")

each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def cells(path, kind="code"):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def is_exercise(cell):
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_check(cell):
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def stated(path):
    """Return the minutes and the gigabytes that a notebook's top promises."""
    found = STATED.search(read(path).cells[0].source)
    assert found, "the top says: … minutes of machine time … GB of memory"
    return int(found[1]), float(found[2])


@dataclass(frozen=True)
class Run:
    """How a notebook ran under nbval."""

    status: int
    text: str
    cpu_seconds: float
    memory_bytes: int  # of the largest process


def nbval(path, home, **environment):
    """Run a notebook under nbval, in a kernel that reaches this machine only."""
    command = [sys.executable, "-m", "pytest", str(path), "--nbval-lax", "-q", "-rf"]
    command += ["--nbval-current-env", "--nbval-cell-timeout=120", "--tb=short"]
    command += ["-c", os.devnull, "--rootdir", str(ROOT)]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
    places = {"PYTHONPATH": str(OFFLINE), "LLMLAB_HOME": str(home)}
    environment = os.environ | places | environment
    with open(home.with_suffix(".log"), "w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)  # the kernel's use is in it
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        text = log.read()
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = used.ru_utime + used.ru_stime
    return Run(process.returncode, text, seconds, used.ru_maxrss * unit)
