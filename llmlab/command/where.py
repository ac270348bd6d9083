"""`llmlab where WORD`: the places where a lab's word lives."""

import argparse
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
    parts = [word, *sorted(path.stem for path in module.glob("[a-z]*.py"))]
    candidates = [
        ("module", module if module.is_dir() else package / f"{word}.py"),
        ("lab", labs.folder() / labs.notebook(word)),
        ("solution", around / "solutions" / labs.notebook(word)),
        ("checks", package / "checks" / f"{word}.py"),
        ("tests of checks", around / "tests" / f"test_checks_{word}.py"),
        *(("tests", around / "tests" / f"test_{part}.py") for part in parts),
        *(("tests", path) for path in sorted(around.glob(f"tests/test_{word}_*.py"))),
    ]
    return [(what, path) for what, path in candidates if path.exists()]


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
