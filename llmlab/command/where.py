"""`llmlab where WORD`: the places where a lab's word lives."""

import argparse
import ast
import difflib
import os
from pathlib import Path

import llmlab
from llmlab.command import labs


def places(word: str) -> list[tuple[str, Path]]:
    """Return what exists of a word: pairs of what it is and its file or folder.

    A wheel holds no solutions and no tests; they stand in the repository.
    """
    package, around = labs.package(), labs.package().parent
    module = package / word
    candidates = [
        ("module", module if module.is_dir() else package / f"{word}.py"),
        ("lab", labs.folder() / labs.notebook(word)),
        ("solution", around / "solutions" / labs.notebook(word)),
        *(("checks", path) for path in _checks(word)),
        *(("tests", path) for path in _tests(word)),
    ]
    return [(what, path) for what, path in candidates if path.exists()]


def _checks(word: str) -> list[Path]:
    """Return the module of a word's checks, and the parts that it alone imports."""
    folder = labs.package() / "checks"
    others = set().union(
        *(_reached(other, folder) for other in llmlab.LABS if other != word)
    )
    own = _reached(word, folder) - others - {word}
    return [folder / f"{name}.py" for name in (word, *sorted(own))]


def _reached(name: str, folder: Path) -> set[str]:
    """Return the modules of a folder that one of them imports, itself included."""
    reached, waiting = set(), [name]
    while waiting:
        path = folder / f"{waiting.pop()}.py"
        if path.exists() and path.stem not in reached:
            reached.add(path.stem)
            within = f"llmlab.{folder.name}."
            found = [one for one in _imports(path) if one.startswith(within)]
            waiting += [one.removeprefix(within).split(".")[0] for one in found]
    return reached


def _tests(word: str) -> list[Path]:
    """Return the tests in the folder of a word."""
    return sorted((labs.package().parent / "tests" / word).glob("test_*.py"))


def _imports(path: Path) -> set[str]:
    """Return all that a module may import by `from … import …`, in full."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def run(options: argparse.Namespace) -> int:
    """Print the places of a word; ValueError names the words there are."""
    word = options.word
    if word not in llmlab.LABS:
        raise ValueError(
            f"WORD={word!r} is no lab's word{_nearest(word)}; choose one of "
            f"{', '.join(llmlab.LABS)}."
        )
    print(f"Lab {labs.number(word)}, {word}: {labs.QUESTIONS[word]}")
    found = places(word)
    for what, path in found:
        print(f"  {what:<15}  {_short(path)}")
    if not found:
        print("  planned; nothing of it is in this installation yet")
    return 0 if found else 1


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, llmlab.LABS, n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _short(path: Path) -> str:
    """Write a path from here if it lies below, else in full."""
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}{os.sep}" if path.is_dir() else str(shown)
