"""What is recorded on a GPU: the benchmark's own rows, made small on a processor."""

import json
import os
import subprocess
import sys
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


def ran(*words, seconds=250):
    """Run the benchmark as a learner would, on the processor; return what it says."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--device", "cpu", "--small", *map(str, words)],
        capture_output=True, text=True, timeout=seconds, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def hardware(tmp_path_factory):
    """The rows of one stage, and what the benchmark said."""
    file = tmp_path_factory.mktemp("gpu") / "gpu.json"
    return file, ran("--stage", "hardware", "--out", file)


def test_rows_of_hardware_are_kept_with_machine_date_and_command(hardware):
    file, said = hardware
    facts = records.load(file)
    assert {fact.name for fact in facts} == {what.name for what in STAGES["hardware"]}
    for fact in facts:
        assert fact.kind == "recorded" and fact.date and fact.command == COMMAND
        assert "torch " in fact.machine and fact.value > 0
    assert "not here: peak of tf32: tf32 is a format of NVIDIA's GPUs" in said
    assert "not here: attention by cuDNN" in said


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


@pytest.mark.slow
def test_a_row_that_is_recorded_again_takes_the_place_of_the_old_one(
    hardware, tmp_path
):
    before = records.load(hardware[0])
    file = tmp_path / "gpu.json"  # the others read that of the fixture
    others = [fact for fact in before if fact.subject == "read"]
    moved = [records.make(
        q.GPU_PEAK, 1e15, kind="recorded", subject="bf16", machine="another card",
        details={"size": 128},
    )]  # fmt: skip
    records.save([*before, *moved], file)
    ran("--stage", "hardware", "--out", file)
    after = records.load(file)
    assert len(after) == len(before) + 1 and moved[0] in after
    assert len([f for f in after if f.subject == "read"]) == len(others)


def test_what_does_not_fit_into_the_minutes_is_said_and_nothing_written(tmp_path):
    file = tmp_path / "gpu.json"
    said = ran("--stage", "hardware", "--minutes", 0.001, "--out", file)
    assert "hardware: 0 rows" in said and "did not fit: peak of fp32" in said
    assert not file.exists()


@pytest.mark.slow
def test_steps_are_timed_counted_and_compared(tmp_path):
    """Eager, at fixed places, and compiled: the same tokens in each."""
    file = tmp_path / "gpu.json"
    before = SHIPPED.read_bytes() if SHIPPED.exists() else None
    said = ran("--stage", "graphs", "--out", file)
    result = experiments.gpu(file=file)
    ways = {fact.details["way"] for fact in result.select(q.GPU_STEP)}
    assert {"eager", "fixed places, eager"} <= ways
    assert {fact.value for fact in result.select(q.GPU_SAME)} == {1.0}
    assert all(0 < fact.value < 1.5 for fact in result.select(q.GPU_SHARE))
    assert result.select(q.GPU_PREFILL) and result.select(q.GPU_LAUNCHES)
    assert "a CUDA graph is of NVIDIA's GPUs" in said
    assert "energy: no NVML on a processor" in said
    assert "of the roofline" in show.figure(result)._repr_html_()
    assert before == (SHIPPED.read_bytes() if SHIPPED.exists() else None)


def test_a_machine_without_a_gpu_says_so_and_records_nothing():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--device", "cuda:99"],
        capture_output=True, text=True, timeout=100, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2 and "device='cuda:99' is not here" in done.stdout


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
