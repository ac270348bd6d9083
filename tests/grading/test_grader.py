"""Every kind of submission gets what it deserves, and one never touches another."""

from pathlib import Path

import pytest
from grading import kinds
from grading.graders import LIMITS, assignment, mark_of
from notebooks import SOLUTIONS

from llmlab.grading import Grader, Limits, seal
from llmlab.grading.submissions import Submission

pytestmark = pytest.mark.timeout(300)
LAB = kinds.LAB.stem


def submission(name, cells, lab=LAB):
    return Submission(name, lab, Path(f"{name}.ipynb"), cells)


@pytest.fixture(scope="module")
def results(grader):
    """Grade one submission of each kind, one after the other, in one warm process."""
    submitted = [submission(name, kinds.kind(name)["cells"]) for name in kinds.KINDS]
    return {one.submission.learner: one for one in grader.grade(submitted)}


def states(result):
    return {mark.state for mark in result.marks}


@pytest.mark.parametrize("name", ["right", "other_right", "printing"])
def test_a_right_answer_gets_every_point(results, name):
    assert results[name].points == results[name].assignment.points > 0
    assert results[name].state == "complete"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("untouched", "not written"), ("wrong", "wrong"), ("crashing", "crashed"),
        ("deadly", "dead"), ("tampering", "tampered"), ("edited_check", "not written"),
    ],
)  # fmt: skip
def test_what_is_not_right_gets_no_point_and_a_state(results, name, state):
    assert results[name].points == 0
    assert states(results[name]) == {state}


@pytest.mark.parametrize(
    ("name", "state"), [("endless", "too slow"), ("hungry", "out of memory")]
)
def test_what_has_no_end_takes_its_exercise_only(results, name, state):
    mark = mark_of(results[name], "percentile")
    assert (mark.points, mark.state) == (0, state)
    assert results[name].points == results[name].assignment.points - mark.task.points


@pytest.mark.parametrize("name", ["endless", "hungry"])
def test_behind_a_wrong_exercise_the_reference_is_used_and_named(results, name):
    noted = [mark for mark in results[name].marks if mark.note]
    assert [mark.task.name for mark in noted] == ["speedup"]
    assert noted[0].note == "graded with the reference solution of percentile"


def test_half_the_exercises_get_their_own_points(results):
    for mark in results["half"].marks:
        # Exercise 5 uses 4, which is not written, so it is run with the reference.
        written = mark.task.number % 2 == 1
        assert mark.state == ("right" if written else "not written")


def test_an_edited_check_is_noted(results):
    assert all("edited" in mark.note for mark in results["edited_check"].marks)


def test_a_wrong_answer_has_the_three_lines_of_the_check(results):
    mark = mark_of(results["wrong"], "percentile")
    assert [line[:1] for line in mark.lines] == ["✗", " ", " "]
    assert "forgotten" in " ".join(mark.lines) or "return" in mark.lines[2]


def test_a_crash_shows_the_learners_line_and_no_path_of_this_machine(results):
    mark = mark_of(results["crashing"], "percentile")
    assert "RuntimeError: oops" in mark.lines[1]
    assert "it stopped at `raise RuntimeError('oops')`" in mark.lines[2]
    assert not any(str(Path(__file__).parents[2]) in line for line in mark.lines)


def without_percentile(name, answer, stub):
    return stub if name == "percentile" else answer


def test_what_uses_an_exercise_that_is_not_written_is_run_with_the_reference(grader):
    cells = kinds.filled(without_percentile)["cells"]
    (result,) = grader.grade([submission("ada", cells)])
    assert mark_of(result, "percentile").state == "not written"
    mark = mark_of(result, "speedup")
    assert mark.right and mark.note.endswith("reference solution of percentile")


@pytest.mark.slow
def test_without_solutions_it_says_that_nothing_was_graded_again():
    cells = kinds.filled(without_percentile)["cells"]
    with Grader([assignment(solutions=False)], limits=LIMITS) as grader:
        (result,) = grader.grade([submission("ada", cells)])
    mark = mark_of(result, "speedup")
    assert mark.points == 0
    assert mark.note == "not graded again: the solutions are not here"


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_solution_passes_with_the_checks_own_answers_sealed(grader, path):
    cells = kinds.filled(kinds.right, path)["cells"]
    (result,) = grader.grade([submission("ada", cells, path.stem)])
    assert [m.task.name for m in result.marks if not m.right] == []


def test_what_a_learner_defined_in_cells_of_their_own_is_there(grader):
    def fill(name, answer, stub):
        body = "return interpolated(np.sort(samples), share)"
        return kinds.with_body(stub, body) if name == "percentile" else answer

    helper = (
        "import numpy as np\n\n\ndef interpolated(ordered, share):\n"
        "    return float(np.quantile(ordered, share))\n"
    )
    notebook = kinds.with_cell(kinds.filled(fill), helper)
    notebook = kinds.with_cell(notebook, "raise SystemExit('this only measures')")
    (result,) = grader.grade([submission("ada", notebook["cells"])])
    assert mark_of(result, "percentile").right


def test_a_changed_check_on_disk_voids_the_run(monkeypatch, grader):
    monkeypatch.setattr(seal, "digest", lambda folder: "changed")
    cells = kinds.kind("untouched")["cells"][:3]
    with pytest.raises(OSError, match="no mark of this run counts"):
        list(grader.grade([submission("ada", cells)]))


def test_the_digest_of_the_checks_follows_their_sources(tmp_path):
    (tmp_path / "one.py").write_text("x = 1")
    before = seal.digest(tmp_path)
    assert seal.digest(tmp_path) == before
    (tmp_path / "one.py").write_text("x = 2")
    assert seal.digest(tmp_path) != before


def test_limits_of_nothing_are_refused():
    with pytest.raises(ValueError, match="cpu_seconds=0"):
        Limits(cpu_seconds=0)


def test_a_grader_may_be_left_in_the_middle(grader):
    cells = kinds.kind("right")["cells"]
    submitted = [submission(f"l{number}", cells) for number in range(3)]
    first = next(iter(grader.grade(submitted)))
    assert first.points == first.assignment.points
