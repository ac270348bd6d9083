"""What is recorded on a GPU: the benchmark's own rows, made small on a processor."""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmlab import show
from llmlab.core import records
from llmlab.hardware import experiments
from llmlab.hardware import quantities as q
from llmlab.hardware.experiments.cards import COMMAND, FILE, NOTHING, STAGES

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.py"
SHIPPED = ROOT / "llmlab" / "recorded" / f"{FILE}.json"


@pytest.fixture(scope="module")
def hardware(tmp_path_factory):
    """Run one stage as a learner would, on a processor; return file and words."""
    file = tmp_path_factory.mktemp("gpu") / "gpu.json"
    words = "--device", "cpu", "--small", "--stage", "hardware", "--out", str(file)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words], capture_output=True, text=True,
        timeout=250, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return file, done.stdout


@pytest.fixture
def room(monkeypatch):
    """Return what imports a module of the benchmarks."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    return importlib.import_module


@pytest.fixture
def run(room, monkeypatch, capsys):
    """Return what runs the benchmark in this process: exit status, and words."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", [SCRIPT.name, *map(str, words)])
        return room("gpu").main(), capsys.readouterr().out

    return call


@pytest.mark.slow
def test_rows_of_hardware_are_kept_with_machine_date_and_command(hardware):
    file, said = hardware
    facts = records.load(file)
    assert {fact.name for fact in facts} == {what.name for what in STAGES["hardware"]}
    for fact in facts:
        assert fact.kind == "recorded" and fact.date and fact.command == COMMAND
        assert "torch " in fact.machine and fact.value > 0
    assert "not here: peak of tf32: tf32 is a format of NVIDIA's GPUs" in said
    assert "not here: attention by cuDNN" in said


@pytest.mark.slow
def test_the_experiment_shows_the_rows_by_stage(hardware):
    result = experiments.gpu(file=hardware[0])
    rows = result.stage("hardware")
    assert len(rows) == len(result.rows) == len(result.records()) - 1
    assert result.said.startswith("Recorded on ") and COMMAND in result.said
    assert f"rows {len(rows)} of hardware" in result.said
    assert result.stage("graphs") == [] == result.select(q.GPU_STEP)
    assert {fact.subject for fact in result.select(q.GPU_ATTENTION)} >= {"math"}
    with pytest.raises(ValueError, match="stage='gpu' is none of hardware, graphs"):
        result.stage("gpu")
    html = show.figure(result)._repr_html_()
    assert "attention math" in html and "linear layer fp32" in html
    assert COMMAND in repr(show.table(result))


def another():
    """Return a row of a card that is not here."""
    return records.make(
        q.GPU_PEAK, 1e15, kind="recorded", subject="bf16", machine="another card",
        details={"size": 128},
    )  # fmt: skip


def test_a_row_that_is_recorded_again_takes_the_place_of_the_old_one(room, tmp_path):
    """The same is of one card, quantity, subject and size; a note does not matter."""
    rows, file = room("gpu_rows"), tmp_path / "new folder" / "gpu.json"
    first = rows.Rows(file, "a card", rows.Budget(60))
    for size in (128, 256):
        first.add(q.GPU_PEAK, size, "bf16", {"size": size})
    records.save([*records.load(file), another()], file)
    again = rows.Rows(file, "a card", rows.Budget(60))
    again.add(q.GPU_PEAK, 3, "bf16", {"size": 128, "note": "again"}, low=2, high=4)
    again.add(q.GPU_PEAK, 5, "fp32", {"size": 128})
    kept = [
        (fact.machine, fact.subject, fact.details["size"], fact.value)
        for fact in records.load(file)
    ]
    assert kept == [
        ("a card", "bf16", 256, 256),
        ("another card", "bf16", 128, 1e15),
        ("a card", "bf16", 128, 3),
        ("a card", "fp32", 128, 5),
    ]
    assert (first.new, again.new) == (2, 2)


def test_what_does_not_fit_into_the_minutes_is_said_and_nothing_written(run, tmp_path):
    file = tmp_path / "gpu.json"
    words = "--device", "cpu", "--small", "--stage", "hardware", "--minutes", 0.001
    status, said = run(*words, "--out", file)
    assert status == 0 and f"rows go to {file}" in said
    assert "hardware: 0 rows" in said and "did not fit: peak of fp32" in said
    assert "did not fit: a chain in chunks" in said
    assert not file.exists()
    assert "rows go to this screen only" in run(*words)[1]


def test_what_takes_too_long_is_stopped_and_what_is_refused_is_said(room):
    gpu_rows = room("gpu_rows")

    class Second(gpu_rows.Budget):
        def left(self):
            return gpu_rows.LEAST

    rows = gpu_rows.Rows(None, "a card", Second(0))
    begun = time.monotonic()
    rows.attempt("a long one", 0.5, lambda: time.sleep(60))
    assert time.monotonic() - begun < 30
    rows.attempt("a wrong one", 0.5, lambda: 1 + int("a"))
    rows.attempt("a slow one", 5, lambda: rows.add(q.GPU_PEAK, 1, "fp32"))
    assert rows.end("hardware").splitlines() == [
        "hardware: 0 rows, 1 s left",
        "  did not fit: a long one (stopped: it took too long)",
        "  did not fit: a slow one",
        "  not here: a wrong one: invalid literal for int() with base 10: 'a'",
    ]


@pytest.mark.filterwarnings(
    "ignore:`torch[.]jit[.]script_method` is deprecated:DeprecationWarning:"
)
@pytest.mark.slow
def test_steps_are_timed_counted_and_compared(run, tmp_path):
    """Eager, at fixed places, and compiled: the same tokens in each."""
    file = tmp_path / "gpu.json"
    records.save([another()], file)
    before = SHIPPED.read_bytes() if SHIPPED.exists() else None
    _, said = run("--device", "cpu", "--small", "--stage", "graphs", "--out", file)
    result = experiments.gpu(file=file)
    assert result.stage("hardware") == [another()]  # what the file held is kept
    ways = {fact.details["way"] for fact in result.select(q.GPU_STEP)}
    assert ways == {"eager", "fixed places, eager", "reduce-overhead"}
    assert {fact.value for fact in result.select(q.GPU_SAME)} == {1.0}
    assert all(0 < fact.value < 1.5 for fact in result.select(q.GPU_SHARE))
    assert result.select(q.GPU_PREFILL) and result.select(q.GPU_LAUNCHES)
    assert "a CUDA graph is of NVIDIA's GPUs" in said
    assert "energy: no NVML on a processor" in said
    assert "of the roofline" in show.figure(result)._repr_html_()
    assert before == (SHIPPED.read_bytes() if SHIPPED.exists() else None)


def test_a_machine_without_a_gpu_says_so_and_records_nothing(run, tmp_path):
    file = tmp_path / "gpu.json"
    status, said = run("--device", "cuda:99", "--out", file)
    assert status == 2 and said.startswith("device='cuda:99' is not here")
    assert len(said.splitlines()) == 1 and not file.exists()


def test_before_anything_is_recorded_the_experiment_says_how_to(tmp_path):
    file = tmp_path / "empty.json"
    file.write_text(json.dumps({"version": 1, "records": []}))
    result = experiments.gpu(file=file)
    assert result.said == NOTHING and COMMAND in NOTHING
    (counted,) = result.records()
    assert counted.value == 0 and counted.details["note"] == NOTHING
    assert NOTHING in repr(show.table(result))
    assert NOTHING.split(".")[0] in show.figure(result)._repr_html_()


def test_what_ships_is_of_a_gpu_or_does_not_ship():
    facts = experiments.gpu().rows
    assert bool(facts) == SHIPPED.exists()
    for fact in facts:
        assert "driver" in fact.machine and fact.command == COMMAND
