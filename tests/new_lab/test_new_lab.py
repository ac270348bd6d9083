"""The skeleton of a lab follows the pattern, and nothing that exists is touched."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import counts
import pattern
import pytest
from notebooks import ROOT, read

import llmlab
from llmlab.new_lab import __main__ as command
from llmlab.new_lab import make, notebook
from llmlab.new_lab.skeleton import ROOMS, TEACHING

WORD, NOTEBOOK = "speculation", "09_speculation.ipynb"
COPIED = ("llmlab", "solutions", "tests", "docs", "pyproject.toml")
# What a skeleton cannot hold yet: it was not run, its lab was not cut.
LATER = "executed or strict or cut or examples or nbgrader"


@pytest.fixture
def checkout(tmp_path):
    """Return what of a checkout a new lab touches."""
    for name in (*ROOMS, TEACHING):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "solutions").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a copy of this checkout, without what is heavy, with a new lab in it."""
    folder = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("weights", "__pycache__", "[0-9]*.ipynb")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, folder / name)
    make(WORD, folder / "solutions")
    return folder


def files(folder):
    """Return every file of a folder with its content."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def python(folder, *arguments):
    """Run Python on the copy and return what it says; fail if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_skeleton_follows_the_pattern_and_keeps_to_its_numbers(checkout):
    make(WORD, checkout / "solutions")
    made = read(checkout / "solutions" / NOTEBOOK)
    assert pattern.faults(made) == []
    assert [one for one in counts.counts(made) if not one.holds] == []


def test_the_skeleton_passes_the_tests_of_every_notebooks_text(whole):
    tests = [f"tests/labs/test_{name}.py" for name in ("notebooks", "pattern")]
    words = f"{WORD} and not ({LATER})"
    said = python(whole, "-m", "pytest", "-q", "-p", "no:randomly", *tests, "-k", words)
    assert int(re.search(r"(\d+) passed", said)[1]) >= 9


def test_what_was_made_is_formatted_and_ruff_finds_nothing(whole):
    made = [*whole.glob(f"**/{WORD}"), *(whole / name for name in ROOMS)]
    assert len(made) == 4 + len(ROOMS)
    for arguments in (["check"], ["format", "--check"]):
        python(whole, "-m", "ruff", *arguments, "--no-cache", *map(str, made))


def test_the_new_room_is_shown_and_promises_minutes(whole):
    ask = (
        "import llmlab\nfrom llmlab import speculation, checks, show\n"
        "lab = 'speculation'\n"
        "print([name for name in (lab,) if name in dir(llmlab)], dir(speculation),"
        " lab in dir(checks), lab in dir(show),"
        " *[row.minutes for row in llmlab.LABS if row.word in (lab, 'tradeoffs')],"
        " 'lab 9' in llmlab.__doc__)"
    )
    said = python(whole, "-c", ask).strip()
    assert said == "['speculation'] ['experiments', 'quantities'] True True 2 None True"


def test_the_new_lab_is_cut_and_its_tests_and_those_of_faces_pass(whole):
    """The examples in the skeleton are those that its checks give."""
    said = python(whole, "solutions/cut.py", NOTEBOOK)
    assert said == f"labs/{NOTEBOOK}: cut\n"
    tests = [f"tests/{WORD}", "tests/test_faces.py"]
    said = python(whole, "-m", "pytest", "-q", "-p", "no:randomly", *tests)
    assert "passed" in said and "skipped" not in said


def test_what_exists_is_kept_and_then_nothing_is_written(checkout):
    room = checkout / "llmlab" / "checks" / WORD
    room.mkdir(parents=True)
    (room / "third.py").write_text('"""Mine."""\n')
    before = files(checkout)
    with pytest.raises(
        ValueError, match=r"checks/speculation/third\.py exist and are kept"
    ):
        make(WORD, checkout / "solutions")
    assert files(checkout) == before
    shutil.rmtree(room)
    make(WORD, checkout / "solutions")
    with pytest.raises(ValueError, match="move them away first"):
        make(WORD, checkout / "solutions")


def test_a_part_of_the_guide_for_teachers_is_added_to_what_stands_there(checkout):
    guide = checkout / "docs" / "teaching.md"
    before = guide.read_text() if guide.exists() else ""
    make(WORD, checkout / "solutions")
    after = guide.read_text()
    assert after.startswith(before.rstrip("\n")) and "## Lab 09, speculation" in after


@pytest.mark.parametrize(
    ("word", "folder", "why"),
    [
        ("sewing", "solutions", "choose one of measure"),
        ("measure", "solutions", "measure/__init__.py.* exist and are kept"),
        (WORD, "nowhere/solutions", "no checkout"),
    ],
)
def test_a_lab_that_cannot_be_made_is_one_sentence(checkout, word, folder, why, capsys):
    (checkout / "llmlab" / "measure").mkdir()
    (checkout / "llmlab" / "measure" / "__init__.py").write_text('"""Mine."""\n')
    assert command.main([word, "--folder", str(checkout / folder)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("new_lab: ") and said.count("\n") == 1
    with pytest.raises(ValueError, match=why):
        make(word, checkout / folder)


def test_the_command_prints_what_was_made_and_what_is_left(checkout, capsys):
    assert command.main([WORD, "--folder", str(checkout / "solutions")]) == 0
    lines = capsys.readouterr().out.splitlines()
    made = [Path(line.split()[1]) for line in lines if line.startswith("made")]
    assert all((checkout / path).is_file() for path in made) and len(made) == 14
    left = [line for line in lines if line.startswith("left")]
    assert "grep -rn FILL" in left[0] and len(left) > 5


@pytest.mark.parametrize("word", llmlab.WORDS)
def test_a_skeleton_has_the_question_of_its_lab(word):
    row = llmlab.LABS[llmlab.WORDS.index(word)]
    made = notebook.build(word, "09", row.question)
    assert made.cells[0].source.startswith(f"# 09 · {row.question}\n")
    assert pattern.faults(made) == []
