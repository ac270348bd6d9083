"""A class in its smallest form: nbgrader hands out what we cut, and grades what came.

The submissions are lab 01 up to its last exercise's check; what the lab only measures
is left out of them, so that a class is graded in seconds.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebooks import ROOT, SOLUTIONS, is_check, is_exercise, is_question

LAB = SOLUTIONS[0]
pytestmark = [pytest.mark.grading, pytest.mark.timeout(600)]


def nbgrader(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run nbgrader's own command in a course's folder."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "LLMLAB_TIME": "0.1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """Return a course with lab 01 as its one assignment, handed out."""
    folder = tmp_path_factory.mktemp("course")
    exchange = tmp_path_factory.mktemp("exchange")
    for name in ("cut.py", "nbgrader_config.py"):
        shutil.copy(ROOT / "solutions" / name, folder / name)
    with open(folder / "nbgrader_config.py", "a") as config:
        config.write(f"c.Exchange.root = {str(exchange)!r}\n")
        config.write("c.CourseDirectory.course_id = 'llmlab'\n")
    source = folder / "source" / "lab"
    source.mkdir(parents=True)
    shutil.copy(LAB, source)
    done = nbgrader(folder, "generate_assignment", "lab")
    assert done.returncode == 0, done.stderr
    return folder


def is_graded(cell):
    return is_exercise(cell) or is_check(cell) or is_question(cell)


def shortened(notebook):
    """Keep what is graded: exercises, checks, words, and the imports before them."""
    first = [c for c in notebook.cells if c.cell_type == "code"][:2]
    notebook.cells = [
        cell
        for cell in notebook.cells
        if any(cell is other for other in first) or is_graded(cell)
    ]
    return notebook


@pytest.mark.rotated
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_nbgrader_finds_the_solution_valid(path, tmp_path):
    """What is graded of it: the whole runs under nbval, when it has its turn too."""
    part = shortened(nbformat.read(path, as_version=4))
    nbformat.write(part, tmp_path / path.name)
    done = nbgrader(tmp_path, "validate", path.name)
    assert done.returncode == 0 and "passes all the tests" in done.stdout + done.stderr


def test_what_nbgrader_hands_out_is_our_own_cut(course):
    handed = nbformat.read(course / "release" / "lab" / LAB.name, as_version=4)
    ours = nbformat.read(ROOT / "labs" / LAB.name, as_version=4)
    assert [cell.source for cell in handed.cells] == [c.source for c in ours.cells]
    assert [c.metadata.get("nbgrader") is None for c in handed.cells] == [
        c.metadata.get("nbgrader") is None for c in ours.cells
    ]


def filled(cell, answer):
    return answer


def untouched(cell, answer):
    return cell.source


def wrong(cell, answer):
    return _with_body(cell, "return None")


def crashing(cell, answer):
    return _with_body(cell, "raise RuntimeError('oops')")


def half(cell, answer):
    """Answer exercises 1, 3, 5 and leave the others."""
    number = int(cell.source.split("Exercise ")[1].split(":")[0])
    return answer if number % 2 else cell.source


def deadly(cell, answer):
    return "import os\nos._exit(1)\n" + answer


def _with_body(cell, body: str) -> str:
    lines = cell.source.split("\n")
    place = next(n for n, line in enumerate(lines) if "raise checks.Todo" in line)
    indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
    return "\n".join([*lines[:place], indent + body, *lines[place + 1 :]])


STUDENTS = {f.__name__: f for f in (filled, untouched, wrong, crashing, half, deadly)}


@pytest.fixture(scope="module")
def grades(course) -> dict[str, tuple[float, float]]:
    """Grade one submission of each kind; give points and the most there were."""
    answers = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in nbformat.read(LAB, as_version=4).cells
        if is_exercise(cell)
    }
    for student, fill in STUDENTS.items():
        handed = nbformat.read(course / "release" / "lab" / LAB.name, as_version=4)
        for cell in handed.cells:
            if is_exercise(cell):
                cell.source = fill(cell, answers[cell.metadata.nbgrader.grade_id])
        place = course / "submitted" / student / "lab"
        place.mkdir(parents=True)
        nbformat.write(shortened(handed), place / LAB.name)
    nbgrader(course, "autograde", "lab")
    from nbgrader.api import Gradebook, MissingEntry

    found = {}
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        most = book.find_assignment("lab").max_code_score  # a person gives the rest
        for student in STUDENTS:
            found[student] = 0.0, most
            with contextlib.suppress(MissingEntry):
                found[student] = book.find_submission("lab", student).code_score, most
    return found


def test_a_filled_lab_gets_every_point(grades):
    points, most = grades["filled"]
    assert points == most > 0


@pytest.mark.parametrize("student", ["untouched", "wrong", "crashing"])
def test_what_is_not_right_gets_no_point(grades, student):
    assert grades[student][0] == 0


def test_half_the_exercises_get_their_own_points(grades):
    points, most = grades["half"]
    assert 0 < points < most


def test_a_dead_kernel_gets_no_point(grades):
    assert grades["deadly"][0] == 0
