"""An answer that is a program's text runs behind the wall, too, and not as a learner's.

The learner's process gives the text alone; it is compiled and run by the grader, in
processes with the limits that an answer has.
"""

from pathlib import Path

import pytest
from grading.graders import LIMITS, mark_of
from graphs.right_dots import PLAIN, of

from llmlab.grading import Grader
from llmlab.grading.assignments import Assignment, Task
from llmlab.grading.submissions import Submission
from llmlab.graphs import inner

pytestmark = pytest.mark.timeout(300)
CHECK = "check.dot_source(dot_source)"
TASK = Task("dot_source", "dot_source", 1, "a dot in C", "★★☆", 15, 4.0, CHECK)
LAB = "10_graphs"


def assignment():
    return Assignment(
        LAB, (TASK,), 0.0, "from llmlab.checks import graphs as check", {}
    )


def answer(text):
    return f"def dot_source():\n    return {text!r}\n"


WRITES = of('return fopen("{place}", "w") != 0;', before="#include <stdio.h>\n")()
STEALS = of(PLAIN, before='__asm__(".incbin \\"{secret}\\"");\n')()
COMPILING = """
from llmlab.graphs import inner
def dot_source():
    return inner.dot_source() if inner.dot(inner.dot_source(), [1], [1]) else ""
"""
SOURCES = {
    "right": answer(of(PLAIN)()),
    "prefetching": answer(inner.prefetching()),
    "wrong": answer(of(PLAIN.replace("i < n", "i <= n"))()),
    "does not compile": answer(of("return sum")()),
    "endless": answer(of("for (;;);\nreturn 0;")()),
    "crashes": answer(of("return *(volatile int *)16;")()),
    "exits": answer(of("exit(0);\nreturn 0;", before="#include <stdlib.h>\n")()),
    "sleeps": answer(
        of("return sleep(3000);", before="#include <unistd.h>\n")()
    ),
    "program": answer(
        of('return system("true") == 0;', before="#include <stdlib.h>\n")()
    ),
    "number": "def dot_source():\n    return 32\n",
    "nothing": "def dot_source():\n    return None\n",
    "raises": "def dot_source():\n    raise RuntimeError('oops')\n",
    "Python never ends": "def dot_source():\n    while True: pass\n",
    "compiles itself": COMPILING,
    "the check's own": (
        "from llmlab.checks import graphs as check\n"
        "def dot_source():\n    return check.EXERCISES['dot_source'].right()\n"
    ),
    "todo": "from llmlab import checks\n"
    "def dot_source():\n    raise checks.Todo('Exercise 7 is not written yet.')\n",
}  # fmt: skip
STATES = {
    "right": "right", "prefetching": "right", "raises": "crashed",
    "Python never ends": "too slow", "compiles itself": "crashed",
    "the check's own": "tampered", "todo": "not written",
}  # fmt: skip
WORDS = {
    "wrong": "one number too many", "does not compile": "dot compiles",
    "endless": "a loop over n numbers ends", "crashes": "behind it lies",
    "exits": "ends or starts nothing", "sleeps": "it does not end",
    "program": "always gives 0", "number": "return the C text itself",
    "writes": "always gives 0", "steals": "dot compiles",
}  # fmt: skip


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    """Grade one submission for each source, in one warm process."""
    folder = tmp_path_factory.mktemp("others")
    place, secret = folder / "written", folder / "secret"
    secret.write_text("somebody's answer")
    more = {
        "writes": answer(WRITES.replace("{place}", str(place))),
        "steals": answer(STEALS.replace("{secret}", str(secret))),
    }
    submitted = []
    for name, source in (SOURCES | more).items():
        marked = {"nbgrader": {"grade_id": "dot_source", "solution": True}}
        cell = {"cell_type": "code", "id": "dot_source", "source": source}
        cells = [cell | {"metadata": marked}]
        submitted.append(Submission(name, LAB, Path(name), cells))
    with Grader([assignment()], limits=LIMITS) as grader:
        results = {one.submission.learner: one for one in grader.grade(submitted)}
    assert not place.exists() and secret.read_text() == "somebody's answer"
    return {name: mark_of(one, "dot_source") for name, one in results.items()}


@pytest.mark.parametrize("name", [*SOURCES, "writes", "steals"])
def test_a_text_gets_the_state_that_it_deserves(marks, name):
    assert marks[name].state == STATES.get(name, "wrong"), marks[name]


@pytest.mark.parametrize("name", WORDS)
def test_what_is_wrong_with_a_text_is_said_as_the_check_says_it(marks, name):
    assert [line[:1] for line in marks[name].lines] == ["✗", " ", " "]
    assert WORDS[name] in " ".join(marks[name].lines)
    assert "somebody" not in " ".join(marks[name].lines)


def test_only_right_texts_have_points(marks):
    assert {name for name, mark in marks.items() if mark.points} == {
        "right", "prefetching",
    }  # fmt: skip


def test_without_a_compiler_nothing_is_graded_as_wrong(monkeypatch):
    monkeypatch.setattr(inner.compilers, "find", tuple)
    words = "10_graphs cannot be graded here: no C compiler answers"
    with pytest.raises(ValueError, match=words):
        Grader([assignment()])
