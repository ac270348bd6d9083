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


def row(word: str) -> Lab:
    """Return the row of a lab in the table."""
    return llmlab.LABS[llmlab.WORDS.index(word)]


def number(word: str) -> str:
    """Return the two digits of a lab's notebook: "quantization" -> "04"."""
    return f"{llmlab.WORDS.index(word) + 1:02d}"


def notebook(word: str) -> str:
    """Return the file name of a lab: "quantization" -> "04_quantization.ipynb"."""
    return f"{number(word)}_{word}.ipynb"


def run(options: argparse.Namespace) -> int:
    """Print the table of the labs."""
    width = max(map(len, llmlab.WORDS))
    for word, question, minutes in llmlab.LABS:
        here = (folder() / notebook(word)).is_file()
        state = terminal.paint("here   ", "green") if here else "planned"
        takes = f" ({minutes} minutes)" if minutes else ""
        print(f"{number(word)}  {word:<{width}}  {state}  {question}{takes}")
    print("\nOpen them with: llmlab start my-course")
    return 0
