"""`llmlab labs`: the labs with their questions, and which of them are here."""

import argparse
from pathlib import Path

import llmlab
from llmlab import Lab
from llmlab.command import terminal


def package() -> Path:
    return Path(llmlab.__file__).parent


def folder() -> Path:
    """Return where the labs of this installation stand.

    A wheel carries them inside the package; in a checkout they stand beside it.
    """
    inside = package() / "labs"
    return inside if inside.is_dir() else package().parent / "labs"


def rows(word: str) -> tuple[Lab, ...]:
    """Return the rows of a word in the table, one for each of its notebooks."""
    return tuple(lab for lab in llmlab.LABS if lab.word == word)


def row(word: str, letter: str = "") -> Lab:
    """Return the row of one notebook; ValueError where the word has none."""
    for lab in rows(word):
        if lab.letter == letter:
            return lab
    raise ValueError(f"{number(word)}{letter} is no notebook of {word!r}.")


def row_of(name: str) -> Lab:
    """Return the row of a notebook's name: "04b_quantization" -> quantization, "b"."""
    for lab in llmlab.LABS:
        if file(lab).removesuffix(".ipynb") == name.removesuffix(".ipynb"):
            return lab
    raise ValueError(f"name={name!r} is no notebook of this course.")


def number(word: str) -> str:
    """Return the two digits of a lab's notebook: "quantization" -> "04"."""
    return f"{llmlab.WORDS.index(word) + 1:02d}"


def notebook(word: str, letter: str = "") -> str:
    """Return the file name of a lab: "quantization" -> "04_quantization.ipynb"."""
    return f"{number(word)}{letter}_{word}.ipynb"


def file(lab: Lab) -> str:
    """Return the file name of a row of the table."""
    return notebook(lab.word, lab.letter)


def run(options: argparse.Namespace) -> int:
    """Print the table of the labs."""
    width = max(map(len, llmlab.WORDS))
    for lab in llmlab.LABS:
        here = (folder() / file(lab)).is_file()
        state = terminal.paint("here   ", "green") if here else "planned"
        takes = f" ({lab.minutes} minutes)" if lab.minutes else ""
        place = f"{number(lab.word)}{lab.letter:<1}"
        print(f"{place} {lab.word:<{width}}  {state}  {lab.question}{takes}")
    print("\nOpen them with: llmlab start my-course")
    return 0
