"""Progress is said to a person who looks, on stderr, and to nobody else."""

import os
import pty
import subprocess
import sys
import termios

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
