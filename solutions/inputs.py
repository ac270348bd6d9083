"""What a solution was executed with, as one hash: `metadata.llmlab.inputs`.

In it: sources and tags of the code cells; the code of each module of llmlab that the
notebook and its checks reach, without comments and docstrings; the data files beside
these modules; bundled weights and recorded files that code names; the minor versions of
Python and of three libraries. Not in it: quantities, which are words, and the table
`LABS`. Machines with the same versions have the same hash.

What `reached` cannot see, and another processor, are what labs are executed by turns
for (`tests/rotation.py`), and all of them before a release.
"""

import ast
import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

import reached
from nbformat import NotebookNode
from reached import PACKAGE

LIBRARIES = ("torch", "transformers", "numpy")


def fingerprint(notebook: NotebookNode, word: str) -> str:
    """Return the hash of all that a solution is executed with.

    word: the lab's, for its checks. Outputs and markdown cells change nothing in it.
    """
    lines = sorted(f"{name} {value}" for name, value in parts(notebook, word).items())
    return _digest("\n".join(lines).encode())[:16]


def stored(notebook: NotebookNode) -> str | None:
    """Return the hash that a solution was executed with; None where none is kept."""
    return notebook.metadata.get("llmlab", {}).get("inputs")


def parts(notebook: NotebookNode, word: str) -> dict[str, str]:
    """Return what goes into the hash: name -> its own hash, or its version."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cells = [(cell.source, sorted(cell.metadata.get("tags", []))) for cell in code]
    modules = [name for name in reached.modules(notebook, word) if _counts(name)]
    trees = [reached.tree_of(notebook), *map(reached.tree_of_module, modules)]
    paths = {path for name in modules for path in _beside(name)}
    paths |= {path for tree in trees for path in _named_files(tree)}
    return {
        "cells": _digest(repr(cells).encode()),
        **{name: _code_digest(name) for name in modules},
        **{path.relative_to(PACKAGE).as_posix(): _file_digest(path) for path in paths},
        **_versions(),
    }


def _counts(name: str) -> bool:
    """Say whether a module is more than words or a shelf of labs' rooms."""
    return not name.endswith(".quantities") and not reached.shelf(name)


@functools.cache
def _code_digest(name: str) -> str:
    return _digest(ast.dump(reached.tree_of_module(name)).encode())


def _named_files(tree: ast.Module) -> set[Path]:
    """Return the files of bundled weights and the recorded files that code names."""
    named: set[Path] = set()
    for text in {*reached.texts(tree)}:
        named |= {*_weights().get(text, [])}
        named |= {path for path in _recorded() if text in (path.name, path.stem)}
    return named


@functools.cache
def _weights() -> dict[str, list[Path]]:
    folders = [path for path in (PACKAGE / "weights").iterdir() if path.is_dir()]
    return {folder.name: _data(folder) for folder in folders}


@functools.cache
def _recorded() -> list[Path]:
    return _data(PACKAGE / "recorded")


@functools.cache
def _beside(name: str) -> list[Path]:
    """Return the data files of a room, those in folders without code included."""
    path = reached.file(name)
    return _data(path.parent) if path.name == "__init__.py" else []


def _data(folder: Path) -> list[Path]:
    """Return the files of a folder that are no code, no card, and no other room's."""
    files = []
    for path in folder.iterdir():
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir() and not (path / "__init__.py").exists():
            files += _data(path)
        elif path.is_file() and path.suffix != ".py" and path.name != "README.md":
            files.append(path)
    return files


@functools.cache
def _file_digest(path: Path) -> str:
    return _digest(path.read_bytes())


def _versions() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    versions["python"] = platform.python_version()
    return {name: ".".join(text.split(".")[:2]) for name, text in versions.items()}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
