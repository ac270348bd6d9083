"""What contributors are told is so: commands, paths, workflows, forms, tools."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import inputs
import nbformat
import one_lab
import pytest
import run
import yaml

import llmlab
from llmlab.command import labs

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [p for p in ROOT.glob(".github/ISSUE_TEMPLATE/*.yml") if p.stem != "config"]
PROSE = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/design.md"]
PROSE += ["docs/glossary.md", "docs/teaching.md"]
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# Written where a room is told that does not stand yet; each is a lab to come.
PLANNED = {f"llmlab/{word}" for word in llmlab.WORDS}

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
each_prose = pytest.mark.parametrize("name", PROSE)


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs(path):
    return read(path)["jobs"].values()


def lines(path):
    return [step["run"] for job in jobs(path) for step in job["steps"] if "run" in step]


def matrix(name):
    (job,) = jobs(ROOT / ".github" / "workflows" / f"{name}.yml")
    return job["strategy"]["matrix"]


def make(*words):
    """Return what make would do, without doing it."""
    done = subprocess.run(
        ["make", "-n", *words], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_there_are_workflows_for_style_tests_and_labs():
    assert [path.stem for path in WORKFLOWS] == ["labs", "lint", "tests"]


@each_workflow
def test_a_workflow_may_read_ends_in_time_and_pins_its_actions(path):
    whole = read(path)
    assert whole["permissions"] == {"contents": "read"}
    assert whole["concurrency"]["group"].startswith(path.stem)
    for job in jobs(path):
        assert job["timeout-minutes"] <= 120
        actions = [step["uses"] for step in job["steps"] if "uses" in step]
        assert actions
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in actions)


@each_workflow
def test_a_workflow_runs_targets_of_make_and_scripts_that_there_are(path):
    assert lines(path)
    for line in lines(path):
        first, *rest = line.split()
        if first == "make":
            assert rest[0] in TARGETS
        else:
            assert first == "git" or (ROOT / first).stat().st_mode & 0o100


def test_the_tests_run_on_every_python_that_the_package_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert matrix("tests")["python"] == named
    assert project["requires-python"] == f">={named[0]}"


def test_every_solution_is_executed_at_night():
    assert matrix("labs")["word"] == list(run.by_word())


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_github_asks_for(path):
    form = read(path)
    assert form["name"] and form["description"]
    names = [field["id"] for field in form["body"]]
    assert len(set(names)) == len(names)
    for field in form["body"]:
        assert field["type"] in {"textarea", "dropdown", "input"}
        assert field["attributes"]["label"]


def test_the_form_about_a_lab_offers_the_labs_that_there_are():
    (form,) = [read(path) for path in FORMS if path.stem == "lab"]
    (field,) = [field for field in form["body"] if field["id"] == "lab"]
    here = [f"{labs.number(word)} {word}" for word in run.by_word()]
    assert field["attributes"]["options"] == here


@each_prose
def test_a_named_path_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    tops = "|".join(
        ["llmlab", "tests", "solutions", "labs", "docs", "binder", r"\.\w+"]
    )
    named = re.findall(rf"`((?:{tops})/[\w./-]*)`", text)
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    paths = {path.rstrip("/") for path in named} | {
        str((ROOT / name).parent.relative_to(ROOT) / link) for link in links
    }
    missing = {path for path in paths - PLANNED if not (ROOT / path).exists()}
    assert not missing


@each_prose
def test_a_named_target_is_one_of_make(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    inline, alone = r"`make ([\w-]+)", r"^make ([\w-]+)"
    named = {*re.findall(inline, text), *re.findall(alone, text, re.MULTILINE)}
    assert named <= TARGETS


def test_the_design_names_every_floor_and_no_other():
    text = (ROOT / "docs" / "design.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "llmlab").glob("*/__init__.py")}
    told = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert told == rooms | {"weights", "recorded"}


def test_the_changelog_opens_with_what_is_not_released():
    text = (ROOT / "CHANGELOG.md").read_text()
    titles = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert titles[1:2] in ([], [llmlab.__version__])


def test_a_word_stands_behind_the_target_or_in_word():
    for words in (("quantization",), ("WORD=quantization",)):
        assert "solutions/run.py quantization\n" in make("run-lab", *words)
        assert '--lab "quantization"' in make("test-lab", *words)


def test_make_hands_its_words_to_the_tests():
    assert '--labs="all" -k cache' in make("test", "LABS=all", "ARGS=-k cache")
    assert "--labs" not in make("test")
    everything = make("test-all")
    assert "lanes.py --everything" in everything and "make test-extra" in everything
    extra = make("test-extra", "torchao")
    assert 'extras.py --install "torchao"' in extra and '--extra "torchao"' in extra


@pytest.mark.parametrize("words", [[], ["quantisation"], ["measure", "quantization"]])
def test_run_refuses_what_is_no_word_and_names_the_words(words, capsys):
    assert run.main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in run.by_word())


def test_no_tests_are_run_for_what_is_no_word():
    with pytest.raises(pytest.UsageError, match="measure, attention_vs_rnn, quanti"):
        one_lab.files("quantisation")


def test_what_belongs_to_a_lab_is_found_in_every_file_that_runs_over_all_labs():
    tests = ROOT / "tests"
    each = "solution|exercise"
    over = re.compile(rf"^@each_({each})|parametrize\(.*SOLUTIONS", re.M)
    found = {
        str(path.relative_to(tests))
        for path in tests.glob("**/test_*.py")
        if over.search(path.read_text())
    }
    assert found - {"labs/test_elsewhere.py"} == set(one_lab.OVER_ALL)


@pytest.mark.slow
def test_the_tests_of_a_lab_are_its_files_and_its_share_of_what_runs_over_all():
    command = [sys.executable, "-m", "pytest", "--lab", "attention_vs_rnn"]
    done = subprocess.run(
        [*command, "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT, capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    files = {ROOT / line.partition("::")[0] for line in tests}
    (folder,) = one_lab.listed("attention_vs_rnn")
    own = set(folder.glob("test_*.py"))
    over_all = {ROOT / "tests" / name for name in one_lab.OVER_ALL}
    assert own < files <= own | over_all
    shared = [t for t in tests if ROOT / t.partition("::")[0] not in own]
    assert all(re.search(r"\[(02_)?attention_vs_rnn[].]", line) for line in shared)


@pytest.fixture
def solution(monkeypatch, tmp_path):
    """Write a solution of these cells, in a folder beside which labs are cut."""
    monkeypatch.setattr(run.cut, "HERE", tmp_path / "solutions")
    monkeypatch.setattr(run.cut, "LABS", tmp_path / "labs")
    path = tmp_path / "solutions" / "04_quantization.ipynb"
    path.parent.mkdir()

    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        metadata = {"kernelspec": {"display_name": "ours", "name": "python3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        path.write_text(run.cut.text(notebook))
        return path

    return write


REACH = """
import os, socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except ConnectionRefusedError as error:
    print(error)
os.environ["LLMLAB_HOME"] != os.environ["HOME_OF_THE_TEST"]
"""


def test_a_run_keeps_what_the_cells_show_and_cuts_the_lab(solution, capsys):
    """Offline, and nothing in the file says when or on which version of Python."""
    os.environ["HOME_OF_THE_TEST"] = os.environ["LLMLAB_HOME"]
    path = solution("6 * 7", REACH)
    assert run.main(["quantization"]) == 0
    executed = json.loads(path.read_text())
    answer, reach = (cell["outputs"] for cell in executed["cells"])
    assert answer[0]["data"]["text/plain"] == ["42"]
    assert "only this machine may be reached" in "".join(reach[0]["text"])
    assert reach[1]["data"]["text/plain"] == ["True"]
    whole = nbformat.read(path, as_version=4)
    assert executed["metadata"] == {
        "kernelspec": {"display_name": "ours", "name": "python3"},
        "llmlab": {"inputs": inputs.fingerprint(whole, "quantization")},
    }
    assert all(not cell["metadata"] for cell in executed["cells"])
    lab = json.loads((run.cut.LABS / path.name).read_text())
    assert [cell["outputs"] for cell in lab["cells"]] == [[], []]
    assert "executed in" in capsys.readouterr().out


DICE = "import random\nprint('took', random.random(), 's')"


def test_outputs_that_say_the_same_stay_and_the_hash_is_kept(solution, capsys):
    path = solution(DICE)
    shown = []
    for words in ([], [], ["--anew"]):
        assert run.main(["quantization", *words]) == 0
        whole = nbformat.read(path, as_version=4)
        assert inputs.stored(whole) == inputs.fingerprint(whole, "quantization")
        shown.append(whole.cells[0].outputs[0].text)
    assert shown[0] == shown[1] != shown[2]
    assert capsys.readouterr().out.count("outputs kept") == 1


def test_a_run_that_fails_leaves_the_solution_as_it_was(solution, capsys):
    path = solution("6 * 7", "1 / 0")
    before = path.read_bytes()
    assert run.main(["quantization"]) == 1
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    said = capsys.readouterr().err
    assert "stays as it was" in said and "ZeroDivisionError" in said
