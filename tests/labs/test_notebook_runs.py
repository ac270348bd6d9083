"""The notebooks run as on a learner's machine: offline, elsewhere, within their budget.

nbval executes every cell in a kernel that reaches this machine only, and compares the
outputs of the cells tagged nbval-check-output with those that stand in the file.
"""

import os
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from notebooks import (
    ELSEWHERE,
    OFFLINE,
    PATHS,
    ROOT,
    assert_ran,
    cells,
    each_solution,
    is_check,
    nbval,
    read,
    stated,
)
from slices import strict_slice


@pytest.mark.notebook
@pytest.mark.timeout(900)
@each_solution
def test_a_solution_runs_within_what_its_top_promises(path, tmp_path, record_property):
    minutes, gigabytes = stated(path)
    # A thread that waits for a neighbour of this machine must not count as work: else
    # a busy hour makes ten CPU seconds of one.
    threads = {"LLMLAB_THREADS": "2", "OMP_NUM_THREADS": "2"}
    threads["OMP_WAIT_POLICY"] = "passive"
    run = nbval(path, tmp_path / "home", **threads)
    assert_ran(run, path)
    record_property("cpu_seconds", round(run.cpu_seconds, 1))
    record_property("memory_bytes", run.memory_bytes)
    print(f"\n{path.stem}: {run.cpu_seconds:.0f} CPU seconds of {minutes} minutes on "
          f"two cores, {run.memory_bytes / 1e9:.2f} GB of {gigabytes} GB")  # fmt: skip
    assert run.cpu_seconds <= minutes * 60 * 2
    assert run.memory_bytes <= gigabytes * 1e9


@pytest.mark.notebook
@each_solution
def test_strict_cells_give_the_same_elsewhere(path, tmp_path):
    """They and what they depend on; `test_elsewhere` runs all the others so too."""
    part = tmp_path / path.name
    nbformat.write(strict_slice(read(path)), part)
    assert_ran(nbval(part, tmp_path / "home", **ELSEWHERE), part)


@pytest.mark.notebook
@each_solution
def test_an_untouched_lab_stops_at_its_first_exercise_with_one_sentence(path, tmp_path):
    lab = read(ROOT / "labs" / path.name)
    environment = os.environ | {"PYTHONPATH": PATHS, "LLMLAB_TIME": "0.3"}
    client = NotebookClient(lab, timeout=120, kernel_name="python3")
    with pytest.raises(CellExecutionError):
        client.execute(env=environment, cwd=str(tmp_path))
    stopped = [cell for cell in lab.cells if cell.get("execution_count")][-1]
    (first, *_) = [cell for cell in lab.cells if is_check(cell)]
    assert stopped.id == first.id
    (error,) = [one for one in stopped.outputs if one.output_type == "error"]
    assert error.ename == "Todo"
    assert error.traceback == [error.evalue]
    assert re.fullmatch(r"Exercise 1: [^.]+\.", error.evalue)


@pytest.mark.notebook
def test_a_notebook_that_wants_to_leave_this_machine_fails(tmp_path):
    path = OFFLINE / "must_fail.ipynb"
    run = nbval(path, tmp_path / "home", HF_HUB_OFFLINE="0", TRANSFORMERS_OFFLINE="0")
    wants_out = [cell for cell in cells(path) if cell.id.startswith("by-")]
    assert run.status == 1
    assert f"{len(wants_out)} failed, {len(cells(path)) - len(wants_out)} passed" in (
        run.text
    )
    assert run.text.count("ConnectionRefusedError") >= len(wants_out)
    assert run.text.count("only this machine may be reached") >= len(wants_out)
