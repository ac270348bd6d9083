"""What lies in a folder of submissions, what is refused, and what is written."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from grading import kinds
from grading.graders import assignment
from notebooks import ROOT, SOLUTIONS

from llmlab.grading import agreement, assignments, cells, pages, submissions, tables
from llmlab.grading.marks import Mark, Result
from llmlab.grading.submissions import Submission

LABS = [path.stem for path in SOLUTIONS]
EMPTY = json.dumps({"cells": [], "nbformat": 4})


def place(folder, *names, text=EMPTY):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "name",
    [
        "submitted/ada/01_measure/01_measure.ipynb",
        "submitted/ada/lab/01_measure.ipynb",
        "ada/01_measure.ipynb", "ada_01_measure.ipynb", "ada - 01_measure (1).ipynb",
        "ada_01_measure-2.ipynb", "ada/01_measure-copy1.ipynb",
    ],
)  # fmt: skip
def test_a_learner_and_a_lab_are_read_from_the_names(tmp_path, name):
    place(tmp_path, name)
    (one,), problems = submissions.folder(tmp_path, LABS)
    assert (one.learner, one.lab, problems) == ("ada", "01_measure", [])


def test_the_two_notebooks_of_a_word_are_told_apart(tmp_path):
    place(tmp_path, "ada_04_quantization.ipynb", "ada_04b_quantization.ipynb")
    found, _ = submissions.folder(tmp_path, LABS)
    assert [one.lab for one in found] == ["04_quantization", "04b_quantization"]


def test_two_files_of_one_learner_are_reported_and_others_go_on(tmp_path):
    place(tmp_path, "ada_01_measure.ipynb", "ada/01_measure.ipynb")
    place(tmp_path, "ada_01_measure (1).ipynb", "bert_01_measure.ipynb")
    found, problems = submissions.folder(tmp_path, LABS)
    assert [one.learner for one in found] == ["bert"]
    assert len(problems) == 3
    assert all("two files" in one.reason for one in problems)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no notebook", "no notebook"), ("[" * 100_000, "no notebook"),
        ('{"cells": 3}', "no cells"), ('{"cells": [1]}', "no cells"),
        ("x" * (submissions.LARGEST + 1), "MiB"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_reported(tmp_path, text, reason):
    place(tmp_path, "ada_01_measure.ipynb", text=text)
    found, (problem,) = submissions.folder(tmp_path, LABS)
    assert found == [] and reason in problem.reason


def test_a_file_that_is_not_utf_8_and_a_link_are_reported(tmp_path):
    (tmp_path / "ada_01_measure.ipynb").write_bytes(b"\xff\xfe{}")
    (tmp_path / "bert_01_measure.ipynb").symlink_to("/etc/passwd")
    found, problems = submissions.folder(tmp_path, LABS)
    assert found == [] and len(problems) == 2


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no notebook"):
        submissions.folder(tmp_path, LABS)
    with pytest.raises(ValueError, match="no folder"):
        submissions.folder(tmp_path / "none", LABS)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("import os\nHALF = 0.5\n\ndef f():\n    return HALF", None),
        ("import os\nmodel = load()", "import os"), ("print(1)", ""), ("", ""),
        ("%timeit f()", ""), ("def broken(:", ""), ("!pip install x\nimport os", None),
    ],
)  # fmt: skip
def test_of_a_cell_is_kept_what_defines_something(source, kept):
    assert cells.definitions(source) == (source if kept is None else kept)


def result(learner, *marks):
    whole = assignment()
    tasks = {one.name: one for one in whole.tasks}
    made = [Mark(tasks[name], state, ("✗ <b>",), note) for name, state, note in marks]
    given = Submission(learner, whole.name, Path("x"), [])
    return Result(given, whole, tuple(made))


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@a", "\tx"])
def test_no_spreadsheet_takes_a_name_for_a_formula(tmp_path, name):
    tables.write([result(name, ("percentile", "right", ""))], tmp_path)
    for table in ("grades.csv", "marks.csv"):
        with (tmp_path / table).open(newline="") as file:
            row = next(csv.DictReader(file))
        assert row["student_id"] == f"'{name}"
        assert row["score"] == "2"
    assert tables.read(tmp_path / "marks.csv")[0]["student_id"] == name


def test_a_page_shows_the_lines_as_text_and_notes_of_references_only():
    page = pages.page(
        result(
            "<ada>",
            ("percentile", "tampered", "replaced everything"),
            ("speedup", "right", "graded with the reference solution of percentile"),
        )
    )
    assert "&lt;b&gt;" in page and "<b>" not in page and "&lt;ada&gt;" in page
    assert "replaced" not in page and "uses percentile" in page


def test_a_page_stays_in_its_folder(tmp_path):
    (path,) = pages.write([result("../../up", ("percentile", "right", ""))], tmp_path)
    assert path.resolve().is_relative_to(tmp_path.resolve())


def test_a_comparison_wants_a_gradebook_and_a_table(tmp_path):
    with pytest.raises(FileNotFoundError):
        agreement.compare(tmp_path / "marks.csv", tmp_path / "gradebook.db")
    tables.write([result("ada", ("percentile", "right", ""))], tmp_path)
    with pytest.raises(ValueError, match="nbgrader autograde"):
        agreement.compare(tmp_path / "marks.csv", tmp_path / "gradebook.db")
    with pytest.raises(ValueError, match="lacks exercise"):
        agreement.compare(tmp_path / "grades.csv", tmp_path / "gradebook.db")


def test_the_guide_holds_the_table_of_the_notebooks():
    every = [assignments.read(ROOT / "labs" / path.name) for path in SOLUTIONS]
    guide = (ROOT / "docs" / "teaching.md").read_text()
    assert assignments.table(every) in guide


def test_the_guide_is_linked_from_the_first_page():
    assert "(docs/teaching.md)" in (ROOT / "README.md").read_text()


def blocks():
    guide = (ROOT / "docs" / "teaching.md").read_text()
    return re.findall(r"^```bash\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_first_commands_of_the_guide_do_what_it_says(tmp_path):
    for name in ("labs", "solutions"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = f'llmlab() {{ "{sys.executable}" -m llmlab "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-e", "-c", command + blocks()[0]],
        cwd=tmp_path, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = tables.read(tmp_path / "marks" / "grades.csv", ())
    points = {row["student_id"]: row["state"] for row in rows}
    assert points == {"ada": "untouched", "bert": "complete"}
    assert len([*(tmp_path / "marks" / "feedback").rglob("*.html")]) == 2
    assert kinds.LAB.stem in done.stdout
