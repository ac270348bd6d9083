"""Imports run downhill only, and in no circle."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import llmlab

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted((ROOT / "llmlab").rglob("*.py"))


def test_imports_run_downhill_only():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_what_imports_it_inside_functions_neither():
    try:
        TopologicalSorter(import_graph()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_graph_of_imports_sees_what_a_function_imports():
    graph = import_graph()
    assert "llmlab.show" in graph["llmlab.command.measure"], "in a function"
    assert "llmlab.core.machine" in graph["llmlab.zoo.__main__"]
    assert len(graph) == len(MODULES)


def import_graph():
    """Return the modules of llmlab that each one imports, anywhere in it."""
    names = {_dotted(path): path for path in MODULES}
    return {name: _imports_of(path, names) - {name} for name, path in names.items()}


def _dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(path, names):
    """What is imported from a module may be a module itself, or stand in it."""
    wanted = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} imports relatively"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            wanted |= {w if w in names else node.module for w in whole}
    return wanted & names.keys()


def test_every_lab_has_its_floor_in_the_contract():
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    names = re.findall(r"\w+", " ".join(layers))
    street = [name for name in reversed(names) if name in llmlab.WORDS[1:]]
    assert street == list(llmlab.WORDS[1:])
