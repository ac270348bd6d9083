"""Stage `cuda` of `gpu.py`: our own CUDA paths against the processor's answers.

It is the suite marked `cuda`. Where pytest is not installed, it says so.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

import torch
from gpu_rows import Rows

from llmlab.hardware.quantities import GPU_TESTS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "cuda"
# The settings of pyproject.toml name plugins that need not be there.
WORDS = ["-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider", "-q"]


def record(rows: Rows, device: torch.device, *, small: bool) -> None:
    """Run the suite in a process of its own, and keep how many passed."""
    if importlib.util.find_spec("pytest") is None:
        rows.say("pytest is not installed, so no test ran")
        return
    words = [*WORDS, *_without_hypothesis(rows), "-m", "cuda", str(FOLDER)]
    if small:
        words += ["-k", "small"]
    seconds = max(20.0, rows.budget.left())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", "pytest", f"--junitxml={file}", *words]
        try:
            done = subprocess.run(
                command, cwd=ROOT, timeout=seconds, capture_output=True, text=True,
                env={**os.environ, "LLMLAB_DEVICE": str(device)},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            rows.say(f"the tests were stopped after {seconds:.0f} s")
            return
        print(done.stdout[-3000:], flush=True)
        if not file.exists():
            rows.say(f"pytest ended with {done.returncode}: {done.stderr[-300:]}")
            return
        _count(rows, file)


def _without_hypothesis(rows: Rows) -> list[str]:
    """Leave out what all other tests share, where it cannot be imported."""
    if importlib.util.find_spec("hypothesis"):
        return []
    rows.say("hypothesis is not installed, so the suite runs without conftest.py")
    return ["--noconftest", "-p", "on_device"]


def _count(rows: Rows, file: Path) -> None:
    suite = xml.etree.ElementTree.parse(file).getroot().find("testsuite")
    assert suite is not None  # pytest always writes it
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    details = {"failed": failed, "skipped": skipped}
    rows.add(GPU_TESTS, total - failed - skipped, "suite cuda", details)
