"""`llmlab where WORD`: the places where a lab's word lives."""

import argparse
import difflib
import os
from pathlib import Path

import llmlab
from llmlab.command import labs


def places(word: str) -> list[tuple[str, Path]]:
    """Return what exists of a word: pairs of what it is and its file or folder.

    A folder stands for all that lies in it. A wheel holds no solutions, no tests and no
    benchmarks; they stand in the repository.
    """
    package, around = labs.package(), labs.package().parent
    candidates = [
        ("module", package / word),
        *(("lab", path) for path in _notebooks(labs.folder(), word)),
        *(("solution", path) for path in _notebooks(around / "solutions", word)),
        *(("page", path) for path in _notebooks(around / "docs/labs", word, "md")),
        ("checks", package / "checks" / word),
        ("show", package / "show" / word),
        ("tests", around / "tests" / word),
        *(("recorded", path) for path in _begun(package / "recorded", word)),
        *(("benchmark", path) for path in _begun(around / "benchmarks", word)),
    ]
    return [(what, path) for what, path in candidates if path.exists()]


def _notebooks(folder: Path, word: str, kind: str = "ipynb") -> list[Path]:
    """Return the notebooks of a word, or what is named as they are.

    One that goes deeper has a letter: 04b.
    """
    return sorted(folder.glob(f"{labs.number(word)}*_{word}.{kind}"))


def _begun(folder: Path, word: str) -> list[Path]:
    """Return the files of a folder whose names begin with a word."""
    return sorted(folder.glob(f"{word}_*.*"))


def run(options: argparse.Namespace) -> int:
    """Print the places of a word; ValueError names the words there are."""
    word = options.word
    if word not in llmlab.WORDS:
        raise ValueError(
            f"WORD={word!r} is no lab's word{_nearest(word)}; choose one of "
            f"{', '.join(llmlab.WORDS)}."
        )
    for lab in labs.rows(word):
        print(f"Lab {labs.number(word)}{lab.letter}, {word}: {lab.question}")
    paths = places(word)
    for what, path in paths:
        print(f"  {what:<15}  {_short(path)}")
    if not paths:
        print("  planned; nothing of it is in this installation yet")
    return 0 if paths else 1


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, llmlab.WORDS, n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _short(path: Path) -> str:
    """Write a path from here if it lies below, else in full."""
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}{os.sep}" if path.is_dir() else str(shown)
