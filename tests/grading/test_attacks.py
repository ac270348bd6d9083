"""An answer that goes at the check instead of the exercise gets nothing for it."""

from pathlib import Path

import pytest
from grading import attacks, kinds
from grading.graders import mark_of

from llmlab.grading.submissions import Submission

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def results(grader):
    """Grade one submission for each attack; all else in it is the solution."""
    submitted = []
    for name, source in attacks.ALL.items():

        def fill(exercise, answer, stub, source=source):
            return source if exercise == "percentile" else answer

        cells = kinds.filled(fill)["cells"]
        cells = [one for one in cells if one["id"] in ("imports", "percentile")]
        submitted.append(Submission(name, kinds.LAB.stem, Path(name), cells))
    return {one.submission.learner: one for one in grader.grade(submitted)}


@pytest.mark.parametrize("name", attacks.ALL)
def test_an_attack_earns_nothing(results, name):
    assert mark_of(results[name], "percentile").points == 0
    assert results[name].points == 0


@pytest.mark.parametrize("name", sorted({*attacks.ALL} - {*attacks.HARMLESS}))
def test_an_attack_is_not_taken_for_a_wrong_answer(results, name):
    assert mark_of(results[name], "percentile").state != "wrong"


def test_who_grades_lives_on(results, grader):
    assert len(results) == len(attacks.ALL)
    cells = kinds.kind("right")["cells"]
    (after,) = grader.grade([Submission("ada", kinds.LAB.stem, Path("ada"), cells)])
    assert after.state == "complete"


def test_a_replaced_check_is_named_to_the_teacher(results):
    mark = mark_of(results["patched_values"], "percentile")
    assert mark.state == "tampered"
    assert "llmlab.checks.values.alike" in mark.note
    assert mark.lines == ("✗ not counted; your teacher looks at it.",)


@pytest.mark.parametrize("name", ["reference", "wrapped_reference", "modules"])
def test_the_checks_own_answer_is_sealed(results, name):
    mark = mark_of(results[name], "percentile")
    assert (mark.state, mark.note) == ("tampered", "called the check's own answer")
