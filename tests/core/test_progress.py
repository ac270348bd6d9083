"""Progress is said to a person who looks, on stderr, and to nobody else."""

import os
import pty
import subprocess
import sys
import termios

import nbclient
import nbformat
import pytest

from llmlab.core import progress

WORK = """
from llmlab.core import progress
assert list(progress.track(range(3), "counting")) == [0, 1, 2]
with progress.task("training", 10) as step:
    step(10, "loss 2.5")
print("done")
"""


def on_a_terminal(environment: dict[str, str]) -> tuple[str, str]:
    """Run the work with a terminal as stderr; return stdout and what it showed."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 80))
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        stdout=subprocess.PIPE,
        stderr=its,
        env=os.environ | environment,
        text=True,
        check=True,
    )
    os.close(its)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux ends a terminal so
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return done.stdout, shown.decode()


def test_a_terminal_sees_the_work_and_stdout_stays_clean():
    out, shown = on_a_terminal({"LLMLAB_QUIET": "0"})
    assert out == "done\n"
    assert "counting" in shown
    assert "training" in shown


def test_quiet_is_quiet():
    assert on_a_terminal({"LLMLAB_QUIET": "1"}) == ("done\n", "")


def test_a_pipe_sees_nothing():
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_every_item_of_an_iterator_comes_through_once():
    assert list(progress.track(iter("abc"), "letters")) == ["a", "b", "c"]
    assert list(progress.track((), "nothing")) == []


def test_an_error_in_the_work_is_the_learner_s_to_see():
    with pytest.raises(ZeroDivisionError), progress.task("dividing", 1) as step:
        step(1 / 0)


def test_work_that_ends_without_an_error_ends_complete(monkeypatch):
    """Whatever was counted: 13 of 14 steps, or more than there are."""
    counted = []

    class Bar(progress._Silence):
        def update(self, n):
            counted.append(n)

    monkeypatch.setattr(progress, "_bar", lambda what, total: Bar())
    for steps in (13, 14, 20):
        counted.clear()
        with progress.task("working", 14) as step:
            for _ in range(steps):
                step()
        assert sum(counted) == 14
    counted.clear()
    with pytest.raises(ZeroDivisionError), progress.task("dividing", 2) as step:
        step(1 / 0)
    assert not counted


CELLS = [
    "from llmlab.core import progress",
    "with progress.task('working', 14) as step:\n"
    "    for _ in range(13):\n        step()\n'result'",
    "print('before')\nfor _ in progress.track('abc', 'letters'):\n    print('in')\n7",
    "with progress.task('outer', 2) as step:\n"
    "    for _ in progress.track('abc', 'inner'):\n        pass\n8",
    "with progress.task('dividing', 2) as step:\n    1 / 0",
]


def test_in_a_notebook_nothing_is_left_and_nothing_of_the_learner_s_is_lost():
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    kernel = {"env": os.environ | {"LLMLAB_QUIET": "0"}}
    client = nbclient.NotebookClient(notebook, kernel_name="python3", allow_errors=True)
    client.execute(**kernel)
    _, alone, beside, nested, failed = (cell.outputs for cell in notebook.cells)
    assert [each.data["text/plain"] for each in alone] == ["'result'"]
    assert [each.data["text/plain"] for each in nested] == ["8"]
    assert [each.output_type for each in failed] == ["error"]
    text = "".join(each.text for each in beside if each.output_type == "stream")
    assert text == "before\nin\nin\nin\n"
    (line,) = [each for each in beside if each.output_type == "display_data"]
    assert "llmlab-done" in line.data["text/html"]
    assert "progress value" not in line.data["text/html"]
