"""The notebooks run as on a learner's machine: offline, elsewhere, within their budget.

nbval executes every cell in a kernel that reaches this machine only, and compares the
outputs of the cells tagged nbval-check-output with those that stand in the file.
"""

import os
import re

import cut
import nbformat
import pytest
import small_lab as small
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from notebooks import (
    BUDGET_DIAL,
    ELSEWHERE,
    LONGER,
    MOST_CPU_SECONDS,
    OFFLINE,
    PATHS,
    ROOT,
    assert_ran,
    cells,
    each_solution,
    is_check,
    is_example,
    nbval,
    read,
    stated,
)
from slices import strict_slice

from llmlab.journal import guesses


@pytest.mark.alone
@pytest.mark.notebook
@pytest.mark.rotated
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
    record_property("executed", path.stem)
    record_property("cpu_seconds", round(run.cpu_seconds, 1))
    record_property("memory_bytes", run.memory_bytes)
    print(f"\n{path.stem}: {run.cpu_seconds:.0f} CPU seconds of {minutes} minutes on "
          f"two cores, {run.memory_bytes / 1e9:.2f} GB of {gigabytes} GB")  # fmt: skip
    assert run.cpu_seconds <= minutes * 60 * 2
    if float(os.environ.get("LLMLAB_TIME", "1")) <= BUDGET_DIAL:
        most, why = LONGER.get(path.stem, (MOST_CPU_SECONDS, "a minute of two cores"))
        assert run.cpu_seconds <= most, why
    assert run.memory_bytes <= gigabytes * 1e9


@pytest.mark.notebook
@each_solution
def test_strict_cells_give_the_same_elsewhere(path, tmp_path):
    """They and what they depend on; `test_elsewhere` runs all the others so too."""
    part = tmp_path / path.name
    nbformat.write(strict_slice(read(path)), part)
    assert_ran(nbval(part, tmp_path / "home", **ELSEWHERE), part)


def stopped_at(lab, folder):
    """Run a lab as a learner does; return the cell that stops it and its error."""
    environment = os.environ | {"PYTHONPATH": PATHS, "LLMLAB_TIME": "0.3"}
    environment["LLMLAB_HOME"] = str(folder / "home")
    for name in guesses.UNATTENDED:  # a learner sits in front of it, and no test
        environment.pop(name, None)
    client = NotebookClient(lab, timeout=120, kernel_name="python3")
    with pytest.raises(CellExecutionError):
        client.execute(env=environment, cwd=str(folder))
    stopped = [cell for cell in lab.cells if cell.get("execution_count")][-1]
    (error,) = [one for one in stopped.outputs if one.output_type == "error"]
    shown = " ".join(line.strip() for line in error.traceback)
    assert shown == error.evalue, "one sentence, no traceback"
    return stopped, error


def skipping(lab):
    """Return a lab in which `journal.skip()` stands below `journal.open`."""
    copy = nbformat.from_dict(lab)
    places = [n for n, c in enumerate(copy.cells) if "journal.open(" in c.source]
    copy.cells.insert(places[0] + 1, nbformat.v4.new_code_cell("journal.skip()"))
    return copy


def assert_stops_at_guess_then_at_exercise(lab, folder):
    """Fail unless a lab stops at its first guess and, that skipped, at exercise 1."""
    guess, error = stopped_at(nbformat.from_dict(lab), folder)
    (first, *_) = [cell for cell in lab.cells if "journal.predict(" in cell.source]
    assert (guess.id, error.ename) == (first.id, "OpenGuess")
    assert re.fullmatch(r'Put your guess of "[^"]+" [^\n]+ pass\.', error.evalue)
    stopped, error = stopped_at(skipping(lab), folder)
    (first, *_) = [c for c in lab.cells if is_example(c) or is_check(c)]
    assert (stopped.id, error.ename) == (first.id, "Todo")
    assert re.fullmatch(r"Exercise 1: [^.]+\.", error.evalue)


@pytest.mark.notebook
@pytest.mark.rotated
@each_solution
def test_an_untouched_lab_stops_at_its_first_guess_and_then_exercise(path, tmp_path):
    assert_stops_at_guess_then_at_exercise(read(ROOT / "labs" / path.name), tmp_path)


@pytest.mark.notebook
def test_an_untouched_small_lab_stops_at_its_first_guess_and_then_exercise(tmp_path):
    """The skeleton of a lab, with the checks of lab 01: it stops before one is run."""
    made = small.notebook()
    small.cell(
        made, "tools"
    ).source = 'from llmlab import checks, journal\njournal.open("measure")'
    made.cells = [cell for cell in made.cells if not cell.id.endswith("-drawing")]
    assert_stops_at_guess_then_at_exercise(cut.cut(made), tmp_path)


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
