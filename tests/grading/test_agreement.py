"""nbgrader and our own grader over twelve kinds of submission, whole notebooks.

It takes minutes, as nbgrader runs a kernel for each: pytest -m classes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from grading import kinds
from grading.test_folders import blocks
from notebooks import PATHS, ROOT

from llmlab.grading import agreement, pages, submissions, tables

pytestmark = [pytest.mark.classes, pytest.mark.timeout(3600)]
LAB = kinds.LAB.stem
SHORT = "\nc.Execute.timeout_func = lambda cell: 20 if cells.is_graded(cell) else 600\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """Return a course in which nbgrader has graded one submission of each kind."""
    folder = tmp_path_factory.mktemp("course")
    for name in kinds.KINDS:
        kinds.put(kinds.kind(name), folder, name)
    for name in ("cut.py", "nbgrader_config.py"):
        shutil.copy(ROOT / "solutions" / name, folder / name)
    with open(folder / "nbgrader_config.py", "a") as config:
        config.write(f"{SHORT}c.CourseDirectory.course_id = 'llmlab'\n")
    (folder / "source" / LAB).mkdir(parents=True)
    shutil.copy(kinds.LAB, folder / "source" / LAB)
    for word in ("generate_assignment", "autograde"):
        run([sys.executable, "-m", "nbgrader", word, LAB], folder)
    return folder


def run(command, folder):
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": PATHS},
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(course, grader):
    submitted, problems = submissions.folder(course, [LAB])
    assert not problems
    results = list(grader.grade(submitted))
    tables.write(results, course)
    pages.write(results, course)
    return agreement.compare(course / "marks.csv", course / "gradebook.db")


def test_both_graders_agree_but_for_tampering_and_references(compared):
    alike, differences = compared
    assert alike > 60
    assert [str(one) for one in differences if not one.reason] == []
    tampered = {d.key[1] for d in differences if d.reason.startswith("tampered")}
    assert tampered == {"tampering"}
    others = {d.key[1] for d in differences} - tampered
    assert others <= {"endless", "half", "hungry"}  # each uses what is wrong, or dies


def test_nbgrader_gave_whole_submissions_their_points(compared, course):
    """A filled lab has all, with none of its measuring cells having run."""
    rows = tables.read(course / "marks.csv")
    assert len(rows) == 7 * len(kinds.KINDS)
    autograded = course / "autograded" / "right" / LAB / kinds.LAB.name
    assert "skip-execution" in autograded.read_text()


def test_the_commands_of_the_guide_for_nbgrader_run(tmp_path):
    for name in ("labs", "solutions"):
        (tmp_path / name).symlink_to(ROOT / name)
    words = {"llmlab": "llmlab", "nbgrader": "nbgrader"}
    shell = "".join(
        f'{name}() {{ "{sys.executable}" -m {module} "$@"; }}\n'
        for name, module in words.items()
    )
    first, second = blocks()
    done = run(["bash", "-e", "-c", shell + first + second], tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "14 exercises alike, 0 different"
